//! A history written as a timeline: one line for each moment, one word or two for each thing that happened.
//!
//! ```text
//! 00:00     foregrounded; opens s; starts s/1; sends s/1; suspended
//! 05:00     answers s/1 200
//! 05:01     resumed; given #1=s; tells s/1 file; tells s/1 done; tells s events
//! 05:02     completes #1; !crashed
//! ```
//!
//! `s/1` is transfer 1 of session `s`. `#1=s` is refresh task 1, for session `s`; `#2=@refresh:x` one of another kind,
//! with the user info `x`; `~20` behind it gives it 20 seconds instead of 15. An exclamation mark stands before the
//! entry that a rule should name. Some words stand for two entries, and a mark means one of them: `given` mints its
//! tasks and hands them over (**here**), `tells` begins a message (**here**) and ends it, `cancels` calls (**here**) and returns, `answers` is a head and the end
//! of its body (**here**), `login` a head that asks for one (**here**) and the end of its body.
//!
//! `resource s/1 10:7` says that 10 bytes of the digest 7 lie at its address; `moves s/1` and `finds s/1 10:7` (or `finds
//! s/1 nothing`) are about the file it was given last. `sends s/1 from=4` asks for the rest, and `loses s/1 at=00:09`
//! says when the last byte came.
//!
//! `login s/1 offers=digest:a,basic:b` offers two ways to log in; `tells s/1 asks=basic:b+1~ann` asks about one, with a
//! failure counted and Ann's credential proposed; `gets s/1 credential=ann` answers with it, `sends s/1 with=Basic` sends
//! it. With `distrusts s/1` and `wants s/1` the connection itself raises the question of trust, or of a client certificate;
//! `tells s asks=trust` is the session-level method, `tells s/1 asks=trust` the task-level one.
//!
//! `fetches s s/1 s/2`: the user wants these together. `uses s/1` is about the file where it was given; `works 1 s/1` and
//! `worked 1` are a piece of work; `panics handle` is the app's code.
//!
//! `lists s 1 2` is a question and its answer; `listing s` and `listed s 1 2` are the two by themselves.
//!
//! `registers 1 session=s` is a closure for that session's tasks; `runs 2 1 #3`, `cancels-run 2` (or `drops-run 2`) and `ends 2` are
//! the second run of any, of closure 1 for task 3.

use std::collections::BTreeMap;

use bgsession_conformance::contract::{
    AppClass, Conditions, Link, Time, TransferId, UserInfo, WakeOutcome, WakeReason,
};
use bgsession_conformance::history::{
    Answer, Event, ExchangeOutcome, FaultKind, History, Message, MessageId, Phase, Reopening, ShownIdentity,
    SubjectFault, TransferKey,
};

use crate::words::{
    DIGEST, SIZE, answer, app, charge, completed, content, created, id, key, kind, listed, message, number,
    opened, pattern, space, task_ref, time,
};

/// What a timeline says.
pub(crate) struct Timeline {
    pub(crate) history: History,
    /// The entry with the exclamation mark.
    pub(crate) marked: Option<usize>,
}

/// Reads a timeline.
///
/// # Panics
///
/// If it is not one: a history that says something else than it seems to would prove nothing.
pub(crate) fn read(text: &str) -> Timeline {
    let mut writer = Writer::default();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (at, happened) = line.split_once(' ').unwrap_or_else(|| panic!("nothing happens in {line:?}"));
        writer.at = time(at);
        for phrase in happened.split(';').map(str::trim) {
            let marked = phrase.starts_with('!');
            let from = writer.history.entries.len();
            writer.write(phrase.trim_start_matches('!'));
            if marked {
                let begins = ["!tells", "!login", "!cancels"].iter().any(|verb| phrase.starts_with(verb));
                let entry = if begins { from } else { writer.history.entries.len() - 1 };
                assert!(writer.marked.replace(entry).is_none(), "two marks in {text}");
            }
        }
    }
    Timeline { history: writer.history, marked: writer.marked }
}

#[derive(Default)]
struct Writer {
    history: History,
    at: Time,
    marked: Option<usize>,
    conditions: Conditions,
    exchanges: u32,
    /// The last exchange of each transfer.
    exchange: BTreeMap<TransferKey, u32>,
    messages: MessageId,
    /// The last message to each session or transfer.
    message: BTreeMap<String, MessageId>,
    /// The last of those that asks for an answer.
    question: BTreeMap<String, MessageId>,
    /// The last delivery of each transfer's file.
    file: BTreeMap<String, MessageId>,
}

impl Writer {
    fn push(&mut self, event: Event) {
        self.history = std::mem::take(&mut self.history).then(self.at, event);
    }

    fn write(&mut self, phrase: &str) {
        let words: Vec<&str> = phrase.split_whitespace().collect();
        let (verb, rest) = words.split_first().unwrap_or_else(|| panic!("an empty phrase at {}", self.at));
        let done = app(verb).is_some_and(|change| {
            self.push(Event::App { change });
            true
        }) || self.device(verb, rest)
            || self.session(verb, rest)
            || self.whole_session(verb, rest)
            || self.task(verb, rest)
            || self.file(verb, rest)
            || self.app_side(verb, rest)
            || self.closure(verb, rest)
            || self.wire(verb, rest)
            || self.message(verb, rest);
        assert!(done, "{phrase:?} at {} means nothing", self.at);
    }

    /// The device's conditions, which stay as they are until they are changed, and what the system wants.
    fn device(&mut self, verb: &str, rest: &[&str]) -> bool {
        match (verb, rest) {
            ("battery", ["low"]) => self.conditions.low_power = true,
            ("battery", ["charged"]) => self.conditions.low_power = false,
            ("workout", ["begins"]) => self.conditions.busy = true,
            ("workout", ["ends"]) => self.conditions.busy = false,
            ("class", ["face"]) => self.conditions.class = AppClass::ComplicationOnFace,
            ("class", ["dock"]) => self.conditions.class = AppClass::Dock,
            ("class", ["other"]) => self.conditions.class = AppClass::Other,
            ("system", ["starves"]) => self.conditions.starved = true,
            ("system", ["recovers"]) => self.conditions.starved = false,
            ("charger", ["on"]) => self.conditions.favourable = true,
            ("charger", ["off"]) => self.conditions.favourable = false,
            ("leaps", [by]) => {
                self.push(Event::ClockLeaps { millis: time(by).as_millis() });
                return true;
            }
            ("triggers", [what]) => {
                self.push(Event::Triggered { kind: kind(what) });
                return true;
            }
            _ => return false,
        }
        self.push(Event::Conditions { conditions: self.conditions });
        true
    }

    fn whole_session(&mut self, verb: &str, rest: &[&str]) -> bool {
        let event = match (verb, rest) {
            ("listing", [session]) => Event::Listing { session: id(session) },
            ("lists" | "listed", [session, transfers @ ..]) => {
                if verb == "lists" {
                    self.push(Event::Listing { session: id(session) });
                }
                let transfers = transfers.iter().map(|text| listed(text)).collect();
                Event::Listed { session: id(session), transfers }
            }
            ("invalidates", [session, how @ ..]) => {
                Event::Invalidating { session: id(session), cancel: how == ["cancelling"] }
            }
            ("refuses", [session, "opening"]) => Event::SessionRefused { session: id(session) },
            ("refuses", [transfer, "resume-data"]) => Event::ResumeRefused { key: key(transfer) },
            ("refuses", [session]) => Event::TransferRefused { session: id(session) },
            ("releases", [session]) => Event::DelegateReleased { session: id(session) },
            ("reopens", [session, how @ ..]) => Event::SessionReopened {
                session: id(session),
                elsewhere: how.contains(&"elsewhere"),
                launch_events: !how.contains(&"silently"),
                outcome: match how.last() {
                    Some(&"in-use") => Reopening::InUse,
                    Some(&"refused") => Reopening::Refused,
                    _ => Reopening::Opened,
                },
            },
            _ => return false,
        };
        self.push(event);
        true
    }

    fn session(&mut self, verb: &str, rest: &[&str]) -> bool {
        let event = match (verb, rest) {
            ("opens", [session, how @ ..]) => opened(session, how),
            ("starts", [transfer, terms @ ..]) => {
                self.push(created(transfer, terms));
                Event::TransferResumed { key: key(transfer) }
            }
            ("creates", [transfer, terms @ ..]) => created(transfer, terms),
            ("resumes", [transfer]) => Event::TransferResumed { key: key(transfer) },
            ("tries", [session, what @ ..]) => {
                let accepted = what
                    .last()
                    .and_then(|word| word.strip_prefix("accepted="))
                    .map(|number| TransferId::new(number.parse().expect("a transfer's number")));
                let words = if accepted.is_some() { &what[..what.len() - 1] } else { what };
                Event::Attempted { session: id(session), attempt: words.join(" "), accepted }
            }
            ("suspends", [transfer]) => Event::TransferSuspended { key: key(transfer) },
            ("cancels", [transfer]) => {
                self.push(Event::TransferCancelled { key: key(transfer), keeping: false });
                Event::CancelReturned { key: key(transfer), resume_data: false }
            }
            ("cancelling", [transfer]) => Event::TransferCancelled { key: key(transfer), keeping: false },
            ("cancelled", [transfer]) => Event::CancelReturned { key: key(transfer), resume_data: false },
            ("requests", [session]) => {
                Event::WakeRequested { session: id(session), reason: WakeReason::TransfersEnded }
            }
            ("withdraws", [session]) => Event::WakeWithdrawn { session: id(session) },
            ("withdrawn", [session]) => {
                Event::WakeResolved { session: id(session), outcome: WakeOutcome::Withdrawn }
            }
            ("suppressed", [session]) => {
                Event::WakeResolved { session: id(session), outcome: WakeOutcome::Suppressed }
            }
            ("resolved", [session, task]) => {
                Event::WakeResolved { session: id(session), outcome: WakeOutcome::Handled(number(task)) }
            }
            ("healed", []) => Event::Phase { phase: Phase::Healed },
            ("collected", []) => Event::Phase { phase: Phase::Collected },
            ("ended", []) => Event::Phase { phase: Phase::Ended },
            ("link", [link]) => {
                let link = match *link {
                    "offline" => Link::Offline,
                    "cellular" => Link::Cellular,
                    _ => Link::Wifi,
                };
                self.conditions.link = link;
                Event::Conditions { conditions: self.conditions }
            }
            // Something that no rule looks at, so that time has passed.
            ("waits", []) | ("conditions", ["change"]) => {
                Event::Conditions { conditions: Conditions::default() }
            }
            _ => return false,
        };
        self.push(event);
        true
    }

    fn task(&mut self, verb: &str, rest: &[&str]) -> bool {
        let event = match (verb, rest) {
            ("given", ["nothing"]) => Event::HandleBegan { tasks: Vec::new() },
            ("given", tasks) => {
                for task in tasks.iter().map(|task| task_ref(task)) {
                    self.push(Event::TaskMinted { task: task.id, kind: task.kind });
                }
                Event::HandleBegan { tasks: tasks.iter().map(|task| task_ref(task)).collect() }
            }
            ("minted", [task]) => {
                let task = task_ref(task);
                Event::TaskMinted { task: task.id, kind: task.kind }
            }
            ("handed", tasks) => {
                Event::HandleBegan { tasks: tasks.iter().map(|task| task_ref(task)).collect() }
            }
            ("handler", [task]) => Event::ExpirationHandlerSet { task: number(task) },
            ("completes", [task, how @ ..]) => {
                Event::TaskCompleted { task: number(task), repeated: false, how: completed(how) }
            }
            ("repeats", [task, how @ ..]) => {
                Event::TaskCompleted { task: number(task), repeated: true, how: completed(how) }
            }
            ("expires", [task, "unheard"]) => {
                Event::ExpirationCalled { task: number(task), open: true, handler: false }
            }
            ("expires", [task]) => Event::ExpirationCalled { task: number(task), open: true, handler: true },
            ("expires", [task, "completed"]) => {
                Event::ExpirationCalled { task: number(task), open: false, handler: false }
            }
            ("schedules", [slot, preferred, info]) => Event::Scheduled {
                slot: charge(slot),
                preferred: time(preferred),
                user_info: UserInfo::new(*info),
            },
            ("returned" | "refused", [slot, info]) => Event::ScheduleReturned {
                slot: charge(slot),
                user_info: UserInfo::new(*info),
                accepted: verb == "returned",
            },
            ("hangs", []) => {
                Event::Fault { fault: SubjectFault { kind: FaultKind::Hang, detail: "a call".to_owned() } }
            }
            _ => return false,
        };
        self.push(event);
        true
    }

    fn file(&mut self, verb: &str, rest: &[&str]) -> bool {
        let event = match (verb, rest) {
            ("resource", [transfer, what]) => {
                let (size, digest) = content(what);
                Event::Resource { key: key(transfer), size, digest }
            }
            ("moves", [transfer]) => Event::FileMoved { id: self.file[*transfer] },
            ("finds", [transfer, what]) => {
                let found = (*what != "nothing").then(|| content(what));
                Event::FileLooked {
                    id: self.file[*transfer],
                    size: found.map(|(size, _)| size),
                    digest: found.map(|(_, digest)| digest),
                }
            }
            _ => return false,
        };
        self.push(event);
        true
    }

    /// What only the app itself can tell.
    fn app_side(&mut self, verb: &str, rest: &[&str]) -> bool {
        let event = match (verb, rest) {
            ("fetches", [session, transfers @ ..]) => Event::Wanted {
                session: id(session),
                urls: transfers.iter().map(|transfer| format!("https://origin.test/{transfer}")).collect(),
            },
            ("uses", [transfer]) => Event::FileUsed { id: self.file[*transfer] },
            ("works", [work, of]) => {
                let (session, transfer) = match of.contains('/').then(|| key(of)) {
                    Some(key) => (key.session, Some(key.transfer)),
                    None => (id(of), None),
                };
                Event::WorkBegan { work: work.parse().expect("a number of work"), session, transfer }
            }
            ("computes", []) => Event::Computing { on: true },
            ("computed", []) => Event::Computing { on: false },
            ("worked", [work]) => Event::WorkEnded { work: work.parse().expect("a number of work") },
            ("panics", [what]) => Event::AppPanicked { what: (*what).to_owned(), message: "no".to_owned() },
            _ => return false,
        };
        self.push(event);
        true
    }

    /// `runs 1 2 #3`: run 1, of closure 2, for task #3.
    fn closure(&mut self, verb: &str, rest: &[&str]) -> bool {
        let count = |text: &str| text.parse().unwrap_or_else(|_| panic!("{text:?} is no number"));
        let event = match (verb, rest) {
            ("registers", [action, of]) => {
                Event::ActionRegistered { action: count(action), pattern: pattern(of) }
            }
            ("runs", [run, action, task]) => {
                Event::ActionBegan { run: count(run), action: count(action), task: number(task) }
            }
            ("cancels-run", [run]) => Event::ActionCancelled { run: count(run), dropped: false },
            ("drops-run", [run]) => Event::ActionCancelled { run: count(run), dropped: true },
            ("ends", [run]) => Event::ActionReturned { run: count(run) },
            _ => return false,
        };
        self.push(event);
        true
    }

    fn wire(&mut self, verb: &str, rest: &[&str]) -> bool {
        let [transfer, rest @ ..] = rest else { return false };
        let term = |name: &str| rest.iter().find_map(|term| term.strip_prefix(name));
        let (received, digest) = rest
            .iter()
            .find(|term| term.contains(':') && !term.contains('='))
            .map_or((SIZE, DIGEST), |what| content(what));
        let last_byte = term("at=").map(time);
        let ends =
            |exchange, outcome| Event::ExchangeEnded { exchange, outcome, received, digest, last_byte };
        if verb == "sends" {
            self.exchanges += 1;
            self.exchange.insert(key(transfer), self.exchanges);
            let body: Option<u64> = term("body=").map(|len| len.parse().expect("a number of bytes"));
            let method = term("method=").unwrap_or_else(|| if body.is_some() { "POST" } else { "GET" });
            let to = term("to=").unwrap_or_default();
            let request = format!("{method} https://origin.test/{transfer}{to}");
            let key = Some(key(transfer));
            self.push(Event::RequestSent {
                exchange: self.exchanges,
                key,
                request,
                host: term("host=").map(str::to_owned),
                body,
                range: term("from=").map(|from| from.parse().expect("the first byte asked for")),
                credential: term("with=").map(str::to_owned),
                trusts: rest.contains(&"trusting"),
                identity: match rest.last() {
                    Some(&"certified") => ShownIdentity::Identity,
                    Some(&"uncertified") => ShownIdentity::Nothing,
                    _ => ShownIdentity::Undecided,
                },
            });
            return true;
        }
        let outcome = match verb {
            "head" | "answers" | "login" | "body" => ExchangeOutcome::Complete,
            "loses" => ExchangeOutcome::Lost,
            "abandons" => ExchangeOutcome::Abandoned,
            "distrusts" => ExchangeOutcome::Untrusted,
            "wants" => ExchangeOutcome::CertificateWanted,
            _ => return false,
        };
        let exchange = self.exchange[&key(transfer)];
        if matches!(verb, "head" | "answers" | "login") {
            let status = rest.first().filter(|term| !term.contains('='));
            let status = status.map_or(401, |status| status.parse().expect("a status"));
            let offers = term("offers=").map_or_else(Vec::new, |all| all.split(',').map(space).collect());
            let redirects = (300..400).contains(&status);
            let challenge = verb == "login";
            let short = rest.contains(&"short");
            self.push(Event::ResponseHead { exchange, status, challenge, redirects, short, offers });
        }
        if verb != "head" {
            self.push(ends(exchange, outcome));
        }
        true
    }

    fn message(&mut self, verb: &str, rest: &[&str]) -> bool {
        let [to, rest @ ..] = rest else { return false };
        let known = |message: &BTreeMap<String, MessageId>| message[*to];
        let event = match (verb, rest) {
            ("begins" | "tells", [what, to_whom @ ..]) => {
                let second = to_whom == ["second"];
                self.messages += 1;
                let id = self.messages;
                self.message.insert((*to).to_owned(), id);
                if what.starts_with("file") {
                    self.file.insert((*to).to_owned(), id);
                }
                let (session, transfer) = match to.contains('/').then(|| key(to)) {
                    Some(key) => (key.session, Some(key.transfer)),
                    None => (self::id(to), None),
                };
                let mut message = message(what);
                if let Message::DidReceiveChallenge { session_level, .. } = &mut message {
                    *session_level = transfer.is_none();
                }
                if ["asks", "ready", "response"].iter().any(|question| what.starts_with(question)) {
                    self.question.insert((*to).to_owned(), id);
                }
                self.push(Event::MessageBegan { id, session, transfer, second, message });
                if verb == "begins" {
                    return true;
                }
                Event::MessageReturned { id }
            }
            ("returns", []) => Event::MessageReturned { id: known(&self.message) },
            ("interrupts", []) => Event::MessageInterrupted { id: known(&self.message) },
            ("gets", [word]) => {
                let (word, of) =
                    word.split_once('=').map_or((*word, None), |(word, of)| (word, Some(of.to_owned())));
                let answer = answer(word);
                let (credential, request) = if answer == Answer::UseNewRequest {
                    (None, of.map(|to| format!("GET https://origin.test/{to}")))
                } else {
                    (of, None)
                };
                Event::Answered { id: known(&self.question), answer, credential, request }
            }
            _ => return false,
        };
        self.push(event);
        true
    }
}

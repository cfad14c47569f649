//! What each event says, and in which lane of a timeline.

use crate::contract::{
    AppChange, AppClass, Charge, Conditions, Link, Termination, Time, TransferKind, TransferState,
    WakeOutcome,
};
use crate::history::{
    Answer, Completed, Entry, Event, ExchangeOutcome, History, Listed, Message, Phase, Reopening,
    ShownIdentity, TransferKey, short,
};

/// Who an event belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    App,
    Scheduler,
    Session,
    Network,
}

pub(super) fn name(event: &Event, history: &History) -> Option<(Lane, String)> {
    Some(match event {
        Event::TaskMinted { task, kind } => (Lane::Scheduler, format!("mints {task} {kind}")),
        Event::WakeResolved { session, outcome } => {
            let outcome = match outcome {
                WakeOutcome::Handled(task) => format!("task {task}"),
                other => format!("{other:?}"),
            };
            (Lane::Scheduler, format!("answers {}: {outcome}", id(session)))
        }
        Event::ScheduleReturned { slot, .. } => {
            let what = if *slot == Charge::Snapshot { "snapshot" } else { "application refresh" };
            (Lane::Scheduler, format!("the call that scheduled the {what} returns"))
        }
        Event::ExchangeEnded { exchange, outcome: ExchangeOutcome::Abandoned, .. } => {
            (Lane::Network, format!("{}the request is given up", whose(*exchange, history)))
        }
        Event::CancelReturned { key, .. } => {
            (Lane::App, format!("(cancelling {} has returned)", of_key(key)))
        }
        Event::Phase { phase: Phase::Ended } => (Lane::App, "(the end)".to_owned()),
        _ => return None,
    })
}

fn id(session: &crate::contract::SessionId) -> String {
    format!("{:?}", short(session.as_str()))
}

fn of_key(key: &TransferKey) -> String {
    format!("{}/{}", short(key.session.as_str()), key.transfer)
}

/// What an event says, and in which lane; `None` for what goes without saying.
#[expect(clippy::too_many_lines, reason = "one arm for each event, read as a table")]
pub(super) fn describe(entry: &Entry, next: Option<&Entry>, history: &History) -> Option<(Lane, String)> {
    let said = match &entry.event {
        Event::App { change } => app(*change),
        Event::Conditions { conditions } => changed(conditions, entry, history),
        Event::Triggered { kind } => (Lane::Scheduler, format!("the system wants a {kind} task")),
        Event::Scheduled { slot, preferred, .. } => {
            let what = if *slot == Charge::Snapshot { "a snapshot" } else { "an application refresh" };
            (Lane::App, format!("asks for {what} at {preferred}"))
        }
        Event::ScheduleReturned { accepted: false, .. } => {
            (Lane::Scheduler, "refuses to schedule it".to_owned())
        }
        Event::SessionOpened {
            session,
            launch_events,
            cellular,
            discretionary,
            in_process,
            connections,
            session_challenges,
            task_challenges,
            ..
        } => {
            let silent = if *launch_events { "" } else { ", without launch events" };
            let wifi = if *cellular { "" } else { ", not over cellular" };
            let moment = if *discretionary { ", discretionary" } else { "" };
            let asked = match (session_challenges, task_challenges) {
                (false, true) => "",
                (true, true) => ", takes both kinds of challenges",
                (true, false) => ", takes session-level challenges only",
                (false, false) => ", takes no challenges",
            };
            let (silent, kind) = if *in_process { ("", "in-process ") } else { (silent, "") };
            let few = connections.map_or_else(String::new, |most| format!(", connections per host: {most}"));
            (Lane::App, format!("opens {kind}session {}{silent}{wifi}{moment}{few}{asked}", id(session)))
        }
        Event::TransferCreated { key, kind, earliest, continues, .. } => {
            let what = match kind {
                TransferKind::Upload => "upload",
                TransferKind::Data => "data transfer",
                _ => "download",
            };
            let date = earliest.map_or_else(String::new, |date| format!(", not before {date}"));
            // Most are resumed at once.
            let resumed =
                |next: &Entry| matches!(&next.event, Event::TransferResumed { key: of } if of == key);
            let verb = if next.is_some_and(resumed) { "starts" } else { "creates" };
            let after = continues.map_or_else(String::new, |before| format!(", where {before} was stopped"));
            (Lane::App, format!("{verb} {what} {}{date}{after}", of_key(key)))
        }
        Event::TransferCancelled { key, keeping } => {
            let keeping = if *keeping { " by producing resume data" } else { "" };
            (Lane::App, format!("cancels {}{keeping}", of_key(key)))
        }
        Event::Attempted { attempt, accepted, .. } => {
            let how = if accepted.is_some() { "accepted" } else { "refused" };
            (Lane::App, format!("tries {attempt}: {how}"))
        }
        Event::FileUsed { id } => {
            (Lane::App, format!("uses the file{}, where it was given", given_by(*id, history)))
        }
        Event::Wanted { session, urls } => {
            let what =
                if urls.len() == 1 { "a download".to_owned() } else { format!("{} downloads", urls.len()) };
            (Lane::App, format!("the user wants {what} in {}", id(session)))
        }
        Event::WorkBegan { work, session, transfer } => {
            let what = transfer
                .map_or_else(|| id(session), |transfer| format!("{}/{transfer}", short(session.as_str())));
            (Lane::App, format!("work {work} on {what} begins"))
        }
        Event::WorkEnded { work } => (Lane::App, format!("work {work} is done")),
        Event::ClockLeaps { millis } => {
            let by = crate::rules::spoken(std::time::Duration::from_millis(*millis));
            (Lane::App, format!("the device sleeps: its clock leaps ahead by {by}"))
        }
        Event::Computing { on: true } => {
            (Lane::App, "computes: uses all the CPU time that it gets".to_owned())
        }
        Event::Computing { on: false } => (Lane::App, "has computed".to_owned()),
        Event::ActionRegistered { .. }
        | Event::ActionBegan { .. }
        | Event::ActionCancelled { .. }
        | Event::ActionReturned { .. } => return super::closures::say(entry, history),
        Event::AppPanicked { what, message } => (Lane::App, format!("panics in {what}: {message}")),
        Event::TransferSuspended { key } => (Lane::App, format!("suspends {}", of_key(key))),
        Event::TransferResumed { key } => {
            let before = entry.seq.checked_sub(1).and_then(|seq| history.entries.get(seq));
            let starts =
                |before: &Entry| matches!(&before.event, Event::TransferCreated { key: of, .. } if of == key);
            if before.is_some_and(starts) {
                return None;
            }
            (Lane::App, format!("resumes {}", of_key(key)))
        }
        Event::SessionReopened { session, elsewhere, launch_events, outcome } => {
            let who = if *elsewhere { "another process opens" } else { "opens" };
            let outcome = match outcome {
                Reopening::Opened if *elsewhere => ": it may",
                Reopening::Opened => " a second time",
                Reopening::InUse => ": in use",
                Reopening::Refused => ": refused",
            };
            let flag = if *launch_events { "with" } else { "without" };
            (Lane::App, format!("{who} session {}{outcome}, {flag} launch events", id(session)))
        }
        Event::SessionRefused { session } => (Lane::Session, format!("{} can not be opened", id(session))),
        Event::Listed { session, transfers } => {
            (Lane::Session, format!("{} lists {}", id(session), listed(transfers)))
        }
        Event::Invalidating { session, cancel } => {
            let how = if *cancel { "invalidates and cancels" } else { "finishes and invalidates" };
            (Lane::App, format!("{how} session {}", id(session)))
        }
        Event::TransferRefused { session } => {
            (Lane::Session, format!("{} refuses a new transfer", id(session)))
        }
        Event::ResumeRefused { key } => (Lane::Session, format!("refuses the resume data of {key}")),
        Event::DelegateReleased { session } => {
            (Lane::Session, format!("{} lets its delegate go", id(session)))
        }
        Event::WakeRequested { session, reason } => {
            let why = match reason {
                crate::contract::WakeReason::TransfersEnded => "transfers ended",
                crate::contract::WakeReason::AuthenticationNeeded => "login needed",
                crate::contract::WakeReason::DelayedRequestReady => "delayed request ready",
            };
            (Lane::Session, format!("{} asks for a wake: {why}", id(session)))
        }
        Event::WakeWithdrawn { session } => (Lane::Session, format!("{} takes its wake back", id(session))),
        Event::HandleBegan { tasks } => {
            let tasks: Vec<String> = tasks
                .iter()
                .map(|task| match &task.kind {
                    crate::contract::RefreshKind::UrlSession(session) => {
                        format!("{} URL session {}", task.id, id(session))
                    }
                    kind => format!("{} {kind}", task.id),
                })
                .collect();
            (Lane::Scheduler, format!("handle [{}]", tasks.join(", ")))
        }
        Event::TaskCompleted { task, repeated, how } => {
            let again = if *repeated { " again" } else { "" };
            let next = match how {
                Completed::WithSnapshot => " with snapshot: true".to_owned(),
                Completed::SnapshotTaken { expiration: Time::DISTANT_FUTURE, .. } => {
                    ": no further snapshot".to_owned()
                }
                Completed::SnapshotTaken { expiration, .. } => format!(": the next snapshot at {expiration}"),
                _ => String::new(),
            };
            (Lane::App, format!("completes {task}{again}{next}"))
        }
        Event::ExpirationCalled { task, open, handler } => {
            let state = match (open, handler) {
                (false, _) => ", which is completed",
                (true, false) => " (no handler set)",
                (true, true) => "",
            };
            (Lane::Scheduler, format!("expires {task}{state}"))
        }
        Event::MessageBegan { id, session, transfer, second, message } => {
            let about = transfer
                .map_or_else(|| short(session.as_str()), |t| format!("{}/{t}", short(session.as_str())));
            let second = if *second { " to the second delegate" } else { "" };
            (Lane::Session, format!("{about}: {}{second}{}", said_by(message), rest(*id, entry, history)))
        }
        Event::Answered { answer, id, .. } => (Lane::App, answer_of(*answer, *id, history).to_owned()),
        Event::RequestSent { exchange, request, host, body, range, credential, trusts, identity, .. } => {
            let body = body.map_or_else(String::new, |len| format!(" with {len} bytes"));
            let host = host.as_ref().map_or_else(String::new, |host| format!(" of {host}"));
            let range = range.map_or_else(String::new, |from| format!(" from byte {from}"));
            let login = credential.as_ref().map_or_else(String::new, |scheme| format!(", {scheme} login"));
            let trusts = if *trusts { ", trusting the server" } else { "" };
            let shown = match identity {
                ShownIdentity::Undecided => "",
                ShownIdentity::Nothing => ", without a certificate",
                ShownIdentity::Identity => ", with a certificate",
            };
            (
                Lane::Network,
                format!("{}{request}{host}{body}{range}{login}{trusts}{shown}", whose(*exchange, history)),
            )
        }
        Event::ResponseHead { exchange, status, challenge, .. } => {
            let (lane, text) = head(*exchange, *status, *challenge, next);
            (lane, format!("{}{text}", whose(*exchange, history)))
        }
        Event::ExchangeEnded { outcome, received, exchange, .. } => {
            let (lane, text) = ended(*exchange, *outcome, *received, history)?;
            (lane, format!("{}{text}", whose(*exchange, history)))
        }
        Event::Resource { key, size, .. } => {
            let earlier = &history.entries[..entry.seq];
            let first = !earlier
                .iter()
                .any(|entry| matches!(&entry.event, Event::Resource { key: of, .. } if of == key));
            if first {
                return None;
            }
            (Lane::Network, format!("{}: the resource has changed ({size} bytes)", of_key(key)))
        }
        Event::FileMoved { id } => (Lane::App, format!("moves the file{}", given_by(*id, history))),
        Event::FileLooked { id, size, .. } => {
            let found = size.map_or_else(|| "gone".to_owned(), |size| format!("there, {size} bytes"));
            (Lane::App, format!("looks for the file{}: {found}", given_by(*id, history)))
        }
        Event::Fault { fault } => (Lane::Scheduler, format!("the subject {}: {}", fault.kind, fault.detail)),
        Event::Phase { phase: Phase::Healed } => {
            (Lane::App, "(no more steps: the rest comes by itself)".to_owned())
        }
        Event::Phase { phase: Phase::Collected } => {
            (Lane::App, "(the kit opens the app and collects the rest)".to_owned())
        }
        Event::Phase { .. }
        | Event::ScheduleReturned { .. }
        | Event::CancelReturned { .. }
        | Event::Listing { .. }
        | Event::WakeResolved { .. }
        | Event::TaskMinted { .. }
        | Event::ExpirationHandlerSet { .. }
        | Event::MessageReturned { .. }
        | Event::MessageInterrupted { .. } => return None,
    };
    Some(said)
}

/// What is different now.
fn changed(now: &Conditions, entry: &Entry, history: &History) -> (Lane, String) {
    let earlier = history.entries.get(..entry.seq).unwrap_or_default().iter().rev();
    let mut known = earlier.filter_map(|entry| match &entry.event {
        Event::Conditions { conditions } => Some(*conditions),
        _ => None,
    });
    let before = known.next().unwrap_or_default();
    let mut news = Vec::new();
    if now.low_power != before.low_power {
        news.push(if now.low_power { "the battery is low" } else { "the battery is charged again" });
    }
    if now.busy != before.busy {
        news.push(if now.busy { "a workout begins" } else { "the workout is over" });
    }
    if now.class != before.class {
        news.push(match now.class {
            AppClass::ComplicationOnFace => "the app gets a complication on the face",
            AppClass::Dock => "the app is in the dock only, not on the face",
            _ => "the app is neither on the face nor in the dock",
        });
    }
    if now.starved != before.starved {
        news.push(if now.starved {
            "the system starves the app"
        } else {
            "the system has time for the app again"
        });
    }
    if now.favourable != before.favourable {
        news.push(if now.favourable {
            "the device is on its charger"
        } else {
            "the device is off its charger"
        });
    }
    if now.link != before.link || news.is_empty() {
        news.push(match now.link {
            Link::Offline => "the network is gone",
            Link::Cellular => "only a cellular link is there",
            _ => "the network is there",
        });
    }
    let lane = if now.link == before.link { Lane::App } else { Lane::Network };
    (lane, news.join("; "))
}

/// Transfers as they were listed.
fn listed(transfers: &[Listed]) -> String {
    let one = |listed: &Listed| {
        let text =
            listed.description.as_ref().map_or_else(|| "no text".to_owned(), |text| format!("{text:?}"));
        let state = match listed.state {
            TransferState::Running => "",
            TransferState::Suspended => ", suspended",
            TransferState::Canceling => ", canceling",
            TransferState::Completed => ", completed",
        };
        format!("{} ({text}, {} bytes{state})", listed.transfer, listed.received)
    };
    let transfers: Vec<String> = transfers.iter().map(one).collect();
    if transfers.is_empty() { "nothing".to_owned() } else { transfers.join(", ") }
}

fn app(change: AppChange) -> (Lane, String) {
    let (lane, text) = match change {
        AppChange::Foregrounded => (Lane::App, "the user opens the app"),
        AppChange::Backgrounded => (Lane::App, "the user leaves the app"),
        AppChange::Launched => (Lane::Scheduler, "launches the app"),
        AppChange::Resumed => (Lane::Scheduler, "resumes the app"),
        AppChange::Suspended => (Lane::Scheduler, "suspends the app"),
        AppChange::Purged => (Lane::App, "purged from memory"),
        AppChange::Crashed => (Lane::App, "crashes"),
        AppChange::ForceQuit => (Lane::App, "the user force-quits the app"),
        AppChange::Terminated(Termination::Cpu) => (Lane::Scheduler, "terminates the app: too much CPU time"),
        AppChange::Terminated(Termination::Starved) => {
            (Lane::Scheduler, "terminates the app: time used up, starved")
        }
        AppChange::Terminated(_) => (Lane::Scheduler, "terminates the app: time used up"),
        _ => (Lane::App, "changes"),
    };
    (lane, text.to_owned())
}

/// How a delivery went, if not simply well.
fn rest(id: u32, began: &Entry, history: &History) -> String {
    let later = history.entries.get(began.seq + 1..).unwrap_or_default();
    let end = later.iter().find_map(|entry| match entry.event {
        Event::MessageReturned { id: of } if of == id => Some((entry.at, true)),
        Event::MessageInterrupted { id: of } if of == id => Some((entry.at, false)),
        _ => None,
    });
    match end {
        Some((at, true)) if at == began.at => String::new(),
        Some((at, true)) => format!(" (takes until {at})"),
        Some((at, false)) => format!(" (cut short at {at})"),
        None => " (never returns)".to_owned(),
    }
}

fn said_by(message: &Message) -> String {
    let name = message.name();
    match message {
        Message::DidReceiveChallenge { method, failures, .. } => {
            let refused = if *failures > 0 { format!(", {failures} refused") } else { String::new() };
            format!("{name} ({method:?}{refused})")
        }
        Message::DidWriteData { total, written: more, expected }
        | Message::DidSendBodyData { total, sent: more, expected } => {
            let more = more.map_or_else(String::new, |more| format!("{more} more, "));
            let expected = expected.map_or_else(String::new, |expected| format!(" of {expected}"));
            format!("{name} ({more}{total}{expected} bytes)")
        }
        Message::DidResumeAtOffset { offset } => format!("{name} ({offset})"),
        Message::DidFinishDownloading { status, size, .. } => {
            let size = size.map_or_else(|| "no file".to_owned(), |size| format!("{size} bytes"));
            format!("{name} ({status}, {size})")
        }
        Message::DidComplete { end, status } => match (end, status) {
            (crate::history::EndKind::Success, Some(status)) => format!("{name} (status {status})"),
            (end, _) => format!("{name} ({end:?})"),
        },
        Message::DidReceiveResponse { status } => format!("{name} ({status})"),
        Message::DidReceiveData { total, .. } => format!("{name} ({total} bytes so far)"),
        Message::WillBeginDelayedRequest
        | Message::DidBecomeDownload
        | Message::DidFinishEvents
        | Message::DidBecomeInvalid => name.to_owned(),
    }
}

/// Which transfer the file of a delivery belongs to.
fn given_by(id: crate::history::MessageId, history: &History) -> String {
    let about = history.entries.iter().find_map(|entry| match &entry.event {
        Event::MessageBegan { id: of, session, transfer: Some(transfer), .. } if *of == id => {
            Some(format!(" of {}/{transfer}", short(session.as_str())))
        }
        _ => None,
    });
    about.unwrap_or_default()
}

/// Which transfer an exchange is for.
fn whose(exchange: u32, history: &History) -> String {
    let key = history.entries.iter().find_map(|entry| match &entry.event {
        Event::RequestSent { exchange: of, key: Some(key), .. } if *of == exchange => Some(of_key(key)),
        _ => None,
    });
    key.map_or_else(String::new, |key| format!("{key}: "))
}

fn answer_of(answer: Answer, id: crate::history::MessageId, history: &History) -> &'static str {
    let of_response = || {
        history.entries.iter().any(|entry| {
            matches!(&entry.event, Event::MessageBegan { id: of, message: Message::DidReceiveResponse { .. }, .. } if *of == id)
        })
    };
    match answer {
        Answer::UseCredential => "answers the challenge: with a credential",
        Answer::UseNoCredential => "answers the challenge: without a credential",
        Answer::PerformDefaultHandling => "answers the challenge: default handling",
        Answer::CancelAuthenticationChallenge => "answers the challenge: cancel",
        Answer::RejectProtectionSpace => "answers the challenge: reject this space",
        Answer::ContinueLoading => "lets the delayed request go on",
        Answer::UseNewRequest => "gives another request in its place",
        Answer::Cancel if of_response() => "cancels the data transfer",
        Answer::Cancel => "cancels the delayed request",
        Answer::Allow => "lets the data transfer go on",
        Answer::BecomeDownload => "turns it into a download",
    }
}

fn head(exchange: u32, status: u16, challenge: bool, next: Option<&Entry>) -> (Lane, String) {
    let login = if challenge { ", asks for a login" } else { "" };
    // An answer that is complete at once needs no second line.
    let whole = next.and_then(|next| match &next.event {
        Event::ExchangeEnded { exchange: of, outcome: ExchangeOutcome::Complete, received, .. }
            if *of == exchange =>
        {
            Some(*received)
        }
        _ => None,
    });
    let body = whole.map_or_else(String::new, |received| format!(" and all {received} bytes"));
    (Lane::Network, format!("{status}{login}{body}"))
}

fn ended(
    exchange: u32,
    outcome: ExchangeOutcome,
    received: u64,
    history: &History,
) -> Option<(Lane, String)> {
    let head = history.entries.iter().position(
        |entry| matches!(&entry.event, Event::ResponseHead { exchange: of, .. } if *of == exchange),
    );
    let text = match outcome {
        ExchangeOutcome::Complete => {
            let next = history.entries.get(head? + 1)?;
            let told = matches!(&next.event, Event::ExchangeEnded { exchange: of, .. } if *of == exchange);
            return (!told).then(|| (Lane::Network, format!("body complete, {received} bytes")));
        }
        ExchangeOutcome::Lost => format!("connection lost after {received} bytes"),
        ExchangeOutcome::NotConnected => "no connection".to_owned(),
        ExchangeOutcome::Untrusted => "the server's certificate is not trusted".to_owned(),
        ExchangeOutcome::CertificateWanted => "the server asks for a client certificate".to_owned(),
        ExchangeOutcome::Abandoned => return None,
    };
    Some((Lane::Network, text))
}

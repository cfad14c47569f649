//! The machine alone, under everything that apps, servers and devices can do to it in any order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::env::{ExchangeId, Output, SessionKey};
use super::hops::Wanted;
use super::machine::ServiceMachine;
use super::queue::Call;
use super::session::NewTransfer;
use crate::contract::*;

const SECOND: Duration = Duration::from_secs(1);

struct Capable;

impl Delegate for Capable {
    fn responds_to(&self, _: OptionalMethod) -> bool {
        true
    }
}

/// What can happen next; the numbers choose among what there is.
#[derive(Clone, Copy, Debug)]
enum Step {
    Create {
        late: bool,
        data: bool,
    },
    Resume(u8),
    Suspend(u8),
    Cancel(u8),
    Answer(u8, Reply),
    App(AppChange),
    Link(Link),
    Woken(u8),
    /// Delivers so many messages; the last of them is cut short.
    Deliver {
        count: u8,
        cut: bool,
    },
    Say(u8, u8),
    Pass(u16),
    Invalidate,
}

#[derive(Clone, Copy, Debug)]
enum About {
    Login,
    Delayed,
    Response,
}

#[derive(Clone, Copy, Debug)]
enum Reply {
    Whole,
    Cut,
    Refuse,
    Unauthorised,
    Redirect,
    Untrusted,
    CertificateWanted,
}

fn step() -> impl Strategy<Value = Step> {
    (0_u8..16, any::<u8>(), any::<u8>()).prop_map(|(what, a, b)| match what {
        0 | 1 => Step::Create { late: a % 4 == 0, data: b % 3 == 0 },
        2 => Step::Resume(a),
        3 => Step::Suspend(a),
        4 => Step::Cancel(a),
        5..=8 => {
            let replies = [
                Reply::Whole,
                Reply::Cut,
                Reply::Refuse,
                Reply::Unauthorised,
                Reply::Redirect,
                Reply::Untrusted,
                Reply::CertificateWanted,
            ];
            Step::Answer(a, replies[usize::from(b) % replies.len()])
        }
        9 => Step::App(match a % 6 {
            0 => AppChange::Foregrounded,
            1 => AppChange::Backgrounded,
            2 => AppChange::Suspended,
            3 => AppChange::Crashed,
            4 => AppChange::ForceQuit,
            _ => AppChange::Resumed,
        }),
        10 => Step::Link([Link::Offline, Link::Cellular, Link::Wifi][usize::from(a) % 3]),
        11 => Step::Woken(a),
        12 | 13 => Step::Deliver { count: a % 8, cut: b % 3 == 0 },
        14 => Step::Say(a, b),
        _ if b == 0 => Step::Invalidate,
        _ => Step::Pass(u16::from(a) * u16::from(b)),
    })
}

/// The machine, and everything outside it that has to be remembered.
struct Bench {
    machine: ServiceMachine,
    now: Time,
    app: AppState,
    life: AppLife,
    key: Option<SessionKey>,
    /// What is on the wire, and to which address.
    wire: BTreeMap<ExchangeId, String>,
    wakes: Vec<SessionKey>,
    draining: BTreeSet<SessionKey>,
    questions: Vec<(TransferId, u64, About)>,
    created: BTreeSet<TransferId>,
    ended: BTreeMap<TransferId, u32>,
    invalid: bool,
}

impl Bench {
    fn new() -> Self {
        let policy = Arc::new(Policy { connections_per_host: 2, ..Policy::default() });
        Self {
            machine: ServiceMachine::new(policy, Conditions::default(), AppState::Active),
            now: Time::ZERO,
            app: AppState::Active,
            life: AppLife::new(),
            key: None,
            wire: BTreeMap::new(),
            wakes: Vec::new(),
            draining: BTreeSet::new(),
            questions: Vec::new(),
            created: BTreeSet::new(),
            ended: BTreeMap::new(),
            invalid: false,
        }
    }

    /// Opens the session, as an app does that runs.
    fn open(&mut self) -> Option<SessionKey> {
        if !self.app.is_running() || self.invalid {
            return None;
        }
        let configuration = Configuration {
            resource_timeout: 1_000 * SECOND,
            allows_cellular_access: false,
            ..Configuration::background(SessionId::new("s").unwrap())
        };
        self.machine.at(self.now);
        let connection = Connection::new(Arc::new(Capable), self.life.clone());
        self.key = self.machine.open(configuration, connection).ok().or(self.key);
        self.take_outputs();
        self.key
    }

    fn take_outputs(&mut self) {
        for output in self.machine.take_outputs() {
            match output {
                Output::Exchange(id, request) => {
                    assert!(!self.ended.contains_key(&id.transfer), "SES-03: nothing after the end");
                    let of_one = self.wire.keys().filter(|other| other.transfer == id.transfer).count();
                    assert_eq!(of_one, 0, "one exchange for a transfer at a time");
                    let to_host = self.wire.values().filter(|url| **url == request.url).count();
                    assert!(to_host < 2, "no more connections to a host than allowed");
                    self.wire.insert(id, request.url);
                }
                Output::Abort(id) => {
                    self.wire.remove(&id);
                }
                Output::RequestWake(key, ..) => {
                    assert!(!self.wakes.contains(&key), "one wake at a time");
                    self.wakes.push(key);
                }
                Output::Drain(key) => {
                    assert!(self.draining.insert(key), "SES-20: one delivery at a time");
                }
                Output::WithdrawWake(_) | Output::Remove(_) => {}
            }
        }
    }

    fn deliver(&mut self, count: u8, cut: bool) {
        let Some(key) = self.draining.pop_first() else {
            return;
        };
        for turn in 0..count {
            let Some(delivery) = self.machine.next_delivery(key) else {
                self.take_outputs();
                return;
            };
            let acknowledged = !(cut && turn + 1 == count);
            if !acknowledged {
                self.life.end();
            }
            if acknowledged {
                self.hear(delivery.call);
            }
            let goes_on = self.machine.delivered(key, acknowledged);
            if !acknowledged {
                self.change(AppChange::Crashed);
            }
            self.take_outputs();
            if !goes_on {
                return;
            }
        }
        // The rest of this delivery: the app returns from everything at once.
        self.draining.insert(key);
    }

    /// The app has returned from this message.
    fn hear(&mut self, call: Call) {
        match call {
            Call::SessionChallenge(id, _, serial) | Call::Challenge(id, _, serial) => {
                self.questions.push((id, serial, About::Login));
            }
            Call::Delayed(id, _, serial) => self.questions.push((id, serial, About::Delayed)),
            Call::Response(id, _, serial) => self.questions.push((id, serial, About::Response)),
            Call::Completed(id, _) => *self.ended.entry(id).or_default() += 1,
            Call::BecameInvalid => self.invalid = true,
            Call::Wrote(..)
            | Call::Sent(..)
            | Call::BecameDownload(_)
            | Call::Data(..)
            | Call::ResumedAt(..)
            | Call::FinishedDownloading(..)
            | Call::FinishedEvents => {}
        }
    }

    fn change(&mut self, change: AppChange) {
        self.app = change.state();
        if self.app == AppState::NotRunning {
            self.life.end();
            self.life = AppLife::new();
            self.questions.clear();
        }
        self.machine.at(self.now);
        self.machine.device_changed(&DeviceChange::App(change));
        self.take_outputs();
    }

    fn answer(&mut self, which: u8, reply: Reply) {
        let Some(id) = self.wire.keys().nth(usize::from(which) % self.wire.len().max(1)).copied() else {
            return;
        };
        self.wire.remove(&id);
        let headers = |list: &[(&str, &str)]| {
            list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let head =
            |status, list: &[(&str, &str)]| Response { status, url: String::new(), headers: headers(list) };
        let wanted = match reply {
            Reply::Refuse => return self.machine.failed(id, &TransportError::NotConnected),
            Reply::Untrusted => {
                let certificate = ServerCertificate::from_der(*b"stranger");
                return self.machine.failed(id, &TransportError::UntrustedServer { certificate });
            }
            Reply::CertificateWanted => return self.machine.failed(id, &TransportError::CertificateWanted),
            Reply::Whole => self.machine.head(id, head(200, &[("content-length", "4"), ("etag", "\"1\"")])),
            Reply::Cut => self.machine.head(id, head(200, &[("content-length", "9"), ("etag", "\"1\"")])),
            Reply::Unauthorised => {
                self.machine.head(id, head(401, &[("www-authenticate", "Basic realm=\"r\"")]))
            }
            Reply::Redirect => self.machine.head(id, head(302, &[("location", "http://b.test/")])),
        };
        if wanted != Wanted::Nothing {
            self.machine.received(id, 4);
            self.machine.finished(id);
        }
    }

    fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        for _ in 0..10_000 {
            let next = self.machine.deadline();
            self.now = next.min(end).max(self.now);
            self.machine.at(self.now);
            if next > end {
                return;
            }
            self.machine.timeout();
            self.take_outputs();
        }
        panic!("time does not get on");
    }

    /// The app answers one of the questions that it was asked.
    fn say(&mut self, which: u8, how: u8) {
        if let (Some(key), false) = (self.key, self.questions.is_empty()) {
            let at = usize::from(which) % self.questions.len();
            let (id, serial, about) = self.questions.swap_remove(at);
            match about {
                About::Login => {
                    let answers = [
                        Some(ChallengeDisposition::UseCredential(Some(Credential::password("u", "p")))),
                        Some(ChallengeDisposition::RejectProtectionSpace),
                        Some(ChallengeDisposition::CancelAuthenticationChallenge),
                        None,
                        Some(ChallengeDisposition::UseCredential(Some(Credential::Trust))),
                        Some(ChallengeDisposition::UseCredential(Some(Credential::identity("me")))),
                        Some(ChallengeDisposition::PerformDefaultHandling),
                    ];
                    let answer = answers[usize::from(how) % answers.len()].clone();
                    self.machine.challenge_answered(key, id, serial, answer);
                }
                About::Response => {
                    let answers = [
                        ResponseDisposition::Allow,
                        ResponseDisposition::BecomeDownload,
                        ResponseDisposition::Cancel,
                    ];
                    let answer = answers.get(usize::from(how % 4)).copied();
                    self.machine.disposed(key, id, serial, answer);
                }
                About::Delayed => {
                    let answer =
                        (!how.is_multiple_of(3)).then_some(DelayedRequestDisposition::ContinueLoading);
                    self.machine.delayed_answered(key, id, serial, answer);
                }
            }
        }
    }

    fn on_transfer<E>(
        &mut self,
        which: u8,
        call: fn(&mut ServiceMachine, SessionKey, TransferId) -> Result<(), E>,
    ) {
        if let (Some(key), Some(&id)) = (self.key, pick(&self.created, which)) {
            // One that has ended already is refused: that is no concern here.
            drop(call(&mut self.machine, key, id));
        }
    }

    fn play(&mut self, step: Step) {
        self.machine.at(self.now);
        match step {
            Step::Create { late, data } => {
                if let Some(key) = self.open() {
                    let date = late.then(|| self.now + 100 * SECOND);
                    let options = TransferOptions { earliest_begin_date: date, ..TransferOptions::default() };
                    let request = Request::get("http://a.test/");
                    let new = if data { NewTransfer::Data(request) } else { NewTransfer::Download(request) };
                    if let Ok(id) = self.machine.create(key, new, options) {
                        assert!(self.created.insert(id), "numbers are never used twice");
                        self.machine.resume(key, id).unwrap();
                    }
                }
            }
            Step::Resume(which) => self.on_transfer(which, ServiceMachine::resume),
            Step::Suspend(which) => self.on_transfer(which, ServiceMachine::suspend),
            Step::Cancel(which) => self.on_transfer(which, ServiceMachine::cancel),
            Step::Answer(which, reply) => self.answer(which, reply),
            Step::App(change) => self.change(change),
            Step::Link(link) => {
                let conditions = Conditions { link, ..Conditions::default() };
                self.machine.device_changed(&DeviceChange::Conditions(conditions));
            }
            Step::Woken(which) => {
                if let Some(key) = self.wakes.pop() {
                    let outcome = match which % 3 {
                        0 => WakeOutcome::Withdrawn,
                        _ => WakeOutcome::Handled(RefreshTaskId::new(1)),
                    };
                    self.machine.wake_resolved(key, outcome);
                }
            }
            Step::Deliver { count, cut } => self.deliver(count, cut),
            Step::Say(which, how) => self.say(which, how),
            Step::Pass(seconds) => self.pass(u32::from(seconds) * SECOND),
            Step::Invalidate => {
                if let Some(key) = self.key {
                    self.machine.invalidate(key, false);
                }
            }
        }
        self.take_outputs();
    }

    /// Everything heals: the user opens the app, resumes what is suspended, and every server answers.
    fn heal(&mut self) {
        self.play(Step::App(AppChange::Foregrounded));
        self.play(Step::Link(Link::Wifi));
        for round in 0..200 {
            self.open();
            for id in self.created.clone() {
                if let Some(key) = self.key {
                    let _ = self.machine.resume(key, id);
                }
            }
            self.take_outputs();
            while !self.wire.is_empty() {
                self.answer(0, Reply::Whole);
                self.take_outputs();
            }
            self.play(Step::Woken(0));
            self.play(Step::Deliver { count: 200, cut: false });
            self.play(Step::Say(0, 0));
            // Past the resource timeout nothing can be left.
            self.pass(if round == 100 { 2_000 * SECOND } else { SECOND });
        }
    }
}

fn pick<T>(from: &BTreeSet<T>, which: u8) -> Option<&T> {
    from.iter().nth(usize::from(which) % from.len().max(1))
}

proptest! {
    /// Whatever happens, in whatever order: no illegal transition (asserted by the machine), never two deliveries,
    /// two exchanges or two wakes at once (asserted by the bench), and in the end every transfer has ended once.
    #[test]
    fn every_transfer_ends_exactly_once(steps in prop::collection::vec(step(), 0..60)) {
        let mut bench = Bench::new();
        bench.open();
        for step in steps {
            bench.play(step);
        }
        bench.heal();
        let ended: Vec<TransferId> = bench.ended.keys().copied().collect();
        let created: Vec<TransferId> = bench.created.iter().copied().collect();
        prop_assert_eq!(ended, created, "SES-03: every transfer has its last message");
        prop_assert!(bench.ended.values().all(|times| *times == 1), "SES-03: {:?}", bench.ended);
        prop_assert_eq!(bench.machine.deadline(), Time::DISTANT_FUTURE, "nothing is left to wait for");
    }
}

/// A scheduler whose answer comes when the app has been suspended again: the wake it speaks of is over.
#[test]
fn a_late_answer_is_about_what_had_come_about_by_then() {
    for another in [false, true] {
        let mut bench = Bench::new();
        bench.open();
        bench.play(Step::Create { late: false, data: false });
        bench.play(Step::App(AppChange::Backgrounded));
        bench.play(Step::App(AppChange::Suspended));
        bench.play(Step::Answer(0, Reply::Whole));
        assert_eq!(bench.wakes.len(), 1, "SCH-22: it ended behind the app's back");
        bench.play(Step::App(AppChange::Resumed));
        if another {
            bench.play(Step::Create { late: false, data: false });
        }
        bench.play(Step::App(AppChange::Suspended));
        bench.play(Step::Answer(0, Reply::Whole));
        assert_eq!(bench.wakes.len(), 1, "one at a time");
        bench.play(Step::Woken(1));
        assert_eq!(bench.wakes.len(), usize::from(another), "SCH-22: again only for what came after it");
    }
}

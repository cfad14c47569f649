//! The machine when something comes too late, or while something else is going on.

use std::sync::Arc;

use super::env::{ExchangeId, Outgoing, Output, SessionKey};
use super::hops::Wanted;
use super::machine::ServiceMachine;
use super::queue::Call;
use super::session::NewTransfer;
use crate::contract::*;

pub(super) struct Capable;

impl Delegate for Capable {
    fn responds_to(&self, _: OptionalMethod) -> bool {
        true
    }
}

pub(super) struct Bench {
    pub(super) machine: ServiceMachine,
    pub(super) key: SessionKey,
    pub(super) life: AppLife,
}

pub(super) const ONE: TransferId = TransferId::new(1);

impl Bench {
    /// With one transfer.
    pub(super) fn new(new: NewTransfer) -> Self {
        let mut bench = Self::with(Configuration::background(SessionId::new("s").unwrap()));
        assert_eq!(bench.machine.create(bench.key, new, TransferOptions::default()), Ok(ONE));
        bench
    }

    /// With a session like this.
    pub(super) fn with(configuration: Configuration) -> Self {
        let mut machine =
            ServiceMachine::new(Arc::new(Policy::default()), Conditions::default(), AppState::Active);
        let life = AppLife::new();
        let connection = Connection::new(Arc::new(Capable), life.clone());
        let key = machine.open(configuration, connection).unwrap();
        Self { machine, key, life }
    }

    pub(super) fn resume(&mut self) {
        self.machine.resume(self.key, ONE).unwrap();
    }

    pub(super) fn suspend(&mut self) {
        self.machine.suspend(self.key, ONE).unwrap();
    }

    /// The one request that goes out now, if one does.
    pub(super) fn sent(&mut self) -> Option<(ExchangeId, Outgoing)> {
        let mut sent = self.machine.take_outputs().into_iter().filter_map(|output| match output {
            Output::Exchange(exchange, request) => Some((exchange, request)),
            Output::Abort(_)
            | Output::RequestWake(..)
            | Output::WithdrawWake(_)
            | Output::Drain(_)
            | Output::Remove(_) => None,
        });
        let first = sent.next();
        assert!(sent.next().is_none(), "one at a time");
        first
    }

    /// What the app is wanted for, if it is.
    pub(super) fn wanted(&mut self) -> Option<WakeReason> {
        self.machine.take_outputs().into_iter().find_map(|output| {
            if let Output::RequestWake(_, _, reason) = output { Some(reason) } else { None }
        })
    }

    /// It begins, the app is suspended, and it is answered with this.
    pub(super) fn answered_behind(&mut self, response: Response) {
        self.resume();
        let (exchange, _) = self.sent().expect("it begins");
        self.change(AppChange::Backgrounded);
        self.change(AppChange::Suspended);
        self.machine.head(exchange, response);
        self.machine.finished(exchange);
    }

    /// The request is answered with a 401, and the app is asked: the number of the question.
    pub(super) fn asked(&mut self) -> u64 {
        let (exchange, _) = self.sent().expect("a request goes out");
        self.machine.head(exchange, who());
        self.machine.finished(exchange);
        self.question()
    }

    pub(super) fn question(&mut self) -> u64 {
        let delivery = self.machine.next_delivery(self.key).expect("the app is asked");
        assert!(self.machine.delivered(self.key, true));
        let Call::Challenge(_, _, serial) = delivery.call else { panic!("about the login") };
        serial
    }

    fn answer(&mut self, serial: u64) {
        let credential = Some(Credential::password("u", "p"));
        let answer = Some(ChallengeDisposition::UseCredential(credential));
        self.machine.challenge_answered(self.key, ONE, serial, answer);
    }

    pub(super) fn change(&mut self, change: AppChange) {
        self.machine.device_changed(&DeviceChange::App(change));
    }
}

pub(super) fn open(machine: &mut ServiceMachine, life: &AppLife) -> SessionKey {
    let configuration = Configuration::background(SessionId::new("s").unwrap());
    machine.open(configuration, Connection::new(Arc::new(Capable), life.clone())).unwrap()
}

pub(super) fn download() -> NewTransfer {
    NewTransfer::Download(Request::get("http://a.test/"))
}

pub(super) fn ok() -> Response {
    Response { status: 200, url: String::new(), headers: Vec::new() }
}

pub(super) fn who() -> Response {
    let headers = vec![("www-authenticate".to_owned(), "Basic realm=\"r\"".to_owned())];
    Response { status: 401, url: String::new(), headers }
}

#[test]
fn the_app_is_asked_for_once_and_for_the_reason_there_is() {
    for (response, reason) in [(who(), WakeReason::AuthenticationNeeded), (ok(), WakeReason::TransfersEnded)]
    {
        let mut bench = Bench::new(download());
        bench.answered_behind(response);
        assert_eq!(bench.wanted(), Some(reason));
        bench.machine.wake_resolved(bench.key, WakeOutcome::Withdrawn);
        assert_eq!(bench.wanted(), None, "to ask again at once would be a loop");
        bench.change(AppChange::Purged);
        assert_eq!(bench.wanted(), Some(reason), "when the app has changed");
    }
}

#[test]
fn a_wake_that_is_answered_before_the_app_is_heard_of_has_its_end_too() {
    let mut bench = Bench::new(download());
    bench.answered_behind(ok());
    assert!(bench.wanted().is_some());
    bench.machine.wake_resolved(bench.key, WakeOutcome::Handled(RefreshTaskId::new(1)));
    assert_eq!(bench.wanted(), None);
    bench.change(AppChange::Resumed);
    let mut heard = Vec::new();
    while let Some(delivery) = bench.machine.next_delivery(bench.key) {
        heard.push(delivery.call);
        bench.machine.delivered(bench.key, true);
    }
    let [Call::FinishedDownloading(..), Call::Completed(..), Call::FinishedEvents] = heard[..] else {
        panic!("SES-19: {heard:?}")
    };
}

#[test]
fn what_comes_about_after_a_wake_that_is_answered_late_has_one_of_its_own() {
    let mut bench = Bench::new(download());
    let session = bench.key;
    let two = bench.machine.create(session, download(), TransferOptions::default()).unwrap();
    bench.answered_behind(ok());
    assert!(bench.wanted().is_some());
    let run = |bench: &mut Bench| {
        bench.change(AppChange::Resumed);
        bench.change(AppChange::Suspended);
    };
    // The wake, in which the app creates something.
    bench.change(AppChange::Resumed);
    bench.machine.resume(session, two).unwrap();
    let (exchange, _) = bench.sent().expect("it begins");
    bench.change(AppChange::Suspended);
    bench.machine.head(exchange, ok());
    bench.machine.finished(exchange);
    // Another session's.
    run(&mut bench);
    assert_eq!(bench.wanted(), None, "the answer is awaited");
    bench.machine.wake_resolved(session, WakeOutcome::Handled(RefreshTaskId::new(1)));
    assert_eq!(bench.wanted(), Some(WakeReason::TransfersEnded), "SCH-22");
}

#[test]
fn what_an_exchange_says_that_was_given_up_is_not_heard() {
    let mut bench = Bench::new(download());
    bench.resume();
    let (old, _) = bench.sent().expect("it begins");
    bench.suspend();
    bench.resume();
    let (new, _) = bench.sent().expect("it begins again");
    assert_eq!(bench.machine.head(old, ok()), Wanted::Nothing);
    bench.machine.received(old, 5);
    bench.machine.failed(old, &TransportError::NotConnected);
    assert!(matches!(bench.machine.head(new, ok()), Wanted::Create(_)));
    bench.machine.received(new, 3);
    bench.machine.sent(old, 9);
    let listed = bench.machine.transfers(bench.key).remove(0);
    assert_eq!((listed.received, listed.sent), (3, 0));
}

#[test]
fn an_answer_to_a_question_finds_its_transfer_suspended_and_is_kept() {
    let mut bench = Bench::new(download());
    bench.resume();
    let serial = bench.asked();
    bench.suspend();
    bench.answer(serial);
    assert!(bench.sent().is_none(), "SES-01: not while it is suspended");
    bench.resume();
    let (_, request) = bench.sent().expect("it goes on");
    assert!(request.headers.iter().any(|(name, _)| name == "authorization"));
}

#[test]
fn an_answer_to_an_earlier_question_is_void() {
    let mut bench = Bench::new(download());
    bench.resume();
    let earlier = bench.asked();
    bench.life.end();
    bench.change(AppChange::Crashed);
    bench.change(AppChange::Foregrounded);
    bench.life = AppLife::new();
    open(&mut bench.machine, &bench.life);
    let later = bench.question();
    bench.answer(earlier);
    assert!(bench.sent().is_none());
    bench.answer(later);
    assert!(bench.sent().is_some());
}

#[test]
fn a_data_transfer_that_is_resumed_when_the_apps_time_is_over_does_not_begin() {
    let mut bench = Bench::new(NewTransfer::Data(Request::get("http://a.test/")));
    bench.change(AppChange::Backgrounded);
    bench.change(AppChange::Suspended);
    bench.resume();
    assert!(bench.sent().is_none(), "SES-12");
    bench.change(AppChange::Foregrounded);
    let delivery = bench.machine.next_delivery(bench.key).expect("it has ended");
    let Call::Completed(_, end) = delivery.call else { panic!("and that is all") };
    assert_eq!(end.error, Some(TransferError::Disconnected));
}

#[test]
fn bytes_sent_count_once_and_a_success_means_that_all_were_sent() {
    for (status, sent) in [(201, 9), (404, 4), (300, 4)] {
        let request = Request::post("http://a.test/");
        let mut bench = Bench::new(NewTransfer::Upload(request, FilePath::new("mine"), 9));
        bench.resume();
        let (exchange, _) = bench.sent().expect("it begins");
        bench.machine.sent(exchange, 4);
        bench.machine.sent(exchange, 2);
        let listed = |bench: &Bench| bench.machine.transfers(bench.key)[0].sent;
        assert_eq!(listed(&bench), 4);
        bench.machine.head(exchange, Response { status, ..ok() });
        assert_eq!(listed(&bench), sent, "{status}");
        assert_eq!(bench.machine.wanted(exchange), Wanted::Discard, "its answer is for nobody");
    }
}

#[test]
fn storage_that_refuses_ends_the_transfer() {
    let mut bench = Bench::new(download());
    bench.resume();
    let (exchange, _) = bench.sent().expect("it begins");
    bench.machine.head(exchange, ok());
    bench.machine.storage_failed(exchange);
    let delivery = bench.machine.next_delivery(bench.key).expect("it has ended");
    let Call::Completed(_, end) = delivery.call else { panic!("and that is all") };
    assert_eq!(end.error, Some(TransferError::Storage));
}

#[test]
fn a_session_of_the_apps_own_is_opened_again_by_its_process_and_not_by_the_next() {
    let mut bench = Bench::new(download());
    let own = |bench: &mut Bench| {
        let configuration = Configuration::in_process(SessionId::new("own").unwrap());
        bench.machine.open(configuration, Connection::new(Arc::new(Capable), bench.life.clone())).unwrap()
    };
    let first = own(&mut bench);
    assert_eq!(own(&mut bench), first);
    bench.life.end();
    bench.life = AppLife::new();
    assert_ne!(own(&mut bench), first, "SES-30");
}

#[test]
fn only_what_can_go_on_leaves_resume_data() {
    let tagged = |accepts: &str| {
        let headers = [("etag", "\"1\""), ("content-length", "9"), ("accept-ranges", accepts)];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Response { headers, ..ok() }
    };
    let own_range = Request {
        headers: vec![("range".to_owned(), "bytes=2-".to_owned())],
        ..Request::get("http://a.test/")
    };
    let cases = [
        (download(), "bytes", true),
        (download(), "none", false),
        (NewTransfer::Download(Request::post("http://a.test/")), "bytes", false),
        (NewTransfer::Download(own_range), "bytes", false),
        (NewTransfer::Data(Request::get("http://a.test/")), "bytes", false),
    ];
    for (at, (new, accepts, expected)) in cases.into_iter().enumerate() {
        let mut bench = Bench::new(new);
        bench.resume();
        let (exchange, _) = bench.sent().expect("it begins");
        bench.machine.head(exchange, tagged(accepts));
        bench.machine.received(exchange, 4);
        let left = bench.machine.cancel_with_resume_data(bench.key, ONE).unwrap();
        assert_eq!(left.is_some(), expected, "{at}");
    }
}

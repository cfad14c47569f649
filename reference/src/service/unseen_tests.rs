//! What no rule can see, because no document promises it or no scheduler that answers at once shows it.

use std::time::Duration;

use super::env::{ExchangeId, Output};
use super::late_tests::{Bench, Capable, ONE, download, ok, open, who};
use super::queue::Call;
use super::session::NewTransfer;
use crate::contract::*;
use std::sync::Arc;

const SECOND: Duration = Duration::from_secs(1);
const TWO: TransferId = TransferId::new(2);
const THREE: TransferId = TransferId::new(3);

fn configuration() -> Configuration {
    Configuration::background(SessionId::new("s").unwrap())
}

impl Bench {
    /// One more transfer, resumed; its exchange.
    fn begun(&mut self) -> ExchangeId {
        let id = self.machine.create(self.key, download(), TransferOptions::default()).unwrap();
        self.machine.resume(self.key, id).unwrap();
        self.sent().expect("it begins").0
    }

    fn is_answered(&mut self, exchange: ExchangeId, response: Response) {
        self.machine.head(exchange, response);
        self.machine.finished(exchange);
    }

    fn sleep(&mut self) {
        self.change(AppChange::Backgrounded);
        self.change(AppChange::Suspended);
    }

    /// A process with a delegate, after one that is gone.
    fn next_process(&mut self) {
        self.life.end();
        self.change(AppChange::Crashed);
        self.change(AppChange::Foregrounded);
        self.life = AppLife::new();
        assert_eq!(open(&mut self.machine, &self.life), self.key);
    }

    fn offered(&mut self) -> u64 {
        let delivery = self.machine.next_delivery(self.key).expect("the delegate is asked");
        assert!(self.machine.delivered(self.key, true));
        let Call::Delayed(_, _, serial) = delivery.call else { panic!("about the delayed request") };
        serial
    }

    fn says_of_the_delayed(&mut self, serial: u64) {
        let answer = Some(DelayedRequestDisposition::ContinueLoading);
        self.machine.delayed_answered(self.key, ONE, serial, answer);
    }

    fn at(&mut self, now: Duration) {
        self.machine.at(Time::ZERO + now);
        self.machine.timeout();
    }
}

/// A request that is delayed until the first second, and that the delegate has been offered; the offer's number.
fn delayed() -> (Bench, u64) {
    let mut bench = Bench::with(configuration());
    let options =
        TransferOptions { earliest_begin_date: Some(Time::ZERO + SECOND), ..TransferOptions::default() };
    assert_eq!(bench.machine.create(bench.key, download(), options), Ok(ONE));
    bench.resume();
    bench.at(SECOND);
    let serial = bench.offered();
    (bench, serial)
}

#[test]
fn an_offer_is_answered_once_and_by_whoever_got_it() {
    let (mut bench, serial) = delayed();
    bench.says_of_the_delayed(serial + 1);
    assert!(bench.sent().is_none(), "it has not been asked that");
    bench.says_of_the_delayed(serial);
    assert!(bench.sent().is_some());
    bench.says_of_the_delayed(serial);
    assert!(bench.sent().is_none());
}

#[test]
fn an_answer_about_what_was_cancelled_meanwhile_is_void() {
    let (mut bench, serial) = delayed();
    bench.machine.cancel(bench.key, ONE).unwrap();
    bench.says_of_the_delayed(serial);
    assert!(bench.sent().is_none());
}

#[test]
fn a_moment_that_was_slept_through_counts() {
    let mut bench = Bench::new(download());
    bench.resume();
    bench.at(8 * 86_400 * SECOND);
    let delivery = bench.machine.next_delivery(bench.key).expect("it has ended");
    let Call::Completed(_, end) = delivery.call else { panic!("and that is all") };
    assert_eq!(end.error, Some(TransferError::TimedOut));
}

#[test]
fn what_has_begun_is_not_held_for_better_conditions() {
    let mut bench = Bench::with(Configuration { is_discretionary: true, ..configuration() });
    let exchange = bench.begun();
    let conditions = Conditions { favourable: false, ..Conditions::default() };
    bench.machine.device_changed(&DeviceChange::Conditions(conditions));
    bench.machine.failed(exchange, &TransportError::ConnectionLost);
    bench.at(60 * SECOND);
    assert!(bench.sent().is_some(), "a retry is no beginning");
}

#[test]
fn of_a_session_that_is_gone_no_file_is_left() {
    let mut bench = Bench::with(Configuration::in_process(SessionId::new("own").unwrap()));
    let ended = bench.begun();
    bench.is_answered(ended, ok());
    let running = bench.begun();
    bench.machine.head(running, ok());
    bench.machine.create(bench.key, download(), TransferOptions::default()).unwrap();
    bench.machine.cancel(bench.key, THREE).unwrap();
    drop(bench.machine.take_outputs());
    bench.life.end();
    bench.change(AppChange::Crashed);
    let removed = bench.machine.take_outputs().into_iter();
    let removed: Vec<FilePath> = removed
        .filter_map(|output| if let Output::Remove(file) = output { Some(file) } else { None })
        .collect();
    let file = |transfer: TransferId| FilePath::new(format!("bgsession/0/{}.part", transfer.get()));
    assert_eq!(removed, [file(ONE), file(TWO)]);
}

#[test]
fn a_cause_that_is_none_any_more_wakes_nobody_for_another_transfer() {
    let mut bench = Bench::with(Configuration { resource_timeout: 100 * SECOND, ..configuration() });
    let ends = bench.begun();
    let asks = bench.begun();
    bench.machine.at(Time::ZERO + 50 * SECOND);
    let goes_on = bench.begun();
    bench.sleep();
    bench.is_answered(ends, ok());
    assert_eq!(bench.wanted(), None);
    bench.is_answered(asks, who());
    assert_eq!(bench.wanted(), Some(WakeReason::AuthenticationNeeded));
    bench.at(100 * SECOND);
    bench.machine.wake_resolved(bench.key, WakeOutcome::Withdrawn);
    bench.change(AppChange::Purged);
    assert_eq!(bench.wanted(), None, "SCH-19: two have ended, and one goes on");
    bench.is_answered(goes_on, ok());
    assert_eq!(bench.wanted(), Some(WakeReason::TransfersEnded));
}

#[test]
fn what_was_taken_back_is_asked_for_again_when_that_is_answered() {
    let mut bench = Bench::new(download());
    bench.answered_behind(ok());
    assert!(bench.wanted().is_some());
    bench.change(AppChange::Foregrounded);
    bench.sleep();
    assert_eq!(bench.wanted(), None, "one at a time");
    bench.machine.wake_resolved(bench.key, WakeOutcome::Withdrawn);
    assert_eq!(bench.wanted(), Some(WakeReason::TransfersEnded), "it has not been heard in front");
}

#[test]
fn one_wake_is_for_all_that_has_come_about_before_it() {
    let mut bench = Bench::with(configuration());
    let both = [bench.begun(), bench.begun()];
    bench.sleep();
    for exchange in both {
        bench.is_answered(exchange, who());
    }
    assert!(bench.wanted().is_some());
    bench.change(AppChange::Resumed);
    bench.change(AppChange::Suspended);
    bench.machine.wake_resolved(bench.key, WakeOutcome::Handled(RefreshTaskId::new(1)));
    assert_eq!(bench.wanted(), None, "SCH-22: it has had its wake");
}

#[test]
fn progress_is_not_kept_for_an_app_that_sleeps() {
    let mut bench = Bench::with(configuration());
    let exchange = bench.begun();
    bench.machine.head(exchange, ok());
    bench.machine.received(exchange, 3);
    bench.sleep();
    bench.machine.received(exchange, 4);
    bench.change(AppChange::Resumed);
    assert!(bench.machine.next_delivery(bench.key).is_none());
    bench.machine.received(exchange, 5);
    let delivery = bench.machine.next_delivery(bench.key).expect("it is told of what comes now");
    let Call::Wrote(_, news, total, _) = delivery.call else { panic!("{:?}", delivery.call) };
    assert_eq!((news, total), (12, 12));
}

#[test]
fn an_app_that_runs_behind_is_told_at_once() {
    let mut bench = Bench::with(configuration());
    let exchange = bench.begun();
    bench.change(AppChange::Backgrounded);
    bench.is_answered(exchange, ok());
    assert!(bench.machine.next_delivery(bench.key).is_some());
}

#[test]
fn a_call_that_a_dead_process_left_open_does_not_cut_off_the_next_process() {
    let mut bench = Bench::with(configuration());
    let exchange = bench.begun();
    bench.is_answered(exchange, ok());
    assert!(bench.machine.next_delivery(bench.key).is_some());
    bench.next_process();
    assert!(!bench.machine.delivered(bench.key, false));
    let delivery = bench.machine.next_delivery(bench.key).expect("SES-18: it is told again");
    assert!(matches!(delivery.call, Call::FinishedDownloading(..)));
}

#[test]
fn the_end_of_a_drain_that_a_process_did_not_live_to_hear_is_not_for_the_next() {
    let mut bench = Bench::new(download());
    bench.answered_behind(ok());
    assert!(bench.wanted().is_some());
    bench.machine.wake_resolved(bench.key, WakeOutcome::Handled(RefreshTaskId::new(1)));
    bench.change(AppChange::Resumed);
    loop {
        let delivery = bench.machine.next_delivery(bench.key).expect("SES-19: it has an end");
        if matches!(delivery.call, Call::FinishedEvents) {
            break;
        }
        bench.machine.delivered(bench.key, true);
    }
    bench.next_process();
    assert!(!bench.machine.delivered(bench.key, false));
    assert!(bench.machine.next_delivery(bench.key).is_none());
}

#[test]
fn a_name_is_free_when_its_session_is_gone() {
    let mut bench = Bench::with(configuration());
    bench.machine.invalidate(bench.key, false);
    assert!(matches!(bench.machine.next_delivery(bench.key).unwrap().call, Call::BecameInvalid));
    assert!(!bench.machine.delivered(bench.key, true));
    let next = open(&mut bench.machine, &bench.life);
    assert_ne!(next, bench.key);
    let connection = Connection::new(Arc::new(Capable), bench.life.clone());
    assert_eq!(bench.machine.open(configuration(), connection), Ok(next));
}

#[test]
fn the_page_of_a_refusal_is_all_that_a_data_transfer_gets() {
    let mut bench = Bench::new(NewTransfer::Data(Request::get("http://a.test/")));
    bench.resume();
    let (exchange, _) = bench.sent().expect("it begins");
    bench.machine.head(exchange, who());
    bench.machine.received(exchange, 3);
    bench.machine.received(exchange, 4);
    bench.machine.finished(exchange);
    let serial = bench.question();
    let default = Some(ChallengeDisposition::PerformDefaultHandling);
    bench.machine.challenge_answered(bench.key, ONE, serial, default);
    let delivery = bench.machine.next_delivery(bench.key).expect("the 401 is its answer");
    assert!(bench.machine.delivered(bench.key, true));
    let Call::Response(_, response, serial) = delivery.call else { panic!("{:?}", delivery.call) };
    assert_eq!(response.status, 401);
    bench.machine.disposed(bench.key, ONE, serial, Some(ResponseDisposition::Allow));
    let delivery = bench.machine.next_delivery(bench.key).expect("SES-12: and its bytes are the app's");
    let Call::Data(_, _, from, news) = delivery.call else { panic!("{:?}", delivery.call) };
    assert_eq!((from, news), (0, 7));
}

#[test]
fn the_page_of_a_refusal_does_not_follow_bytes_of_something_else() {
    let mut bench = Bench::new(NewTransfer::Data(Request::get("http://a.test/")));
    bench.resume();
    let (exchange, _) = bench.sent().expect("it begins");
    let headers = [("etag", "\"1\""), ("content-length", "9"), ("accept-ranges", "bytes")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    bench.machine.head(exchange, Response { headers, ..ok() });
    bench.machine.received(exchange, 4);
    let delivery = bench.machine.next_delivery(bench.key).expect("it asks about the response");
    assert!(bench.machine.delivered(bench.key, true));
    let Call::Response(_, _, serial) = delivery.call else { panic!("{:?}", delivery.call) };
    bench.machine.disposed(bench.key, ONE, serial, Some(ResponseDisposition::Allow));
    let delivery = bench.machine.next_delivery(bench.key).expect("it gives what is there");
    assert!(matches!(delivery.call, Call::Data(_, _, 0, 4)));
    assert!(bench.machine.delivered(bench.key, true));
    bench.machine.failed(exchange, &TransportError::ConnectionLost);
    bench.at(10 * SECOND);
    let serial = bench.asked();
    let default = Some(ChallengeDisposition::PerformDefaultHandling);
    bench.machine.challenge_answered(bench.key, ONE, serial, default);
    let delivery = bench.machine.next_delivery(bench.key).expect("it has ended");
    let Call::Completed(_, end) = delivery.call else { panic!("{:?}", delivery.call) };
    assert_eq!(end.error, Some(TransferError::ConnectionLost), "what was given can not be taken back");
}

#[test]
fn of_a_process_that_is_gone_only_its_own_sessions_are_forgotten() {
    let mut bench = Bench::with(configuration());
    let own = Configuration::in_process(SessionId::new("own").unwrap());
    let connection = Connection::new(Arc::new(Capable), bench.life.clone());
    bench.machine.open(own, connection).unwrap();
    // SES-30: that one; the other is found again, as is asserted there.
    bench.next_process();
}

#[test]
fn what_was_never_begun_wakes_nobody_with_its_end() {
    let mut bench = Bench::with(configuration());
    let cancelled = |bench: &mut Bench| {
        let id = bench.machine.create(bench.key, download(), TransferOptions::default()).unwrap();
        bench.machine.cancel(bench.key, id).unwrap();
    };
    cancelled(&mut bench);
    bench.sleep();
    assert_eq!(bench.wanted(), None, "SCH-19");
    bench.change(AppChange::Foregrounded);
    let exchange = bench.begun();
    bench.is_answered(exchange, ok());
    while bench.machine.next_delivery(bench.key).is_some() {
        bench.machine.delivered(bench.key, true);
    }
    cancelled(&mut bench);
    bench.sleep();
    assert_eq!(bench.wanted(), None, "SCH-22: of the cause that there was it has been told");
}

#[test]
fn a_force_quit_asks_for_no_wake() {
    let mut bench = Bench::with(configuration());
    bench.begun();
    bench.change(AppChange::ForceQuit);
    assert_eq!(bench.wanted(), None, "SES-23: whatever the scheduler would say");
}

/// A data transfer that has been answered, and whose response the delegate has been asked about; the question's number.
fn responded() -> (Bench, ExchangeId, u64) {
    let mut bench = Bench::new(NewTransfer::Data(Request::get("http://a.test/")));
    bench.resume();
    let (exchange, _) = bench.sent().expect("it begins");
    bench.machine.head(exchange, ok());
    let delivery = bench.machine.next_delivery(bench.key).expect("it asks about the response");
    let Call::Response(_, _, serial) = delivery.call else { panic!("{:?}", delivery.call) };
    (bench, exchange, serial)
}

#[test]
fn a_response_is_answered_once_and_by_whoever_got_it() {
    let download = Some(ResponseDisposition::BecomeDownload);
    let (mut bench, _, serial) = responded();
    assert!(bench.machine.delivered(bench.key, true));
    bench.machine.disposed(bench.key, ONE, serial + 1, download);
    assert!(bench.machine.next_delivery(bench.key).is_none(), "it has not been asked that");
    bench.machine.disposed(bench.key, ONE, serial, download);
    let delivery = bench.machine.next_delivery(bench.key).expect("it is one now");
    assert!(matches!(delivery.call, Call::BecameDownload(ONE)));
    assert!(bench.machine.delivered(bench.key, true));
    bench.machine.disposed(bench.key, ONE, serial, download);
    assert!(bench.machine.next_delivery(bench.key).is_none());
}

#[test]
fn an_answer_about_the_response_of_what_was_cancelled_meanwhile_is_void() {
    let (mut bench, _, serial) = responded();
    assert!(bench.machine.delivered(bench.key, true));
    bench.machine.cancel(bench.key, ONE).unwrap();
    bench.machine.disposed(bench.key, ONE, serial, Some(ResponseDisposition::BecomeDownload));
    let delivery = bench.machine.next_delivery(bench.key).expect("it has ended");
    assert!(matches!(delivery.call, Call::Completed(..)));
    assert!(bench.machine.delivered(bench.key, true));
    assert!(bench.machine.next_delivery(bench.key).is_none(), "SES-03: nothing after the end");
}

#[test]
fn an_empty_answer_is_whole_for_the_next_process_too() {
    let (mut bench, exchange, serial) = responded();
    bench.machine.finished(exchange);
    bench.machine.disposed(bench.key, ONE, serial, Some(ResponseDisposition::Allow));
    bench.next_process();
    bench.machine.delivered(bench.key, false);
    let delivery = bench.machine.next_delivery(bench.key).expect("it has ended");
    let Call::Completed(_, end) = delivery.call else { panic!("{:?}", delivery.call) };
    assert_eq!(end.error, None, "SES-12: no byte of it went with the process");
}

#[test]
fn progress_that_is_none_is_not_told() {
    let upload = NewTransfer::Upload(Request::post("http://a.test/"), FilePath::new("mine"), 9);
    let mut bench = Bench::new(upload);
    bench.resume();
    let (exchange, _) = bench.sent().expect("it begins");
    bench.machine.sent(exchange, 9);
    let delivery = bench.machine.next_delivery(bench.key).expect("it is told");
    assert!(matches!(delivery.call, Call::Sent(ONE, 9, 9, 9)));
    assert!(bench.machine.delivered(bench.key, true));
    bench.machine.head(exchange, ok());
    assert!(bench.machine.next_delivery(bench.key).is_none(), "of the last byte it has been told");
}

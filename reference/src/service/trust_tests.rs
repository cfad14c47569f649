//! Questions of TLS, put to delegates of every kind and answered in every way.

use std::collections::VecDeque;
use std::sync::Arc;

use super::super::env::{ExchangeId, Output, SessionKey};
use super::super::machine::ServiceMachine;
use super::super::queue::Call;
use super::super::session::NewTransfer;
use crate::contract::*;

/// A delegate with these optional methods.
struct Has(Vec<OptionalMethod>);

impl Delegate for Has {
    fn responds_to(&self, method: OptionalMethod) -> bool {
        self.0.contains(&method)
    }
}

struct Bench {
    machine: ServiceMachine,
    key: SessionKey,
    outputs: VecDeque<Output>,
    /// Messages are being delivered.
    draining: bool,
}

/// What the machine does next, as far as it matters here.
#[derive(Debug, PartialEq)]
enum Next {
    Sends(TlsAnswers),
    AsksSession(AuthenticationMethod),
    AsksTask(AuthenticationMethod),
    Ends(Option<TransferError>),
    Waits,
}

fn stranger() -> ServerCertificate {
    ServerCertificate::from_der(*b"stranger")
}

fn untrusted() -> TransportError {
    TransportError::UntrustedServer { certificate: stranger() }
}

fn trusting() -> TlsAnswers {
    TlsAnswers { trusted: Some(stranger()), ..TlsAnswers::default() }
}

fn showing(identity: ClientIdentity) -> TlsAnswers {
    TlsAnswers { identity, ..TlsAnswers::default() }
}

const SESSION: OptionalMethod = OptionalMethod::SessionChallenge;
const TASK: OptionalMethod = OptionalMethod::TaskChallenge;

impl Bench {
    fn new(methods: &[OptionalMethod]) -> Self {
        let policy = Arc::new(Policy::default());
        let mut machine = ServiceMachine::new(policy, Conditions::default(), AppState::Active);
        let configuration = Configuration::background(SessionId::new("s").unwrap());
        let delegate = Arc::new(Has(methods.to_vec()));
        let key = machine.open(configuration, Connection::new(delegate, AppLife::new())).unwrap();
        Self { machine, key, outputs: VecDeque::new(), draining: false }
    }

    fn start(&mut self) -> ExchangeId {
        let new = NewTransfer::Download(Request::get("https://a.test/"));
        let id = self.machine.create(self.key, new, TransferOptions::default()).unwrap();
        self.machine.resume(self.key, id).unwrap();
        self.sent().0
    }

    fn sent(&mut self) -> (ExchangeId, TlsAnswers) {
        let mut outputs = self.machine.take_outputs().into_iter();
        let sent = outputs.find_map(|output| {
            if let Output::Exchange(exchange, request) = output {
                Some((exchange, request.tls))
            } else {
                None
            }
        });
        sent.expect("a request goes out")
    }

    /// What comes next, and the number of the question if it is one.
    fn next(&mut self) -> (Next, u64) {
        // Each turn takes an output or a delivery, of which there is a handful.
        loop {
            self.outputs.extend(self.machine.take_outputs());
            if self.draining {
                let Some(delivery) = self.machine.next_delivery(self.key) else {
                    self.draining = false;
                    continue;
                };
                self.machine.delivered(self.key, true);
                let of = |challenge: &Challenge| challenge.protection_space.method;
                if let Call::SessionChallenge(_, challenge, serial) = delivery.call {
                    return (Next::AsksSession(of(&challenge)), serial);
                } else if let Call::Challenge(_, challenge, serial) = delivery.call {
                    return (Next::AsksTask(of(&challenge)), serial);
                } else if let Call::Completed(_, end) = delivery.call {
                    return (Next::Ends(end.error.clone()), 0);
                }
                continue;
            }
            match self.outputs.pop_front() {
                Some(Output::Exchange(_, request)) => return (Next::Sends(request.tls), 0),
                Some(Output::Drain(_)) => self.draining = true,
                Some(_) => {}
                None => return (Next::Waits, 0),
            }
        }
    }

    fn answer(&mut self, exchange: ExchangeId, serial: u64, answer: ChallengeDisposition) -> Next {
        self.machine.challenge_answered(self.key, exchange.transfer, serial, Some(answer));
        self.next().0
    }
}

#[test]
fn the_session_is_asked_else_the_task_else_nobody() {
    use AuthenticationMethod::ServerTrust;
    let table = [
        (&[SESSION, TASK][..], Next::AsksSession(ServerTrust)),
        (&[SESSION][..], Next::AsksSession(ServerTrust)),
        (&[TASK][..], Next::AsksTask(ServerTrust)),
        (&[][..], Next::Ends(Some(TransferError::UntrustedServer))),
    ];
    for (methods, expected) in table {
        let mut bench = Bench::new(methods);
        let exchange = bench.start();
        bench.machine.failed(exchange, &untrusted());
        assert_eq!(bench.next().0, expected, "SES-26, with {methods:?}");
    }
}

#[test]
fn every_answer_about_a_server() {
    let table = [
        (ChallengeDisposition::UseCredential(Some(Credential::Trust)), Next::Sends(trusting())),
        (
            ChallengeDisposition::CancelAuthenticationChallenge,
            Next::Ends(Some(TransferError::UserCancelledAuthentication)),
        ),
    ];
    let not_trusted = [
        ChallengeDisposition::PerformDefaultHandling,
        ChallengeDisposition::RejectProtectionSpace,
        ChallengeDisposition::UseCredential(None),
        ChallengeDisposition::UseCredential(Some(Credential::password("a", "b"))),
    ];
    let ends = || Next::Ends(Some(TransferError::UntrustedServer));
    for (answer, expected) in table.into_iter().chain(not_trusted.map(|answer| (answer, ends()))) {
        let mut bench = Bench::new(&[SESSION]);
        let exchange = bench.start();
        bench.machine.failed(exchange, &untrusted());
        let (_, serial) = bench.next();
        assert_eq!(bench.answer(exchange, serial, answer.clone()), expected, "{answer:?}");
    }
}

#[test]
fn without_a_certificate_it_goes_on_without_one() {
    let table = [
        (ChallengeDisposition::UseCredential(Some(Credential::identity("me"))), "me"),
        (ChallengeDisposition::PerformDefaultHandling, ""),
        (ChallengeDisposition::RejectProtectionSpace, ""),
    ];
    for (answer, shown) in table {
        let mut bench = Bench::new(&[TASK]);
        let exchange = bench.start();
        bench.machine.failed(exchange, &TransportError::CertificateWanted);
        let (next, serial) = bench.next();
        assert_eq!(next, Next::AsksTask(AuthenticationMethod::ClientCertificate));
        let identity = match shown {
            "" => ClientIdentity::None,
            name => ClientIdentity::Named(name.to_owned()),
        };
        assert_eq!(bench.answer(exchange, serial, answer), Next::Sends(showing(identity)));
    }
}

#[test]
fn what_was_given_for_the_session_is_not_asked_for_again() {
    let mut bench = Bench::new(&[SESSION]);
    let (first, second) = (bench.start(), bench.start());
    bench.machine.failed(first, &untrusted());
    let (_, serial) = bench.next();
    bench.machine.failed(second, &untrusted());
    let trust = ChallengeDisposition::UseCredential(Some(Credential::Trust));
    assert_eq!(bench.answer(first, serial, trust), Next::Sends(trusting()));
    assert_eq!(bench.next().0, Next::Sends(trusting()), "the second waits for the same answer");
    let new = NewTransfer::Download(Request::get("https://a.test/other"));
    let third = bench.machine.create(bench.key, new, TransferOptions::default()).unwrap();
    bench.machine.resume(bench.key, third).unwrap();
    assert_eq!(bench.sent().1, trusting());
    // Another process has to say so itself.
    bench.machine.device_changed(&DeviceChange::App(AppChange::Crashed));
    let delegate = Connection::new(Arc::new(Has(vec![SESSION])), AppLife::new());
    let configuration = Configuration::background(SessionId::new("s").unwrap());
    bench.machine.open(configuration, delegate).unwrap();
    let new = NewTransfer::Download(Request::get("https://a.test/other"));
    let fourth = bench.machine.create(bench.key, new, TransferOptions::default()).unwrap();
    bench.machine.resume(bench.key, fourth).unwrap();
    assert_eq!(bench.sent().1, TlsAnswers::default());
}

#[test]
fn another_certificate_than_the_one_that_was_trusted_is_asked_about() {
    let mut bench = Bench::new(&[SESSION]);
    let exchange = bench.start();
    bench.machine.failed(exchange, &untrusted());
    let (_, serial) = bench.next();
    let trust = ChallengeDisposition::UseCredential(Some(Credential::Trust));
    bench.machine.challenge_answered(bench.key, exchange.transfer, serial, Some(trust));
    let (again, _) = bench.sent();
    let certificate = ServerCertificate::from_der(*b"somebody else");
    bench.machine.failed(again, &TransportError::UntrustedServer { certificate });
    assert_eq!(bench.next().0, Next::AsksSession(AuthenticationMethod::ServerTrust));
}

#[test]
fn a_network_that_asks_what_it_was_told_is_tried_again_later() {
    let mut bench = Bench::new(&[TASK]);
    let exchange = bench.start();
    bench.machine.failed(exchange, &TransportError::CertificateWanted);
    let (_, serial) = bench.next();
    let default = Some(ChallengeDisposition::PerformDefaultHandling);
    bench.machine.challenge_answered(bench.key, exchange.transfer, serial, default);
    let (again, _) = bench.sent();
    bench.machine.failed(again, &TransportError::CertificateWanted);
    assert_eq!(bench.next().0, Next::Waits);
    assert!(bench.machine.deadline() < Time::DISTANT_FUTURE);
}

#[test]
fn an_answer_is_good_for_the_server_that_it_was_given_for() {
    let mut bench = Bench::new(&[SESSION]);
    let begin = |bench: &mut Bench, url: &str| {
        let new = NewTransfer::Download(Request::get(url));
        let id = bench.machine.create(bench.key, new, TransferOptions::default()).unwrap();
        bench.machine.resume(bench.key, id).unwrap();
        bench.sent()
    };
    let trusted = |certificate: &ServerCertificate| TlsAnswers {
        trusted: Some(certificate.clone()),
        ..TlsAnswers::default()
    };
    let servers = [
        ("https://a.test/", stranger()),
        ("https://b.test/", ServerCertificate::from_der(*b"somebody else")),
    ];
    for (url, certificate) in &servers {
        let (exchange, answers) = begin(&mut bench, url);
        assert_eq!(answers, TlsAnswers::default(), "{url}");
        let error = TransportError::UntrustedServer { certificate: certificate.clone() };
        bench.machine.failed(exchange, &error);
        let (_, serial) = bench.next();
        let trust = ChallengeDisposition::UseCredential(Some(Credential::Trust));
        assert_eq!(bench.answer(exchange, serial, trust), Next::Sends(trusted(certificate)));
    }
    for (url, certificate) in &servers {
        assert_eq!(begin(&mut bench, url).1, trusted(certificate), "{url}");
    }
}

//! The socket front over TLS: the same answers, and a handshake as the script says.

use crate::client::{self, Ending};
use crate::{Current, Noted, in_memory, plans};
use bgsession_mock_server::{
    Authority, Identity, Origin, Pace, RealPace, Request, Resource, Responder, Route, Script, TcpFront, Tls,
};
use proptest::test_runner::{Config, RngSeed, TestRunner};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use std::io;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// What a client brings along that trusts this authority.
fn config(authority: &Authority, identity: Option<&Identity>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(authority.root().to_vec().into()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots);
    match identity {
        None => config.with_no_client_auth(),
        Some(identity) => {
            let key = PrivateKeyDer::Pkcs8(identity.key.clone().into());
            config.with_client_auth_cert(vec![identity.certificate.clone().into()], key).unwrap()
        }
    }
}

async fn connect(front: &TcpFront, host: &str, config: ClientConfig) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(front.addr()).await?;
    // A handshake is many small pieces: each would wait for the other side's late acknowledgement.
    stream.set_nodelay(true)?;
    let name = ServerName::try_from(host.to_owned()).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

fn start(authority: &Arc<Authority>, responder: Arc<dyn Responder>, pace: Arc<dyn Pace>) -> TcpFront {
    TcpFront::start_tls(responder, pace, Arc::clone(authority)).unwrap()
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

#[test]
fn any_plan_looks_the_same_in_memory_and_over_tls() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let authority = Arc::new(Authority::new([("known.test", &Tls::trusted())], []).unwrap());
    // Handshakes are slow, and the plain front has been through more.
    let config =
        Config { cases: 100, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&plans::plan(), |plan| {
        let (expected, _) = in_memory(plan.clone());
        let seen = runtime.block_on(async {
            let pace = Arc::new(Noted::default());
            let front = start(&authority, Arc::new(plans::Given(plan)), pace.clone());
            let stream = connect(&front, "known.test", self::config(&authority, None)).await.unwrap();
            client::ask_on(stream, &Request::get("/"), &pace.silent).await
        });
        if expected.ending == Ending::Broken {
            assert_eq!(seen.ending, Ending::Broken);
        } else {
            assert_eq!(seen, expected);
        }
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}

/// Three hosts that greet in three ways, and an origin behind them.
fn hosts() -> (Arc<Authority>, Arc<Current>, Origin) {
    let hosts = [
        ("known.test", Tls::trusted()),
        ("members.test", Tls::trusted().asks_for("ann")),
        ("stranger.test", Tls::stranger()),
    ];
    let authority = Authority::new(hosts.iter().map(|(host, tls)| (*host, tls)), ["ann", "bob"]).unwrap();
    let script = Script::new().route("/f", Route::new(Resource::new(5)));
    let script = hosts.into_iter().fold(script, |script, (host, tls)| script.tls(host, tls));
    let origin = Origin::new(script).unwrap();
    let current = Arc::new(Current::default());
    current.set(&origin);
    (Arc::new(authority), current, origin)
}

/// How a client takes a server's certificate.
fn refused(answer: io::Result<TlsStream<TcpStream>>) -> Option<CertificateError> {
    match answer {
        Ok(_) => None,
        Err(error) => match error.get_ref().and_then(|error| error.downcast_ref()) {
            Some(rustls::Error::InvalidCertificate(reason)) => Some(reason.clone()),
            other => panic!("{other:?}"),
        },
    }
}

#[test]
fn each_host_has_the_certificate_that_its_script_says() {
    let (authority, current, origin) = hosts();
    run(async {
        let front = start(&authority, current, Arc::new(RealPace::default()));
        let go = async |host| refused(connect(&front, host, config(&authority, None)).await);
        assert_eq!(go("known.test").await, None);
        assert_eq!(go("members.test").await, None, "asked for, not insisted on");
        assert_eq!(go("stranger.test").await, Some(CertificateError::UnknownIssuer));
        let elsewhere = go("elsewhere.test").await;
        assert!(matches!(elsewhere, Some(CertificateError::NotValidForNameContext { .. })), "{elsewhere:?}");
    });
    assert!(origin.log().is_empty(), "nobody has asked for anything");
}

#[test]
fn the_origin_is_told_whose_certificate_was_shown() {
    let (authority, current, _) = hosts();
    let (strangers, _, _) = hosts();
    run(async {
        let front = start(&authority, current, Arc::new(RealPace::default()));
        let go = async |host: &str, identity| {
            let stream = connect(&front, host, config(&authority, identity)).await.unwrap();
            let request = Request::get("/f").with_host(host);
            client::ask_on(stream, &request, &tokio::sync::Notify::new()).await.status
        };
        assert_eq!(go("members.test", authority.identity("ann")).await, Some(200));
        assert_eq!(go("members.test", authority.identity("bob")).await, Some(400));
        assert_eq!(go("members.test", None).await, Some(400));
        assert_eq!(go("known.test", None).await, Some(200));
        assert_eq!(go("known.test", authority.identity("ann")).await, Some(200));

        // In TLS 1.3 the client hears of it after its own part is done.
        let shown = config(&authority, strangers.identity("ann"));
        let mut stream = connect(&front, "members.test", shown).await.unwrap();
        let answer = client::read(&mut stream).await.unwrap_err();
        let why = answer.get_ref().and_then(|error| error.downcast_ref());
        assert!(matches!(why, Some(rustls::Error::AlertReceived(_))), "{answer}");
    });
}

/// Neither of these may cost the next client anything.
#[test]
fn who_does_not_speak_tls_is_not_answered() {
    let (authority, current, origin) = hosts();
    run(async {
        let front = start(&authority, current, Arc::new(RealPace::default()));
        for bytes in
            [&b"GET /f HTTP/1.1\r\nHost: known.test\r\n\r\n"[..], b"\x16\x03\x01\x00\x04\xff\x00\x00\x00"]
        {
            let answer = client::send(front.addr(), bytes).await;
            assert!(!answer.contains("HTTP"), "{answer:?}");
        }
        drop(client::open(front.addr(), b"\x16").await);
        let stream = connect(&front, "known.test", config(&authority, None)).await.unwrap();
        let seen = client::ask_on(stream, &Request::get("/f"), &tokio::sync::Notify::new()).await;
        assert_eq!((seen.status, seen.body.len()), (Some(200), 5));
    });
    assert_eq!(origin.log().len(), 1);
}

#[test]
fn a_name_that_no_certificate_can_hold_is_an_error_and_nothing_shows_a_key() {
    let error = Authority::new([("kn\u{f6}wn.test", &Tls::trusted())], []).unwrap_err();
    assert!(error.to_string().starts_with("the throwaway authority could not be set up: "), "{error}");
    let (authority, ..) = hosts();
    let hosts = r#"hosts: ["known.test", "members.test", "stranger.test"]"#;
    assert_eq!(
        format!("{authority:?}"),
        format!(r#"Authority {{ {hosts}, identities: ["ann", "bob"], .. }}"#)
    );
    let identity = authority.identity("ann").unwrap();
    assert_eq!(format!("{identity:?}"), format!("Identity({} bytes)", identity.certificate.len()));
    assert!(authority.identity("eve").is_none());
}

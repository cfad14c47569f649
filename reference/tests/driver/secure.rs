//! The real transport over TLS: what is a question, and what is not.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bgsession_mock_server::{Authority, RealPace, RealTime, Resource, Route, Script, TcpFront, Tls};
use bgsession_reference::contract::*;
use bgsession_reference::http::HttpTransport;
use bgsession_reference::https::TlsSettings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A server for four hosts and its authority.
struct Server {
    front: TcpFront,
    authority: Arc<Authority>,
}

const HOSTS: [&str; 4] = ["known.test", "stranger.test", "members.test", "strange-members.test"];

impl Server {
    fn start() -> Self {
        let greetings = [
            Tls::trusted(),
            Tls::stranger(),
            Tls::trusted().asks_for("ann"),
            Tls::stranger().asks_for("ann"),
        ];
        let hosts = HOSTS.into_iter().zip(&greetings);
        let authority = Arc::new(Authority::new(hosts.clone(), ["ann", "bob"]).unwrap());
        let script = Script::new().route("/file", Route::new(Resource::new(5)));
        let script = hosts.fold(script, |script, (host, tls)| script.tls(host, tls.clone()));
        let responder = Arc::new(RealTime::play(script).unwrap());
        let front = TcpFront::start_tls(responder, Arc::new(RealPace::default()), authority.clone()).unwrap();
        Self { front, authority }
    }

    /// Knows the authority, finds the hosts, and has both identities.
    fn settings(&self) -> TlsSettings {
        let settings = TlsSettings::default().trusting_only([self.authority.root().to_vec()]);
        let settings =
            HOSTS.into_iter().fold(settings, |settings, host| settings.at(host, self.front.addr()));
        ["ann", "bob"]
            .into_iter()
            .fold(settings, |settings, name| with_identity(settings, &self.authority, name))
    }

    fn client(&self) -> HttpTransport {
        HttpTransport::with_tls(self.settings()).unwrap()
    }

    fn url(&self, host: &str) -> String {
        format!("https://{host}:{}/file", self.front.addr().port())
    }

    /// The status of an answer, or why there is none.
    async fn ask(
        &self,
        client: &HttpTransport,
        host: &str,
        answers: TlsAnswers,
    ) -> Result<u16, TransportError> {
        status(client, self.url(host), answers).await
    }
}

fn with_identity(settings: TlsSettings, authority: &Authority, name: &str) -> TlsSettings {
    let identity = authority.identity(name).unwrap();
    settings.identity(name, identity.certificate.clone(), identity.key.clone()).unwrap()
}

async fn status(client: &HttpTransport, url: String, tls: TlsAnswers) -> Result<u16, TransportError> {
    let request = HttpRequest { method: Method::Get, url, headers: Vec::new(), body: None, tls };
    Ok(client.send(request).await?.response.status)
}

fn open() -> TlsAnswers {
    TlsAnswers::default()
}

fn showing(name: &str) -> TlsAnswers {
    TlsAnswers { identity: ClientIdentity::Named(name.to_owned()), ..open() }
}

/// The certificate of a host that is not trusted.
async fn question(server: &Server, client: &HttpTransport, host: &str) -> ServerCertificate {
    match server.ask(client, host, open()).await {
        Err(TransportError::UntrustedServer { certificate }) => certificate,
        other => panic!("not a question about trust: {other:?}"),
    }
}

#[tokio::test]
async fn a_certificate_by_a_known_authority_passes() {
    let server = Server::start();
    assert_eq!(server.ask(&server.client(), "known.test", open()).await, Ok(200));
}

#[tokio::test]
async fn a_certificate_by_a_stranger_is_a_question_and_its_answer_goes_for_that_one_only() {
    let server = Server::start();
    let client = server.client();
    let stranger = question(&server, &client, "stranger.test").await;
    assert_eq!(question(&server, &client, "stranger.test").await, stranger, "it is the same one each time");
    assert_ne!(question(&server, &client, "strange-members.test").await, stranger);

    let trusted = TlsAnswers { trusted: Some(stranger), ..open() };
    assert_eq!(server.ask(&client, "stranger.test", trusted.clone()).await, Ok(200));
    assert_eq!(server.ask(&client, "known.test", trusted.clone()).await, Ok(200));
    let other = server.ask(&client, "strange-members.test", trusted).await;
    assert!(matches!(other, Err(TransportError::UntrustedServer { .. })), "{other:?}");
    // No connection that was made under an answer serves a request without it.
    question(&server, &client, "stranger.test").await;
}

/// An authority that is known vouches for a name: for another the certificate is as good as a stranger's.
#[tokio::test]
async fn a_certificate_of_another_host_is_a_question() {
    let server = Server::start();
    let settings = server.settings().at("elsewhere.test", server.front.addr());
    let client = HttpTransport::with_tls(settings).unwrap();
    question(&server, &client, "elsewhere.test").await;
}

#[tokio::test]
async fn the_authorities_of_another_client_are_strangers() {
    let server = Server::start();
    let other = Server::start();
    let settings = server.settings().trusting_only([other.authority.root().to_vec()]);
    question(&server, &HttpTransport::with_tls(settings).unwrap(), "known.test").await;
}

#[tokio::test]
async fn a_client_certificate_is_asked_for_and_shown_or_not() {
    let server = Server::start();
    let client = server.client();
    let none = TlsAnswers { identity: ClientIdentity::None, ..open() };
    let cases = [
        (open(), Err(TransportError::CertificateWanted)),
        (none.clone(), Ok(400)),
        (showing("ann"), Ok(200)),
        // The server lets nobody else in.
        (showing("bob"), Ok(400)),
        (open(), Err(TransportError::CertificateWanted)),
    ];
    for (answers, expected) in cases {
        assert_eq!(server.ask(&client, "members.test", answers.clone()).await, expected, "{answers:?}");
    }
    // A server that does not ask is shown nothing.
    for answers in [none, showing("ann")] {
        assert_eq!(server.ask(&client, "known.test", answers).await, Ok(200));
    }
}

#[tokio::test]
async fn who_the_server_is_comes_before_who_the_client_is() {
    let server = Server::start();
    let client = server.client();
    let certificate = question(&server, &client, "strange-members.test").await;
    let trusted = TlsAnswers { trusted: Some(certificate), ..open() };
    let second = server.ask(&client, "strange-members.test", trusted.clone()).await;
    assert_eq!(second, Err(TransportError::CertificateWanted));
    let both = TlsAnswers { identity: ClientIdentity::Named("ann".to_owned()), ..trusted };
    assert_eq!(server.ask(&client, "strange-members.test", both).await, Ok(200));
}

#[tokio::test]
async fn an_identity_that_the_device_lacks_makes_the_request_unusable() {
    let server = Server::start();
    let answer = server.ask(&server.client(), "members.test", showing("eve")).await;
    assert!(matches!(answer, Err(TransportError::BadRequest { .. })), "{answer:?}");
}

/// The server says so after the client's part of the handshake is over: the connection was there, and broke.
#[tokio::test]
async fn a_client_certificate_by_a_stranger_breaks_the_connection() {
    let (server, other) = (Server::start(), Server::start());
    let client = HttpTransport::with_tls(with_identity(server.settings(), &other.authority, "ann")).unwrap();
    let answer = server.ask(&client, "members.test", showing("ann")).await;
    assert_eq!(answer, Err(TransportError::ConnectionLost));
}

/// Answers one connection with these bytes, whatever it says, and closes it.
async fn no_tls(bytes: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut hello = [0; 16_384];
        let _ = socket.read(&mut hello).await.unwrap();
        socket.write_all(bytes).await.unwrap();
    });
    address
}

#[tokio::test]
async fn a_handshake_that_breaks_for_another_reason_is_no_question() {
    let settings = Server::start().settings();
    let refusal = b"\x15\x03\x03\x00\x02\x02\x28";
    for bytes in [&b""[..], b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x16\x03\x03", refusal] {
        let address = no_tls(bytes).await;
        let client = HttpTransport::with_tls(settings.clone().at("known.test", address)).unwrap();
        let answer = status(&client, format!("https://known.test:{}/file", address.port()), open()).await;
        assert_eq!(answer, Err(TransportError::NotConnected), "{bytes:?}");
    }
}

/// What is said about certificates has no bearing on an address without TLS.
#[tokio::test]
async fn plain_http_asks_nothing_and_needs_no_identity() {
    let script = Script::new().route("/file", Route::new(Resource::new(5)));
    let responder = Arc::new(RealTime::play(script).unwrap());
    let front = TcpFront::start(responder, Arc::new(RealPace::default())).unwrap();
    let client = HttpTransport::with_tls(TlsSettings::default()).unwrap();
    for answers in [open(), showing("eve")] {
        assert_eq!(status(&client, format!("http://{}/file", front.addr()), answers).await, Ok(200));
    }
}

#[test]
fn settings_that_can_not_be_used_are_errors_and_nothing_shows_a_key() {
    let nonsense = || vec![1, 2, 3];
    assert!(TlsSettings::default().identity("ann", nonsense(), nonsense()).is_err());
    assert!(HttpTransport::with_tls(TlsSettings::default().trusting_only([nonsense()])).is_err());
    assert!(HttpTransport::with_tls(TlsSettings::default().trusting_only([])).is_err());

    let authority = Authority::new([("known.test", &Tls::trusted())], ["ann"]).unwrap();
    let settings = with_identity(TlsSettings::default(), &authority, "ann");
    assert_eq!(format!("{settings:?}"), r#"TlsSettings { identities: ["ann"], addresses: {}, .. }"#);
}

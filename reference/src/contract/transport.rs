//! One HTTP exchange: what a session needs of the network, and no more.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::{FilePath, ServerCertificate, Storage, TransportError};

/// The request methods a background session uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "UPPERCASE"))]
#[expect(clippy::exhaustive_enums, reason = "the methods that the contract's requests can have")]
pub enum Method {
    /// `GET`
    #[default]
    Get,
    /// `POST`
    Post,
    /// `PUT`
    Put,
}

impl Method {
    /// As it stands on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
}

/// The file that an upload sends.
#[derive(Clone)]
#[expect(clippy::exhaustive_structs, reason = "services build these")]
pub struct RequestBody {
    /// Where the file is.
    pub storage: Arc<dyn Storage>,
    /// Which file.
    pub file: FilePath,
    /// How many bytes it has.
    pub len: u64,
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestBody({} bytes)", self.len)
    }
}

/// One request as it goes on the wire. `Debug` leaves the headers out: they may carry credentials.
#[derive(Clone)]
#[expect(clippy::exhaustive_structs, reason = "services build these")]
pub struct HttpRequest {
    /// The method.
    pub method: Method,
    /// The absolute `http` or `https` address.
    pub url: String,
    /// Header fields in order; names in lower case.
    pub headers: Vec<(String, String)>,
    /// What to upload.
    pub body: Option<RequestBody>,
    /// What to say if the connection raises a question about who is at its ends; of no use for `http`.
    pub tls: TlsAnswers,
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({} header fields)", self.method.as_str(), self.url, self.headers.len())
    }
}

/// What a client answers when a connection is made over TLS.
///
/// A [`Transport`] puts no question to anybody. Where it meets one that this leaves open it gives the connection up
/// before the request has gone out, and its error says what was asked; whoever wants to go on sends the request again
/// with the answer. (A client that could keep the connection waiting meanwhile would save a handshake; few libraries
/// can wait in the middle of one.)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "services build these")]
pub struct TlsAnswers {
    /// A certificate to accept although the device does not trust it: this one to the byte, and no other.
    pub trusted: Option<ServerCertificate>,
    /// What to do when the server asks for a client certificate.
    pub identity: ClientIdentity,
}

/// What to do when a server asks for a client certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it is asked, shown nothing, or shown one")]
pub enum ClientIdentity {
    /// Give up with [`TransportError::CertificateWanted`].
    #[default]
    Ask,
    /// Go on without one; what the server makes of that is its affair.
    None,
    /// Show the device's identity of this name.
    Named(String),
}

/// The head of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "services build these from what a server says")]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The address that answered, after redirects.
    pub url: String,
    /// Header fields in order; names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Response {
    /// The first field called `name` (in lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All fields called `name` (in lower case), in order.
    pub fn headers_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.headers.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// An answer whose head has arrived.
#[expect(clippy::exhaustive_structs, reason = "services take these apart")]
pub struct HttpResponse {
    /// The head.
    pub response: Response,
    /// The body, still on its way.
    pub body: Box<dyn HttpBody>,
}

impl HttpResponse {
    /// Puts the two together; for implementers of [`Transport`].
    #[must_use]
    pub fn new(response: Response, body: Box<dyn HttpBody>) -> Self {
        Self { response, body }
    }
}

impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpResponse({})", self.response.status)
    }
}

/// A body that arrives piece by piece. Dropping it ends the exchange.
#[async_trait]
pub trait HttpBody: Send {
    /// The next piece; `None` at a proper end.
    ///
    /// # Errors
    ///
    /// [`TransportError::ConnectionLost`] if the connection broke before the announced end,
    /// [`TransportError::BadResponse`] if the bytes made no sense.
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, TransportError>;
}

/// Makes single exchanges: follows no redirect, answers no challenge, keeps no cookie, retries nothing, has no
/// timeouts of its own.
///
/// Progress of an upload is not reported by this interface: the request is sent when the head of the answer is there.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends one request and waits for the head of its answer. Dropping the future ends the exchange.
    ///
    /// # Errors
    ///
    /// [`TransportError`] says what went wrong on the wire; an HTTP error status is an answer like any other.
    /// [`TransportError::UntrustedServer`] and [`TransportError::CertificateWanted`] are questions that the request's
    /// [`TlsAnswers`] left open.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError>;
}

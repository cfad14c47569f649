//! Real HTTP: a [`Transport`] over `reqwest`, with everything switched off that a session does itself.

use std::error::Error;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::contract::{
    HttpBody, HttpRequest, HttpResponse, Method, RequestBody, Response, TlsAnswers, Transport, TransportError,
};

/// How much of an upload is in memory at a time.
const PIECE: usize = 64 * 1024;

/// The HTTP client could not be set up: the machine's doing, not the caller's.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client could not be set up: {reason}")]
#[non_exhaustive]
pub struct HttpSetupError {
    /// What the client says.
    pub reason: String,
}

/// Real HTTP/1.1, and HTTPS with the feature `https`. Clones share one pool of connections.
///
/// It follows no redirect, uses no proxy, keeps no cookie, decompresses nothing, retries nothing and has no timeouts:
/// the session does what of this is wanted. It must be used inside a tokio runtime with IO enabled.
///
/// ```
/// use bgsession_reference::contract::Transport;
/// use bgsession_reference::http::HttpTransport;
/// use std::sync::Arc;
///
/// let network: Arc<dyn Transport> = Arc::new(HttpTransport::new()?);
/// # Ok::<(), bgsession_reference::http::HttpSetupError>(())
/// ```
///
/// With the feature `https`, a server that is not trusted and a client certificate that is asked for are questions, as
/// [`TlsAnswers`] says.
#[derive(Clone, Debug)]
pub struct HttpTransport {
    #[cfg(not(feature = "https"))]
    client: reqwest::Client,
    #[cfg(feature = "https")]
    clients: std::sync::Arc<crate::https::Clients>,
}

/// A client with everything switched off that a session does itself.
pub(crate) fn plain_builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .pool_idle_timeout(None)
}

impl HttpTransport {
    /// A client with its own pool of connections.
    ///
    /// # Errors
    ///
    /// [`HttpSetupError`] if the client can not be built. With the feature `https` the machine's roots of trust are read
    /// when they are needed first; a machine without any makes that request, and the next, unusable.
    pub fn new() -> Result<Self, HttpSetupError> {
        #[cfg(feature = "https")]
        return Self::with_tls(crate::https::TlsSettings::default());
        #[cfg(not(feature = "https"))]
        plain_builder()
            .build()
            .map(|client| Self { client })
            .map_err(|error| HttpSetupError { reason: error.to_string() })
    }

    /// A client with its own pool of connections, and its own ideas about whom to trust.
    ///
    /// # Errors
    ///
    /// [`HttpSetupError`] if these settings can not be used.
    #[cfg(feature = "https")]
    pub fn with_tls(settings: crate::https::TlsSettings) -> Result<Self, HttpSetupError> {
        let clients = crate::https::Clients::new(settings)?;
        Ok(Self { clients: std::sync::Arc::new(clients) })
    }

    /// The client that gives these answers; without TLS there are no questions.
    #[cfg(feature = "https")]
    fn client(&self, url: &str, answers: &TlsAnswers) -> Result<reqwest::Client, TransportError> {
        let secure = url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"));
        self.clients.client(secure.then_some(answers))
    }

    #[cfg(not(feature = "https"))]
    #[expect(clippy::unnecessary_wraps, reason = "with TLS it can fail")]
    fn client(&self, _: &str, _: &TlsAnswers) -> Result<reqwest::Client, TransportError> {
        Ok(self.client.clone())
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let HttpRequest { method, url, headers, body, tls } = request;
        let method = match method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
        };
        let mut request = self.client(&url, &tls)?.request(method, url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = request.body(reqwest::Body::wrap(FileBody { body, offset: 0 }));
        }
        let answer = request.send().await.map_err(|error| translate(&error))?;
        let headers = answer.headers().iter().map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        let response = Response {
            status: answer.status().as_u16(),
            url: answer.url().as_str().to_owned(),
            headers: headers.collect(),
        };
        Ok(HttpResponse::new(response, Box::new(Arriving(answer))))
    }
}

/// The body of an answer.
struct Arriving(reqwest::Response);

#[async_trait]
impl HttpBody for Arriving {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, TransportError> {
        let piece = self.0.chunk().await.map_err(|error| translate(&error))?;
        Ok(piece.map(Vec::from))
    }
}

/// Whose doing it was. Secrets are in no message: addresses and headers are left out.
fn translate(error: &reqwest::Error) -> TransportError {
    #[cfg(feature = "https")]
    if let Some(verdict) = crate::https::verdict(error) {
        return verdict;
    }
    if error.is_builder() {
        return TransportError::BadRequest {
            reason: "the address or a header field is malformed".to_owned(),
        };
    }
    if error.is_connect() {
        return TransportError::NotConnected;
    }
    let mut source: Option<&(dyn Error + 'static)> = Some(error);
    // Bounded by the chain of sources, which ends.
    while let Some(error) = source {
        if let Some(http) = error.downcast_ref::<hyper::Error>() {
            if http.is_user() {
                return TransportError::BadRequest {
                    reason: "the file to send could not be read".to_owned(),
                };
            }
            if http.is_parse() {
                return TransportError::BadResponse;
            }
        }
        if let Some(io) = error.downcast_ref::<io::Error>()
            && matches!(io.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput)
        {
            return TransportError::BadResponse;
        }
        source = error.source();
    }
    TransportError::ConnectionLost
}

/// An upload's file, read piece by piece as the connection takes it.
struct FileBody {
    body: RequestBody,
    offset: u64,
}

impl fmt::Debug for FileBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {}", self.body, self.offset)
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let left = self.body.len.saturating_sub(self.offset);
        if left == 0 {
            return Poll::Ready(None);
        }
        let piece = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let read = self.body.storage.read(&self.body.file, self.offset, piece);
        Poll::Ready(Some(read.and_then(|bytes| {
            if bytes.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.offset += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            Ok(Frame::data(Bytes::from(bytes)))
        })))
    }

    fn is_end_stream(&self) -> bool {
        self.offset >= self.body.len
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.body.len.saturating_sub(self.offset))
    }
}

//! Reading requests from a client that may be anybody: every length is bounded, every wait too.

use crate::body::Digest;
use crate::request::Request;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The longest request line with headers, in bytes.
pub(super) const HEAD_LIMIT: usize = 16 << 10;
/// The most headers.
const MOST_HEADERS: usize = 100;
/// The longest body, in bytes. Bodies are hashed as they arrive, not kept.
const BODY_LIMIT: u64 = 1 << 30;
/// How long the client may be silent before a request or in the middle of one.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// The longest line that gives the size of a chunk.
const CHUNK_LINE_LIMIT: usize = 256;

/// A request and what the connection needs to know about it.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) request: Request,
    /// The client speaks HTTP/1.0, which has no chunked coding.
    pub(super) old: bool,
    /// The client wants to use the connection again.
    pub(super) keep_alive: bool,
}

/// Why a connection brings no (further) request.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// The client has closed it, or been silent too long.
    Gone,
    /// It deserves an error status.
    Bad(u16, &'static str),
}

impl From<io::Error> for Unreadable {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// Bytes that have been read and not yet used.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) buffer: Vec<u8>,
}

impl Reader {
    pub(super) fn new() -> Self {
        Self { buffer: Vec::with_capacity(HEAD_LIMIT) }
    }
    /// Reads one request with its body.
    pub(super) async fn request<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
    ) -> Result<Received, Unreadable> {
        let head = loop {
            if let Some(head) = Head::parse(&self.buffer)? {
                break head;
            }
            if self.buffer.len() >= HEAD_LIMIT {
                return Err(Unreadable::Bad(431, "the request's head is longer than 16 KiB"));
            }
            self.read_more(stream).await?;
        };
        self.buffer.drain(..head.length);
        if head.expects_continue && head.body != Body::Length(0) && self.buffer.is_empty() {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        let mut received = head.received;
        let mut digest = Digest::new();
        received.request.body_size = match head.body {
            Body::Length(length) if length > BODY_LIMIT => return Err(TOO_LARGE),
            Body::Length(length) => {
                self.take(stream, length, &mut digest).await?;
                length
            }
            Body::Chunked => self.chunks(stream, &mut digest).await?,
        };
        received.request.body_hash = digest.finish();
        Ok(received)
    }

    async fn read_more<S: AsyncRead + Unpin>(&mut self, stream: &mut S) -> Result<(), Unreadable> {
        match tokio::time::timeout(PATIENCE, stream.read_buf(&mut self.buffer)).await {
            Ok(Ok(1..)) => Ok(()),
            Ok(Ok(0) | Err(_)) | Err(_) => Err(Unreadable::Gone),
        }
    }

    /// Uses up `left` bytes of a body.
    async fn take<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        mut left: u64,
        digest: &mut Digest,
    ) -> Result<(), Unreadable> {
        while left > 0 {
            if self.buffer.is_empty() {
                self.read_more(stream).await?;
            }
            let now = usize::try_from(left).unwrap_or(usize::MAX).min(self.buffer.len());
            digest.update(&self.buffer[..now]);
            self.buffer.drain(..now);
            left -= now as u64;
        }
        Ok(())
    }

    /// Uses up a line with its line feed and returns it without.
    async fn line<S: AsyncRead + Unpin>(&mut self, stream: &mut S) -> Result<Vec<u8>, Unreadable> {
        loop {
            if let Some(end) = self.buffer.iter().take(CHUNK_LINE_LIMIT).position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
                line.truncate(line.trim_ascii_end().len());
                return Ok(line);
            }
            if self.buffer.len() >= CHUNK_LINE_LIMIT {
                return Err(BAD_CHUNK);
            }
            self.read_more(stream).await?;
        }
    }

    /// Uses up a chunked body and returns its length.
    async fn chunks<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        digest: &mut Digest,
    ) -> Result<u64, Unreadable> {
        let mut total = 0_u64;
        loop {
            let line = self.line(stream).await?;
            let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
            let size = std::str::from_utf8(digits).ok().and_then(|text| u64::from_str_radix(text, 16).ok());
            let size = size.ok_or(BAD_CHUNK)?;
            total = total.saturating_add(size);
            if total > BODY_LIMIT {
                return Err(TOO_LARGE);
            }
            if size == 0 {
                break;
            }
            self.take(stream, size, digest).await?;
            if !self.line(stream).await?.is_empty() {
                return Err(BAD_CHUNK);
            }
        }
        for _ in 0..MOST_HEADERS {
            if self.line(stream).await?.is_empty() {
                return Ok(total);
            }
        }
        Err(BAD_CHUNK)
    }
}

const TOO_LARGE: Unreadable = Unreadable::Bad(413, "the request's body is longer than 1 GiB");
const BAD_CHUNK: Unreadable = Unreadable::Bad(400, "the request's chunked coding cannot be read");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    Length(u64),
    Chunked,
}

/// A request line with headers.
struct Head {
    received: Received,
    body: Body,
    expects_continue: bool,
    /// Its own length in bytes.
    length: usize,
}

impl Head {
    /// `None` while it is incomplete.
    fn parse(bytes: &[u8]) -> Result<Option<Self>, Unreadable> {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        let length = match parsed.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => {
                return Err(Unreadable::Bad(431, "the request has more than 100 headers"));
            }
            Err(_) => return Err(Unreadable::Bad(400, "this is not an HTTP/1 request")),
        };
        let mut request = Request::new(parsed.method.unwrap_or_default(), parsed.path.unwrap_or_default());
        request.headers = parsed
            .headers
            .iter()
            .map(|header| (header.name.to_owned(), String::from_utf8_lossy(header.value).into_owned()))
            .collect();
        let host = request.header("host").map(str::to_owned);
        request.host = host.unwrap_or_default();
        absolute_form(&mut request);

        let old = parsed.version == Some(0);
        let asks = |name, token: &str| {
            request
                .header(name)
                .is_some_and(|value| value.split(',').any(|item| item.trim().eq_ignore_ascii_case(token)))
        };
        let keep_alive = if old { asks("connection", "keep-alive") } else { !asks("connection", "close") };
        let expects_continue = !old && asks("expect", "100-continue");
        let body = body(&request)?;
        Ok(Some(Self { received: Received { request, old, keep_alive }, body, expects_continue, length }))
    }
}

/// `GET http://host/path`, as to a proxy, names the host in the target.
fn absolute_form(request: &mut Request) {
    let Some((scheme, rest)) = request.target.split_once("://") else {
        return;
    };
    if scheme.contains('/') {
        return;
    }
    let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    request.host = host.to_owned();
    request.target = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
}

fn body(request: &Request) -> Result<Body, Unreadable> {
    let values = |name: &'static str| {
        request.headers.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    };
    let mut lengths = values("content-length");
    let length = lengths.next();
    if lengths.any(|other| Some(other) != length) {
        return Err(Unreadable::Bad(400, "the request has two lengths"));
    }
    let mut codings = values("transfer-encoding");
    match (codings.next(), length) {
        (None, None) => Ok(Body::Length(0)),
        // Two ways to tell where the body ends are how requests are smuggled.
        (Some(_), Some(_)) => Err(Unreadable::Bad(400, "the request has a length and a transfer coding")),
        (Some(coding), None) if coding.eq_ignore_ascii_case("chunked") && codings.next().is_none() => {
            Ok(Body::Chunked)
        }
        (Some(_), None) => Err(Unreadable::Bad(501, "the only transfer coding known here is chunked")),
        (None, Some(length)) => match length.parse() {
            Ok(length) if length_is_digits(request) => Ok(Body::Length(length)),
            _ => Err(Unreadable::Bad(400, "the request's length is not a number")),
        },
    }
}

/// Rust also reads `+5` as a number.
fn length_is_digits(request: &Request) -> bool {
    request.header("content-length").is_some_and(|value| value.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds bytes in two pieces and reads requests until the end.
    async fn read(bytes: &[u8], cut: usize) -> Vec<Result<(String, u64, bool), (u16, &'static str)>> {
        let (mut client, mut server) = tokio::io::duplex(1 << 20);
        client.write_all(&bytes[..cut]).await.unwrap();
        client.write_all(&bytes[cut..]).await.unwrap();
        client.shutdown().await.unwrap();
        let mut reader = Reader::new();
        let mut seen = Vec::new();
        loop {
            match reader.request(&mut server).await {
                Ok(Received { request, keep_alive, .. }) => {
                    let line = format!("{} {} {}", request.method, request.host, request.target);
                    assert_eq!(request.body_size == 0, request.body_hash == crate::body::hash(&[]));
                    seen.push(Ok((line, request.body_size, keep_alive)));
                }
                Err(Unreadable::Bad(status, why)) => {
                    seen.push(Err((status, why)));
                    return seen;
                }
                Err(Unreadable::Gone) => return seen,
            }
        }
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
    }

    #[test]
    fn requests_follow_each_other_wherever_they_are_cut() {
        let bytes = b"GET /a?b HTTP/1.1\r\nHost: h:1\r\n\r\n\
            PUT /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: t\r\n\r\n\
            POST http://other:8/d HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nConnection: close\r\n\r\nxy\
            GET / HTTP/1.0\r\n\r\n";
        let expected = [
            ("GET h:1 /a?b", 0, true),
            ("PUT h /c", 5, true),
            ("POST other:8 /d", 2, false),
            ("GET  /", 0, false),
        ];
        let expected = expected.map(|(line, size, again)| Ok((line.to_owned(), size, again)));
        for cut in 0..bytes.len() {
            assert_eq!(block_on(read(bytes, cut)), expected, "cut at {cut}");
        }
    }

    #[test]
    fn what_is_not_a_request_is_told_so() {
        let status = |text: &str| match block_on(read(text.as_bytes(), 0)).pop() {
            Some(Err((status, _))) => status,
            other => panic!("{text:?}: {other:?}"),
        };
        assert_eq!(status("\u{1}\u{2}\r\n\r\n"), 400);
        assert_eq!(status("GET / HTTP/1.1\r\nContent-Length: +5\r\n\r\n"), 400);
        assert_eq!(status("GET / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"), 400);
        assert_eq!(status("GET / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
        assert_eq!(status("GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n"), 501);
        assert_eq!(status("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), 400);
        assert_eq!(status("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n"), 400);
        assert_eq!(status("GET / HTTP/1.1\r\nContent-Length: 9999999999\r\n\r\n"), 413);
        assert_eq!(status(&format!("GET /{} HTTP/1.1\r\n", "x".repeat(HEAD_LIMIT))), 431);
        assert_eq!(status(&format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(101))), 431);
    }
    proptest::proptest! {
        #[test]
        fn any_bytes_are_requests_or_told_that_they_are_none(
            start in 0..BEGINNINGS.len(),
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300),
        ) {
            let all = [BEGINNINGS[start].as_bytes(), &bytes].concat();
            block_on(read(&all, all.len() / 2));
        }
    }

    const BEGINNINGS: [&str; 4] = [
        "",
        "GET / HTTP/1.1\r\nHost: h\r\n",
        "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "PUT / HTTP/1.1\r\nContent-Length: 40\r\n\r\n",
    ];
}

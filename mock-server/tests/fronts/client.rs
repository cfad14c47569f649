//! A client of a few lines that believes nothing: it says what came and how it ended.

use bgsession_mock_server::{Request, body};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ending {
    End,
    Cut,
    Reset,
    Stalled,
    Broken,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub status: Option<u16>,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub ending: Ending,
}

impl Seen {
    /// Without what may differ between fronts: the order of headers with different names.
    pub(crate) fn normal(mut self) -> Self {
        self.headers.retain(|(name, _)| name != "date");
        self.headers.sort_by(|a, b| a.0.cmp(&b.0));
        self
    }
}

pub(crate) async fn open(addr: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

/// Sends bytes and reads to the end of the connection.
pub(crate) async fn send(addr: SocketAddr, bytes: &[u8]) -> String {
    read(&mut open(addr, bytes).await).await.unwrap()
}

/// Reads to the end of a connection.
pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<String> {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Sends one request and reads until the answer is complete, the connection ends or the server falls silent.
pub(crate) async fn ask(addr: SocketAddr, request: &Request, silent: &Notify) -> Seen {
    ask_on(TcpStream::connect(addr).await.unwrap(), request, silent).await
}

/// The same on a connection that is there.
pub(crate) async fn ask_on(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    request: &Request,
    silent: &Notify,
) -> Seen {
    let mut text = format!("{} {} HTTP/1.1\r\nHost: {}\r\n", request.method, request.target, request.host);
    for (name, value) in &request.headers {
        text += &format!("{name}: {value}\r\n");
    }
    let mut bytes = (text + "\r\n").into_bytes();
    bytes.extend(body_of(request));
    stream.write_all(&bytes).await.unwrap();
    stream.flush().await.unwrap();
    let mut got = Vec::new();
    let ending = loop {
        if let Some(seen) = parse(&got, &request.method, None) {
            return seen.normal();
        }
        tokio::select! {
            biased;
            read = stream.read_buf(&mut got) => match read {
                Ok(0) => break Ending::Cut,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break Ending::Reset,
                Err(error) => panic!("{error}"),
            },
            () = silent.notified() => break Ending::Stalled,
        }
    };
    parse(&got, &request.method, Some(ending)).unwrap().normal()
}

/// A [`Request`] knows no more than the hash of its body; these carry the body in a header too.
fn body_of(request: &Request) -> Vec<u8> {
    let bytes = request.header("x-body").map(|text| text.as_bytes().to_vec()).unwrap_or_default();
    assert_eq!(body::hash(&bytes), request.body_hash);
    bytes
}

/// Reads an answer; while the connection has not ended, only a complete or a broken one.
fn parse(bytes: &[u8], method: &str, ended: Option<Ending>) -> Option<Seen> {
    let mut seen = Seen { status: None, headers: Vec::new(), body: Vec::new(), ending: Ending::Broken };
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        let hopeless = !bytes.is_empty() && !b"HTTP/1.1 ".starts_with(&bytes[..bytes.len().min(9)]);
        seen.ending = if hopeless { Ending::Broken } else { ended? };
        return Some(seen);
    };
    let Ok(head) = std::str::from_utf8(&bytes[..end]) else {
        return Some(seen);
    };
    let Some(status) = head.strip_prefix("HTTP/1.1 ") else {
        return Some(seen);
    };
    seen.status = Some(status[..3].parse().unwrap());
    for line in head.lines().skip(1) {
        let (name, value) = line.split_once(": ").unwrap();
        seen.headers.push((name.to_owned(), value.to_owned()));
    }
    let find = |wanted| seen.headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let rest = &bytes[end + 4..];
    if method == "HEAD" || seen.status == Some(204) {
        seen.ending = Ending::End;
    } else if find("transfer-encoding").is_some() {
        let (body, ending) = dechunk(rest);
        (seen.body, seen.ending) = (body, ending.or(ended)?);
    } else if let Some(length) = find("content-length") {
        let length = length.parse().unwrap();
        seen.body = rest[..rest.len().min(length)].to_vec();
        seen.ending = if rest.len() >= length { Ending::End } else { ended? };
    } else {
        seen.body = rest.to_vec();
        seen.ending = if ended? == Ending::Cut { Ending::End } else { ended? };
    }
    Some(seen)
}

/// The body so far, and how it ends if that can be told.
fn dechunk(mut rest: &[u8]) -> (Vec<u8>, Option<Ending>) {
    let mut body = Vec::new();
    loop {
        let Some(end) = rest.windows(2).position(|window| window == b"\r\n") else {
            return (body, None);
        };
        let size =
            std::str::from_utf8(&rest[..end]).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
        let Some(size) = size else {
            return (body, Some(Ending::Broken));
        };
        rest = &rest[end + 2..];
        if size == 0 {
            return (body, rest.starts_with(b"\r\n").then_some(Ending::End));
        }
        body.extend(&rest[..rest.len().min(size)]);
        if rest.len() < size + 2 {
            return (body, None);
        }
        rest = &rest[size + 2..];
    }
}

//! The real transport against a socket that says exactly what the test wants.

use std::sync::Arc;

use bgsession_reference::contract::*;
use bgsession_reference::http::HttpTransport;
use bgsession_reference::storage::MemoryStorage;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Answers one connection with these bytes once the request is there, and closes it. Gives the request back.
async fn server(answer: &'static [u8], wants: usize) -> (String, tokio::task::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/x", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        // Bounded by the request: a client that sends less than the test wants closes or fails the test.
        while !request.windows(4).any(|window| window == b"\r\n\r\n") || request.len() < wants {
            let mut piece = [0; 16_384];
            let read = socket.read(&mut piece).await.unwrap();
            if read == 0 {
                break;
            }
            request.extend_from_slice(&piece[..read]);
        }
        socket.write_all(answer).await.unwrap();
        request
    });
    (address, task)
}

fn get(url: &str) -> HttpRequest {
    HttpRequest {
        method: Method::Get,
        url: url.to_owned(),
        headers: Vec::new(),
        body: None,
        tls: TlsAnswers::default(),
    }
}

/// Status and body, or what went wrong on the way.
type Outcome = Result<(u16, Vec<u8>), TransportError>;

async fn fetch(request: HttpRequest) -> Outcome {
    let mut answer = HttpTransport::new().unwrap().send(request).await?;
    let mut bytes = Vec::new();
    while let Some(piece) = answer.body.chunk().await? {
        bytes.extend(piece);
    }
    Ok((answer.response.status, bytes))
}

#[tokio::test]
async fn an_answer_comes_as_it_is() {
    let (url, server) = server(
        b"HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Encoding: gzip\r\ncontent-length: 3\r\n\r\nabc",
        0,
    )
    .await;
    let transport = HttpTransport::new().unwrap();
    let headers = vec![("range".to_owned(), "bytes=3-".to_owned())];
    let mut answer = transport.send(HttpRequest { headers, ..get(&url) }).await.unwrap();
    assert_eq!(answer.response.status, 302, "no redirect is followed");
    assert_eq!(answer.response.url, url);
    assert_eq!(answer.response.header("location"), Some("/y"), "names are in lower case");
    assert_eq!(answer.body.chunk().await.unwrap().as_deref(), Some(&b"abc"[..]), "nothing is decompressed");
    assert_eq!(answer.body.chunk().await.unwrap(), None);
    let request = String::from_utf8(server.await.unwrap()).unwrap();
    assert!(request.contains("range: bytes=3-\r\n"), "{request}");
    assert!(!request.contains("accept-encoding") && !request.contains("cookie"), "{request}");
}

#[tokio::test]
async fn whose_doing_it_was() {
    let cases: [(&'static [u8], Outcome); 7] = [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Ok((200, Vec::new()))),
        (b"HTTP/1.1 200 OK\r\n\r\nto the end", Ok((200, b"to the end".to_vec()))),
        (b"", Err(TransportError::ConnectionLost)),
        (b"HTTP/1.1 200 OK\r\ncontent-len", Err(TransportError::ConnectionLost)),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc", Err(TransportError::ConnectionLost)),
        (b"220 mail.test ESMTP\r\n\r\n", Err(TransportError::BadResponse)),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnonsense\r\n",
            Err(TransportError::BadResponse),
        ),
    ];
    for (answer, expected) in cases {
        let (url, server) = server(answer, 0).await;
        assert_eq!(fetch(get(&url)).await, expected, "{}", String::from_utf8_lossy(answer));
        server.await.unwrap();
    }
}

#[tokio::test]
async fn what_never_reaches_a_server() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(fetch(get(&nobody)).await, Err(TransportError::NotConnected));
    let secret = vec![("authorization".to_owned(), "Bearer \u{7f}secret\n".to_owned())];
    for request in [get("http://"), HttpRequest { headers: secret, ..get(&nobody) }] {
        let Err(TransportError::BadRequest { reason }) = fetch(request).await else {
            panic!("it is unusable")
        };
        assert!(!reason.contains("secret"), "{reason}");
    }
}

#[tokio::test]
async fn an_upload_streams_its_file_in_pieces() {
    let storage = Arc::new(MemoryStorage::default());
    let file = FilePath::new("mine");
    // No two pieces are alike.
    let content: Vec<u8> = (0..200_000_u32).map(|byte| (byte % 251).to_le_bytes()[0]).collect();
    storage.append(&file, &content).unwrap();
    let (url, server) = server(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n", 200_000).await;
    let body = RequestBody { storage, file, len: 200_000 };
    let request = HttpRequest { method: Method::Put, body: Some(body), ..get(&url) };
    assert_eq!(fetch(request).await, Ok((201, Vec::new())));
    let sent = server.await.unwrap();
    let head = String::from_utf8_lossy(&sent[..200]).into_owned();
    assert!(head.starts_with("PUT /x HTTP/1.1\r\n") && head.contains("content-length: 200000\r\n"), "{head}");
    assert!(sent.ends_with(&content));
}

#[tokio::test]
async fn a_file_that_vanishes_makes_the_request_unusable() {
    let (url, _server) = server(b"HTTP/1.1 201 Created\r\n\r\n", 1_000).await;
    let body =
        RequestBody { storage: Arc::new(MemoryStorage::default()), file: FilePath::new("gone"), len: 9 };
    let request = HttpRequest { method: Method::Post, body: Some(body), ..get(&url) };
    assert!(matches!(fetch(request).await, Err(TransportError::BadRequest { .. })));
}

//! Taking the steps of a plan on a socket.

use super::http1::{HEAD_LIMIT, PATIENCE, Received};
use super::pace::Pace;
use super::socket::Socket;
use crate::body::{Slice, fill};
use crate::plan::{Framing, Head, Plan, Step};
use crate::request::Request;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Bytes are gathered up to this size before they go to the socket.
const GATHER: usize = 64 << 10;

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    Open,
    Closed,
}

/// One answer on its way out.
struct Player<'a> {
    stream: &'a mut Socket,
    /// Where bytes go that the client sends meanwhile.
    early: &'a mut Vec<u8>,
    pace: &'a dyn Pace,
    request: &'a Request,
    out: Vec<u8>,
    /// Bytes have gone to the socket since the last pause.
    written: bool,
    /// How the body ends, once the head has been sent.
    framing: Option<Framing>,
    /// Body bytes so far.
    sent: u64,
}

/// Takes all steps of a plan. An error means that the client has gone.
pub(super) async fn play(
    stream: &mut Socket,
    early: &mut Vec<u8>,
    pace: &dyn Pace,
    received: &Received,
    mut plan: Plan,
) -> io::Result<After> {
    let request = &received.request;
    let out = Vec::new();
    let mut player = Player { stream, early, pace, request, out, written: false, framing: None, sent: 0 };
    for step in plan.steps {
        match step {
            Step::Head => {
                if let Some(head) = plan.head.take() {
                    player.head(head, received);
                }
            }
            Step::Body(slice) => player.slice(slice).await?,
            Step::Inline(bytes) => {
                player.body(bytes.len() as u64, |out| out.extend_from_slice(&bytes)).await?;
            }
            Step::Raw(bytes) => {
                player.sent += bytes.len() as u64;
                player.out.extend_from_slice(&bytes);
            }
            Step::Pause(wait) => {
                player.settle().await?;
                let (request, pace) = (player.request, player.pace);
                player.unless_client_leaves(pace.pause(request, wait)).await?;
            }
            Step::Stall => {
                player.settle().await?;
                let (request, pace) = (player.request, player.pace);
                player.unless_client_leaves(pace.stall(request)).await?;
                return Ok(After::Closed);
            }
            Step::Close => return player.close().await,
            Step::Reset => {
                player.settle().await?;
                return player.reset();
            }
            // The connection had to be accepted to see the request; a reset comes closest to none.
            Step::Refuse => return player.reset(),
        }
    }
    player.end(received.keep_alive).await
}

impl Player<'_> {
    fn head(&mut self, mut head: Head, received: &Received) {
        if received.old && head.framing == Framing::Chunked {
            head.framing = Framing::UntilClose;
        }
        self.framing = Some(head.framing);
        let reason = reason(head.status);
        self.out.extend_from_slice(format!("HTTP/1.1 {} {reason}\r\n", head.status).as_bytes());
        let framing = head.framing_header();
        let goodbye = !received.keep_alive && head.framing != Framing::UntilClose;
        let goodbye = goodbye.then(|| ("connection".to_owned(), "close".to_owned()));
        for (name, value) in head.headers.iter().chain(&framing).chain(&goodbye) {
            for part in [name.as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                self.out.extend_from_slice(part);
            }
        }
        self.out.extend_from_slice(b"\r\n");
    }

    async fn slice(&mut self, slice: Slice) -> io::Result<()> {
        let mut done = 0;
        while done < slice.len {
            let part = slice.part(done, GATHER as u64);
            self.body(part.len, |out| {
                let start = out.len();
                out.resize(start + usize::try_from(part.len).unwrap_or(GATHER), 0);
                fill(part.seed, part.offset, &mut out[start..]);
            })
            .await?;
            done += part.len;
        }
        Ok(())
    }

    /// Body bytes, `length` of them, appended by `append`.
    async fn body(&mut self, length: u64, append: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        // In chunked coding an empty chunk would be the last one.
        if length == 0 {
            return Ok(());
        }
        self.sent += length;
        if self.framing == Some(Framing::Chunked) {
            self.out.extend_from_slice(format!("{length:x}\r\n").as_bytes());
            append(&mut self.out);
            self.out.extend_from_slice(b"\r\n");
        } else {
            append(&mut self.out);
        }
        if self.out.len() >= GATHER { self.flush().await } else { Ok(()) }
    }

    /// Hands everything to the socket. A client that takes nothing for too long is given up.
    async fn flush(&mut self) -> io::Result<()> {
        let mut rest = &self.out[..];
        while !rest.is_empty() {
            let count = tokio::time::timeout(PATIENCE, self.stream.write(rest)).await??;
            rest = &rest[count..];
            self.written = true;
        }
        // TLS may hold something back.
        tokio::time::timeout(PATIENCE, self.stream.flush()).await??;
        self.out.clear();
        Ok(())
    }

    /// Hands everything to the socket and gives the client the chance to read it.
    async fn settle(&mut self) -> io::Result<()> {
        self.flush().await?;
        if std::mem::take(&mut self.written) {
            self.pace.flushed(self.request).await;
        }
        Ok(())
    }

    /// Waits, and fails early when the client closes the connection.
    async fn unless_client_leaves(&mut self, wait: impl Future<Output = ()>) -> io::Result<()> {
        tokio::pin!(wait);
        // What the client sends meanwhile is the start of its next request; only so much of it is kept.
        while self.early.len() < HEAD_LIMIT {
            tokio::select! {
                biased;
                () = &mut wait => return Ok(()),
                read = self.stream.read_buf(self.early) => if read? == 0 {
                    return Err(io::ErrorKind::ConnectionAborted.into());
                },
            }
        }
        wait.await;
        Ok(())
    }

    async fn close(&mut self) -> io::Result<After> {
        self.flush().await?;
        self.stream.shutdown().await?;
        Ok(After::Closed)
    }

    fn reset(&mut self) -> io::Result<After> {
        // With no time to linger, closing sends RST instead of FIN.
        self.stream.set_zero_linger()?;
        Ok(After::Closed)
    }

    /// All steps are taken: the connection can be used again if the client knows where the answer ended.
    async fn end(&mut self, again: bool) -> io::Result<After> {
        let complete = match self.framing {
            Some(Framing::Length(length)) => self.sent == length,
            Some(Framing::Bodyless(_)) => self.sent == 0,
            Some(Framing::Chunked) => {
                self.out.extend_from_slice(b"0\r\n\r\n");
                true
            }
            Some(Framing::UntilClose) | None => false,
        };
        if again && complete {
            self.flush().await?;
            Ok(After::Open)
        } else {
            self.close().await
        }
    }
}

/// The phrase after the status code. Clients ignore it; people do not.
pub(super) fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        416 => "Range Not Satisfiable",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        _ => "Scripted",
    }
}

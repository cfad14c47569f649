//! The front that owns its sockets: everything a plan can say, byte by byte.

mod http1;
mod pace;
mod play;
mod socket;

pub use pace::{Pace, RealPace};

use crate::responder::Responder;
use http1::{Reader, Unreadable};
use play::After;
use socket::Socket;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

/// More connections than this at a time are closed as soon as they are accepted.
const MOST_CONNECTIONS: usize = 1_024;

/// An HTTP/1.1 server on the current tokio runtime, which takes the steps of every plan to the letter.
///
/// One task accepts, one task serves each connection; dropping the front ends them all. Clients may be
/// anybody: head, header count, body, number of connections and silence are bounded.
///
/// ```
/// use bgsession_mock_server::{RealPace, RealTime, Resource, Route, Script, TcpFront};
/// use std::sync::Arc;
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let script = Script::new().route("/file", Route::new(Resource::new(10)));
/// let responder = Arc::new(RealTime::play(script)?);
/// let front = TcpFront::start(responder, Arc::new(RealPace::default()))?;
///
/// let mut client = tokio::net::TcpStream::connect(front.addr()).await?;
/// client.write_all(b"GET /file HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
/// let mut answer = Vec::new();
/// client.read_to_end(&mut answer).await?;
/// assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TcpFront {
    addr: SocketAddr,
    accepting: JoinHandle<()>,
    stop: Arc<Notify>,
}

impl TcpFront {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// There is no tokio runtime here, or the system refuses the socket.
    ///
    /// # Panics
    /// If the runtime was built without IO.
    pub fn start(responder: Arc<dyn Responder>, pace: Arc<dyn Pace>) -> io::Result<Self> {
        Self::start_on((Ipv4Addr::LOCALHOST, 0).into(), responder, pace)
    }

    /// Listens on an address; port 0 takes a free one.
    ///
    /// # Errors
    /// As for [`TcpFront::start`], and when the address is taken.
    ///
    /// # Panics
    /// If the runtime was built without IO.
    pub fn start_on(
        addr: SocketAddr,
        responder: Arc<dyn Responder>,
        pace: Arc<dyn Pace>,
    ) -> io::Result<Self> {
        Self::listen(addr, responder, pace, Welcome::default())
    }

    /// As [`TcpFront::start`], over TLS: each host that the authority was made for is served with its own certificate,
    /// and asks for a client certificate if its script says so.
    ///
    /// # Errors
    /// As for [`TcpFront::start`].
    ///
    /// # Panics
    /// If the runtime was built without IO.
    #[cfg(feature = "tls")]
    pub fn start_tls(
        responder: Arc<dyn Responder>,
        pace: Arc<dyn Pace>,
        authority: Arc<crate::Authority>,
    ) -> io::Result<Self> {
        Self::listen((Ipv4Addr::LOCALHOST, 0).into(), responder, pace, Welcome(Some(authority)))
    }

    fn listen(
        addr: SocketAddr,
        responder: Arc<dyn Responder>,
        pace: Arc<dyn Pace>,
        welcome: Welcome,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Handle::try_current().map_err(io::Error::other)?;
        let listener = std::net::TcpListener::bind(addr)?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let addr = listener.local_addr()?;
        let stop = Arc::new(Notify::new());
        let accepting = runtime.spawn(accept(listener, responder, pace, welcome, Arc::clone(&stop)));
        Ok(Self { addr, accepting, stop })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Stops listening, breaks every connection off, and returns when all sockets are closed. Dropping the
    /// front does the same without waiting.
    pub async fn stop(mut self) {
        self.stop.notify_one();
        // The task ends in no other way while it is not aborted.
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for TcpFront {
    fn drop(&mut self) {
        // The accepting task owns the connections' tasks, which end with it.
        self.accepting.abort();
    }
}

/// How connections begin.
#[derive(Clone, Default)]
struct Welcome(#[cfg(feature = "tls")] Option<Arc<crate::Authority>>);

impl Welcome {
    /// The connection, ready for requests, and whose certificate the client has shown.
    async fn to(&self, stream: TcpStream) -> io::Result<(Socket, Option<String>)> {
        #[cfg(feature = "tls")]
        if let Some(authority) = &self.0 {
            return tokio::time::timeout(http1::PATIENCE, Socket::greet(stream, authority)).await?;
        }
        Ok((Socket::Plain(stream), None))
    }
}

async fn accept(
    listener: TcpListener,
    responder: Arc<dyn Responder>,
    pace: Arc<dyn Pace>,
    welcome: Welcome,
    stop: Arc<Notify>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if connections.len() < MOST_CONNECTIONS => {
                    connections.spawn(serve(stream, Arc::clone(&responder), Arc::clone(&pace), welcome.clone()));
                }
                Ok(_) => {}
                // The system is out of descriptors or memory: trying again at once would spin.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
            () = stop.notified() => break,
        }
    }
    drop(listener);
    connections.shutdown().await;
}

/// Serves one connection to its end.
async fn serve(stream: TcpStream, responder: Arc<dyn Responder>, pace: Arc<dyn Pace>, welcome: Welcome) {
    // Pieces of a drip must not wait for each other's acknowledgement. If this fails the client has gone.
    let _ = stream.set_nodelay(true);
    // A client that does not like what it is shown leaves.
    let Ok((mut stream, identity)) = welcome.to(stream).await else { return };
    let mut reader = Reader::new();
    loop {
        match reader.request(&mut stream).await {
            Ok(mut received) => {
                received.request.identity.clone_from(&identity);
                let plan = responder.plan(&received.request);
                let played = play::play(&mut stream, &mut reader.buffer, &*pace, &received, plan).await;
                if !matches!(played, Ok(After::Open)) {
                    return;
                }
            }
            Err(Unreadable::Gone) => return,
            Err(Unreadable::Bad(status, why)) => {
                // Whether the client still reads this is its own affair.
                let _ = complain(&mut stream, status, why).await;
                return;
            }
        }
    }
}

async fn complain(stream: &mut Socket, status: u16, why: &str) -> io::Result<()> {
    use tokio::io::AsyncReadExt;

    let reason = play::reason(status);
    let length = why.len() + 1;
    let answer = format!(
        "HTTP/1.1 {status} {reason}\r\nconnection: close\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\n\r\n{why}\n"
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    // Closing with unread bytes would reset the connection under the complaint: take some of them first.
    let mut unread = [0; 4096];
    for _ in 0..16 {
        match tokio::time::timeout(Duration::from_secs(1), stream.read(&mut unread)).await {
            Ok(Ok(1..)) => {}
            Ok(Ok(0) | Err(_)) | Err(_) => break,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RealTime, Script};

    #[test]
    fn without_a_runtime_there_is_an_error() {
        let responder = Arc::new(RealTime::play(Script::new()).unwrap());
        assert!(TcpFront::start(responder, Arc::new(RealPace::default())).is_err());
    }
}

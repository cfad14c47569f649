//! Hosts that are served over TLS, and how they greet a client.

use serde::{Deserialize, Serialize};

/// One host behind TLS.
///
/// A client certificate is judged as nginx does it: the connection is made either way, and a request that came without
/// the right one is answered with 400.
///
/// ```
/// use bgsession_mock_server::{Request, Origin, Route, Script, Tls};
/// use std::time::Duration;
///
/// let script = Script::new().route("/file", Route::default()).tls("vault.test", Tls::trusted().asks_for("ann"));
/// let origin = Origin::new(script)?;
/// let request = Request::get("/file").with_host("vault.test");
/// assert_eq!(origin.answer(&request, Duration::ZERO).status(), Some(400));
/// assert_eq!(origin.answer(&request.with_identity("ann"), Duration::ZERO).status(), Some(200));
/// # Ok::<(), bgsession_mock_server::ScriptError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// Whether its certificate comes from the authority that clients are told to trust; else from a stranger.
    pub trusted: bool,
    /// It asks for a client certificate, and lets in this identity only.
    pub client: Option<String>,
}

impl Tls {
    /// A host whose certificate comes from an authority that clients do not know.
    pub fn stranger() -> Self {
        Self::default()
    }

    /// A host whose certificate comes from the authority that clients are told to trust.
    pub fn trusted() -> Self {
        Self { trusted: true, client: None }
    }

    /// The host that asks for a client certificate and lets in this identity only.
    pub fn asks_for(mut self, identity: impl Into<String>) -> Self {
        self.client = Some(identity.into());
        self
    }

    /// What a handshake comes to, for a client that accepts the certificate although nobody vouches for it
    /// (`accepts`) and that has decided what to show when it is asked for a certificate (`decided`).
    pub fn greet(&self, accepts: bool, decided: bool) -> Greeting {
        if !self.trusted && !accepts {
            Greeting::Untrusted
        } else if self.client.is_some() && !decided {
            Greeting::CertificateWanted
        } else {
            Greeting::Welcome
        }
    }
}

/// How a handshake goes, as the client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Greeting {
    /// It is done; requests can be sent.
    Welcome,
    /// The server's certificate comes from nobody that the client knows.
    Untrusted,
    /// The server asks for a client certificate, and the client has not decided about that.
    CertificateWanted,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_the_server_is_comes_before_who_the_client_is() {
        let both = Tls::stranger().asks_for("ann");
        let greetings = [(false, false), (false, true), (true, false), (true, true)]
            .map(|(accepts, decided)| both.greet(accepts, decided));
        use Greeting::{CertificateWanted, Untrusted, Welcome};
        assert_eq!(greetings, [Untrusted, Untrusted, CertificateWanted, Welcome]);
        assert_eq!(Tls::trusted().greet(false, false), Welcome);
        assert_eq!(Tls::stranger().greet(true, false), Welcome);
    }
}

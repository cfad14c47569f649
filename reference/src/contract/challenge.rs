//! Login challenges. Source: *Handling an authentication challenge*.

use std::fmt;
use std::sync::Arc;

/// How a server, or the connection to it, wants to be convinced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum AuthenticationMethod {
    /// HTTP Basic.
    HttpBasic,
    /// HTTP Digest.
    HttpDigest,
    /// HTTP Bearer. The platform leaves these to the app's own headers; here a token is a credential like another.
    HttpBearer,
    /// NTLM; session-level.
    Ntlm,
    /// Negotiate; session-level.
    Negotiate,
    /// The server asks for a client certificate; session-level.
    ClientCertificate,
    /// Is the server's certificate to be trusted?; session-level.
    ServerTrust,
}

impl AuthenticationMethod {
    /// Is the session-level delegate method asked first? True of NTLM, Negotiate, client certificate, server trust.
    #[must_use]
    pub const fn is_session_level(self) -> bool {
        matches!(self, Self::Ntlm | Self::Negotiate | Self::ClientCertificate | Self::ServerTrust)
    }
}

/// What a credential is good for: one realm of one server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "services build these from what a server says")]
pub struct ProtectionSpace {
    /// The server's name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The realm it named, if any.
    pub realm: Option<String>,
    /// How it wants to be convinced.
    pub method: AuthenticationMethod,
}

/// A server's own certificate as it was shown, in DER: opaque here, for the delegate to look at and to be told apart.
/// Source: `URLProtectionSpace.serverTrust`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerCertificate(Arc<[u8]>);

impl ServerCertificate {
    /// Wraps what the server showed.
    #[must_use]
    pub fn from_der(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// What the server showed.
    #[must_use]
    pub fn as_der(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for ServerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerCertificate({} bytes)", self.0.len())
    }
}

/// How long the service may keep a credential.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Persistence {
    /// For this transfer only.
    None,
    /// As long as the app keeps this session object; a relaunched app must give it again.
    #[default]
    ForSession,
}

/// A user's credential. `Debug` never shows the secret.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credential {
    /// A user and a password.
    Password {
        /// The user's name.
        user: String,
        /// The secret.
        password: String,
        /// How long to keep it.
        persistence: Persistence,
    },
    /// A bearer token.
    Token {
        /// The secret.
        token: String,
        /// How long to keep it.
        persistence: Persistence,
    },
    /// The server's certificate is accepted as it is.
    Trust,
    /// The device's identity of this name, a certificate with its key. Source: `URLCredential(identity:…)`.
    Identity {
        /// What the device knows it by.
        name: String,
        /// How long to keep it.
        persistence: Persistence,
    },
}

impl Credential {
    /// A user and a password, kept for the session.
    #[must_use]
    pub fn password(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self::Password { user: user.into(), password: password.into(), persistence: Persistence::default() }
    }

    /// A bearer token, kept for the session.
    #[must_use]
    pub fn token(token: impl Into<String>) -> Self {
        Self::Token { token: token.into(), persistence: Persistence::default() }
    }

    /// An identity of the device's, kept for the session.
    #[must_use]
    pub fn identity(name: impl Into<String>) -> Self {
        Self::Identity { name: name.into(), persistence: Persistence::default() }
    }

    /// How long it may be kept.
    #[must_use]
    pub const fn persistence(&self) -> Persistence {
        match self {
            Self::Password { persistence, .. }
            | Self::Token { persistence, .. }
            | Self::Identity { persistence, .. } => *persistence,
            Self::Trust => Persistence::ForSession,
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Password { user, .. } => write!(f, "Password({user:?}, …)"),
            Self::Token { .. } => f.write_str("Token(…)"),
            Self::Trust => f.write_str("Trust"),
            Self::Identity { name, .. } => write!(f, "Identity({name:?})"),
        }
    }
}

/// A question to the delegate: how shall this transfer log in?
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "services build these from what a server says")]
pub struct Challenge {
    /// Where the credential would go.
    pub protection_space: ProtectionSpace,
    /// The credential that was refused last, if one was.
    pub proposed_credential: Option<Credential>,
    /// How many credentials were refused for this transfer so far, over *all* protection spaces.
    pub previous_failure_count: u32,
    /// The certificate that is to be trusted or not; only with [`AuthenticationMethod::ServerTrust`].
    pub server_certificate: Option<ServerCertificate>,
}

/// The delegate's answer to a challenge. Source: `URLSession.AuthChallengeDisposition`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChallengeDisposition {
    /// Log in with this; with `None`, go on without one.
    UseCredential(Option<Credential>),
    /// As if the delegate had no such method: a 401 becomes the transfer's answer, a server that is not trusted its
    /// error, and a client certificate is not shown.
    PerformDefaultHandling,
    /// Cancel the whole transfer.
    CancelAuthenticationChallenge,
    /// Not this way: ask again for the next challenge the server offered; after the last, as default handling.
    RejectProtectionSpace,
}

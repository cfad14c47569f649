//! Who may see a resource, and how the origin asks.

use serde::{Deserialize, Serialize};

/// Credentials that a request must carry, and how stubbornly they are refused.
///
/// One 401 carries a `WWW-Authenticate` line for each scheme, in order; the client picks one.
///
/// ```
/// use bgsession_mock_server::{DigestAlgorithm, Login, Scheme};
///
/// let login = Login::new("ann", "pw")
///     .scheme(Scheme::digest("home", DigestAlgorithm::Sha256))
///     .scheme(Scheme::basic("home"))
///     .refuse_first(1);
/// assert_eq!(login.schemes.len(), 2);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Login {
    /// What is offered, at least one.
    pub schemes: Vec<Scheme>,
    /// User name for Basic and Digest.
    pub user: String,
    /// Password for Basic and Digest.
    pub password: String,
    /// Token for Bearer.
    pub token: String,
    /// How many requests with right credentials are refused before the first is let in.
    pub refuse_first: u32,
    /// Refuse right credentials for ever.
    pub never: bool,
    /// Bytes of the page that comes with each refusal.
    pub page: u64,
}

impl Login {
    /// A login for one user; add a scheme.
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self { user: user.into(), password: password.into(), ..Self::default() }
    }

    /// The login with one more scheme.
    pub fn scheme(mut self, scheme: Scheme) -> Self {
        self.schemes.push(scheme);
        self
    }

    /// The login with a token for Bearer.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = token.into();
        self
    }

    /// The login that refuses right credentials that many times.
    pub fn refuse_first(mut self, times: u32) -> Self {
        self.refuse_first = times;
        self
    }

    /// The login that sends a page of this many bytes with each refusal.
    pub fn page(mut self, bytes: u64) -> Self {
        self.page = bytes;
        self
    }

    /// The login that lets nobody in.
    pub fn never(mut self) -> Self {
        self.never = true;
        self
    }
}

/// One authentication scheme of a challenge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Scheme {
    /// RFC 7617.
    Basic {
        /// Shown to the user.
        realm: String,
        /// Whether `charset="UTF-8"` is sent. Credentials are read as UTF-8 either way.
        #[serde(default)]
        charset_utf8: bool,
    },
    /// RFC 7616 with `qop="auth"`.
    Digest {
        /// Shown to the user and part of the hash.
        realm: String,
        /// The hash.
        #[serde(default)]
        algorithm: DigestAlgorithm,
        /// How often one nonce may be used; the next use is refused with `stale=true` and a fresh nonce.
        #[serde(default)]
        stale_after: Option<u32>,
        /// `opaque`, which the client must send back unchanged.
        #[serde(default)]
        opaque: Option<String>,
    },
    /// RFC 6750.
    Bearer {
        /// Shown to the user.
        realm: String,
    },
    /// RFC 4559, as a name only: its handshake is not played, so it lets nobody in.
    Negotiate,
    /// Likewise.
    Ntlm,
}

impl Scheme {
    /// Basic without a charset.
    pub fn basic(realm: impl Into<String>) -> Self {
        Self::Basic { realm: realm.into(), charset_utf8: false }
    }

    /// Digest whose nonces never go stale, without `opaque`.
    pub fn digest(realm: impl Into<String>, algorithm: DigestAlgorithm) -> Self {
        Self::Digest { realm: realm.into(), algorithm, stale_after: None, opaque: None }
    }

    /// Bearer.
    pub fn bearer(realm: impl Into<String>) -> Self {
        Self::Bearer { realm: realm.into() }
    }

    /// The realm; empty for schemes that have none.
    pub fn realm(&self) -> &str {
        match self {
            Self::Basic { realm, .. } | Self::Digest { realm, .. } | Self::Bearer { realm } => realm,
            Self::Negotiate | Self::Ntlm => "",
        }
    }
}

/// The hash of a Digest challenge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DigestAlgorithm {
    /// MD5, what most servers still send.
    #[default]
    Md5,
    /// SHA-256.
    Sha256,
}

impl DigestAlgorithm {
    /// The name in a challenge: `MD5` or `SHA-256`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }
}

//! HTTPS: questions about certificates come back as questions, not as failures.
//!
//! A TLS library asks its callbacks in the middle of a handshake and can not wait for a person. So a handshake that
//! meets an open question is given up, the error says what was asked, and the answer goes along with the next request.
//! Each set of answers has a client of its own, so that no connection made under one serves another.

mod questions;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustls::client::danger::ServerCertVerifier;
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore};

use crate::contract::{ClientIdentity, TlsAnswers, TransportError};
use crate::http::HttpSetupError;
pub(crate) use questions::verdict;
use questions::{Asking, Shown};

/// More sets of answers than this at a time and the oldest loses its connections.
const MOST_CLIENTS: usize = 16;

/// What a client over TLS has to go by. The default: the roots of trust of the machine, and no identities.
#[derive(Clone, Default)]
pub struct TlsSettings {
    roots: Option<Vec<CertificateDer<'static>>>,
    identities: BTreeMap<String, Arc<CertifiedKey>>,
    addresses: BTreeMap<String, SocketAddr>,
}

impl TlsSettings {
    /// Trusts these authorities, given in DER, and not those of the machine.
    #[must_use]
    pub fn trusting_only(mut self, authorities: impl IntoIterator<Item = Vec<u8>>) -> Self {
        self.roots = Some(authorities.into_iter().map(CertificateDer::from).collect());
        self
    }

    /// Adds an identity to show to servers that ask for one: its certificate in DER, and its key in PKCS#8 DER.
    ///
    /// # Errors
    ///
    /// [`HttpSetupError`] if the key can not be read.
    pub fn identity(
        mut self,
        name: impl Into<String>,
        certificate: Vec<u8>,
        key: Vec<u8>,
    ) -> Result<Self, HttpSetupError> {
        let key = PrivateKeyDer::Pkcs8(key.into());
        let key = provider().key_provider.load_private_key(key).map_err(|error| failure(&error))?;
        let identity = CertifiedKey::new(vec![CertificateDer::from(certificate)], key);
        self.identities.insert(name.into(), Arc::new(identity));
        Ok(self)
    }

    /// Finds this host at an address, without asking for its name: for tests.
    #[must_use]
    pub fn at(mut self, host: impl Into<String>, address: SocketAddr) -> Self {
        self.addresses.insert(host.into(), address);
        self
    }
}

impl fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsSettings")
            .field("identities", &self.identities.keys())
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn failure(error: &dyn Error) -> HttpSetupError {
    HttpSetupError { reason: error.to_string() }
}

fn unusable(reason: &dyn fmt::Display) -> TransportError {
    TransportError::BadRequest { reason: reason.to_string() }
}

/// The clients, one for each set of answers, and one for plain HTTP.
pub(crate) struct Clients {
    settings: TlsSettings,
    /// Not there yet if the machine's roots have not been asked for.
    verifier: OnceLock<Arc<dyn ServerCertVerifier>>,
    known: Mutex<Vec<(Option<TlsAnswers>, reqwest::Client)>>,
}

impl Clients {
    pub(crate) fn new(settings: TlsSettings) -> Result<Self, HttpSetupError> {
        let verifier: OnceLock<Arc<dyn ServerCertVerifier>> = OnceLock::new();
        if let Some(roots) = &settings.roots {
            let mut store = RootCertStore::empty();
            for root in roots {
                store.add(root.clone()).map_err(|error| failure(&error))?;
            }
            let known = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider()).build();
            let known = known.map_err(|error| failure(&error))?;
            verifier.get_or_init(|| known);
        }
        Ok(Self { settings, verifier, known: Mutex::default() })
    }

    /// The client that gives these answers; without any, the one that knows nothing of TLS.
    pub(crate) fn client(&self, answers: Option<&TlsAnswers>) -> Result<reqwest::Client, TransportError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, client)) = known.iter().find(|(given, _)| given.as_ref() == answers) {
            return Ok(client.clone());
        }
        let client = self.build(answers)?;
        if known.len() == MOST_CLIENTS {
            known.remove(0);
        }
        known.push((answers.cloned(), client.clone()));
        Ok(client)
    }

    fn build(&self, answers: Option<&TlsAnswers>) -> Result<reqwest::Client, TransportError> {
        let config = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let config = config.map_err(|error| unusable(&error))?;
        let mut config = match answers {
            Some(answers) => {
                let (verifier, shown) = (self.verifier(answers)?, self.shown(&answers.identity)?);
                let config = config.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
                config.with_client_cert_resolver(Arc::new(shown))
            }
            // For addresses without TLS no root is read, so that they work on machines that have none.
            None => config.with_root_certificates(RootCertStore::empty()).with_no_client_auth(),
        };
        // A connection that was resumed would ask nothing.
        config.resumption = Resumption::disabled();
        let mut builder = crate::http::plain_builder().tls_backend_preconfigured(config);
        for (host, address) in &self.settings.addresses {
            builder = builder.resolve(host, *address);
        }
        builder.build().map_err(|error| unusable(&error))
    }

    fn verifier(&self, answers: &TlsAnswers) -> Result<Asking, TransportError> {
        let inner = match self.verifier.get() {
            Some(known) => Arc::clone(known),
            None => {
                let machine = rustls_platform_verifier::Verifier::new(provider());
                let machine = Arc::new(machine.map_err(|error| unusable(&error))?);
                Arc::clone(self.verifier.get_or_init(|| machine))
            }
        };
        Ok(Asking { inner, trusted: answers.trusted.clone() })
    }

    fn shown(&self, identity: &ClientIdentity) -> Result<Shown, TransportError> {
        Ok(match identity {
            ClientIdentity::Ask => Shown::Asks,
            ClientIdentity::None => Shown::Nothing,
            ClientIdentity::Named(name) => match self.settings.identities.get(name) {
                Some(identity) => Shown::This(Arc::clone(identity)),
                None => return Err(unusable(&"the device has no such identity")),
            },
        })
    }
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients").field("settings", &self.settings).finish_non_exhaustive()
    }
}

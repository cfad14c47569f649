//! A throwaway authority: certificates for the hosts of a script, made when they are needed and kept nowhere.

use crate::script::Tls;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// The certificates could not be made: the machine's doing, not the caller's.
#[derive(Debug, thiserror::Error)]
#[error("the throwaway authority could not be set up: {reason}")]
#[non_exhaustive]
pub struct AuthorityError {
    /// What the libraries say.
    pub reason: String,
}

fn failure(error: impl Error) -> AuthorityError {
    AuthorityError { reason: error.to_string() }
}

/// Certificates for hosts and for clients, by an authority that clients can be told to trust, and by a stranger.
///
/// ```
/// use bgsession_mock_server::{Authority, Tls};
///
/// let authority = Authority::new([("vault.test", &Tls::trusted().asks_for("ann"))], ["ann", "bob"])?;
/// assert!(!authority.root().is_empty());
/// assert!(authority.identity("ann").is_some());
/// assert!(authority.identity("eve").is_none());
/// # Ok::<(), bgsession_mock_server::AuthorityError>(())
/// ```
pub struct Authority {
    root: Vec<u8>,
    hosts: BTreeMap<String, Arc<ServerConfig>>,
    identities: BTreeMap<String, Identity>,
}

/// A client's certificate, in DER, and its key, in PKCS#8 DER.
#[derive(Clone)]
#[non_exhaustive]
pub struct Identity {
    /// What it shows.
    pub certificate: Vec<u8>,
    /// What it proves it with.
    pub key: Vec<u8>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({} bytes)", self.certificate.len())
    }
}

impl Authority {
    /// Makes certificates for these hosts, and for clients of these names.
    ///
    /// # Errors
    /// A name that no certificate can hold, or a machine without randomness.
    pub fn new<'a>(
        hosts: impl IntoIterator<Item = (&'a str, &'a Tls)>,
        clients: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, AuthorityError> {
        let known = issuer("bgsession authority")?;
        let stranger = issuer("somebody")?;
        let mut accepted = RootCertStore::empty();
        accepted.add(known.der().clone()).map_err(failure)?;
        let accepted = Arc::new(accepted);
        let hosts = hosts.into_iter().map(|(host, tls)| {
            let issuer = if tls.trusted { &known } else { &stranger };
            Ok((host.to_owned(), Arc::new(server(host, tls, issuer, &accepted)?)))
        });
        let hosts = hosts.collect::<Result<_, AuthorityError>>()?;
        let identities = clients.into_iter().map(|name| {
            let (certificate, key) = leaf(name, &known)?;
            let identity = Identity { certificate: certificate.to_vec(), key: key.serialize_der() };
            Ok((name.to_owned(), identity))
        });
        let identities = identities.collect::<Result<_, AuthorityError>>()?;
        Ok(Self { root: known.der().to_vec(), hosts, identities })
    }

    /// The certificate, in DER, of the authority that clients are to trust.
    pub fn root(&self) -> &[u8] {
        &self.root
    }

    /// A client's certificate and key.
    pub fn identity(&self, name: &str) -> Option<&Identity> {
        self.identities.get(name)
    }

    /// How a host is served; any other name is served as the first, whose certificate it will not fit.
    pub(crate) fn config(&self, host: Option<&str>) -> Option<Arc<ServerConfig>> {
        let named = host.and_then(|host| self.hosts.get(host));
        named.or_else(|| self.hosts.values().next()).cloned()
    }

    /// Whose certificate this is.
    pub(crate) fn name_of(&self, certificate: &CertificateDer<'_>) -> Option<&str> {
        let same = |identity: &Identity| identity.certificate == certificate.as_ref();
        self.identities.iter().find(|(_, identity)| same(identity)).map(|(name, _)| name.as_str())
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("hosts", &self.hosts.keys())
            .field("identities", &self.identities.keys())
            .finish_non_exhaustive()
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn issuer(name: &str) -> Result<CertifiedIssuer<'static, KeyPair>, AuthorityError> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().map_err(failure)?).map_err(failure)
}

fn leaf(
    name: &str,
    issuer: &CertifiedIssuer<'static, KeyPair>,
) -> Result<(CertificateDer<'static>, KeyPair), AuthorityError> {
    let key = KeyPair::generate().map_err(failure)?;
    let mut params = CertificateParams::new(vec![name.to_owned()]).map_err(failure)?;
    params.distinguished_name.push(DnType::CommonName, name);
    let certificate = params.signed_by(&key, issuer).map_err(failure)?;
    Ok((certificate.der().clone(), key))
}

fn server(
    host: &str,
    tls: &Tls,
    issuer: &CertifiedIssuer<'static, KeyPair>,
    accepted: &Arc<RootCertStore>,
) -> Result<ServerConfig, AuthorityError> {
    let (certificate, key) = leaf(host, issuer)?;
    let config = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let config = config.map_err(failure)?;
    let config = if tls.client.is_some() {
        // Asked for, not insisted on: the answer to the request says what came of it.
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::clone(accepted), provider());
        config.with_client_cert_verifier(verifier.allow_unauthenticated().build().map_err(failure)?)
    } else {
        config.with_no_client_auth()
    };
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let mut config = config.with_single_cert(vec![certificate], key).map_err(failure)?;
    // Every connection is a stranger's.
    config.send_tls13_tickets = 0;
    Ok(config)
}

//! HTTPS: questions about certificates come back as questions, not as failures.
//!
//! A TLS library asks its callbacks in the middle of a handshake and can not wait for a person. So a handshake that
//! meets an open question is given up, the error says what was asked, and the answer goes along with the next request.
//! Each set of answers has a client of its own, so that no connection made under one serves another.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureAlgorithm,
    SignatureScheme,
};

use crate::contract::{ClientIdentity, ServerCertificate, TlsAnswers, TransportError};
use crate::http::HttpSetupError;

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

/// The clients, one for each set of answers.
pub(crate) struct Clients {
    settings: TlsSettings,
    verifier: Arc<dyn ServerCertVerifier>,
    known: Mutex<Vec<(TlsAnswers, reqwest::Client)>>,
}

impl Clients {
    pub(crate) fn new(settings: TlsSettings) -> Result<Self, HttpSetupError> {
        let verifier: Arc<dyn ServerCertVerifier> = match &settings.roots {
            None => {
                let machine = rustls_platform_verifier::Verifier::new(provider());
                Arc::new(machine.map_err(|error| failure(&error))?)
            }
            Some(roots) => {
                let mut store = RootCertStore::empty();
                for root in roots {
                    store.add(root.clone()).map_err(|error| failure(&error))?;
                }
                let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider());
                verifier.build().map_err(|error| failure(&error))?
            }
        };
        Ok(Self { settings, verifier, known: Mutex::default() })
    }

    /// The client that gives these answers.
    pub(crate) fn client(&self, answers: &TlsAnswers) -> Result<reqwest::Client, TransportError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, client)) = known.iter().find(|(given, _)| given == answers) {
            return Ok(client.clone());
        }
        let client = self.build(answers)?;
        if known.len() == MOST_CLIENTS {
            known.remove(0);
        }
        known.push((answers.clone(), client.clone()));
        Ok(client)
    }

    fn build(&self, answers: &TlsAnswers) -> Result<reqwest::Client, TransportError> {
        let unusable = |reason: String| TransportError::BadRequest { reason };
        let shown = match &answers.identity {
            ClientIdentity::Ask => Shown::Asks,
            ClientIdentity::None => Shown::Nothing,
            ClientIdentity::Named(name) => match self.settings.identities.get(name) {
                Some(identity) => Shown::This(Arc::clone(identity)),
                None => return Err(unusable("the device has no such identity".to_owned())),
            },
        };
        let verifier = Asking { inner: Arc::clone(&self.verifier), trusted: answers.trusted.clone() };
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = config.with_client_cert_resolver(Arc::new(shown));
        // A connection that was resumed would ask nothing.
        config.resumption = Resumption::disabled();
        let mut builder = crate::http::plain_builder().tls_backend_preconfigured(config);
        for (host, address) in &self.settings.addresses {
            builder = builder.resolve(host, *address);
        }
        builder.build().map_err(|error| unusable(error.to_string()))
    }
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// A question that stopped a handshake, on its way through other people's errors.
#[derive(Clone, Debug, thiserror::Error)]
enum Question {
    #[error("the server's certificate is not known to be trusted")]
    Untrusted(ServerCertificate),
    #[error("the server asks for a client certificate")]
    CertificateWanted,
}

fn asked(question: Question) -> OtherError {
    OtherError(Arc::new(question))
}

/// The question that stopped a request, if one did.
pub(crate) fn question(error: &reqwest::Error) -> Option<TransportError> {
    let mut source: Option<&(dyn Error + 'static)> = Some(error);
    // Bounded by the chain of sources, which ends.
    while let Some(error) = source {
        let tls = error.downcast_ref::<rustls::Error>().or_else(|| {
            let mut inner = error.downcast_ref::<io::Error>()?.get_ref()?;
            // Each layer may have wrapped the one below in an error of its own.
            while let Some(next) = inner.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
                inner = next;
            }
            inner.downcast_ref::<rustls::Error>()
        });
        if let Some(
            rustls::Error::Other(other) | rustls::Error::InvalidCertificate(CertificateError::Other(other)),
        ) = tls
            && let Some(question) = other.0.downcast_ref::<Question>()
        {
            return Some(match question {
                Question::Untrusted(certificate) => {
                    TransportError::UntrustedServer { certificate: certificate.clone() }
                }
                Question::CertificateWanted => TransportError::CertificateWanted,
            });
        }
        source = error.source();
    }
    None
}

/// Asks about every certificate that the inner verifier refuses, but for the one that is to be trusted.
#[derive(Debug)]
struct Asking {
    inner: Arc<dyn ServerCertVerifier>,
    trusted: Option<ServerCertificate>,
}

impl ServerCertVerifier for Asking {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified =
            self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            Err(rustls::Error::InvalidCertificate(_)) => {
                let shown = ServerCertificate::from_der(end_entity.as_ref());
                if self.trusted.as_ref() == Some(&shown) {
                    return Ok(ServerCertVerified::assertion());
                }
                let question = asked(Question::Untrusted(shown));
                Err(rustls::Error::InvalidCertificate(CertificateError::Other(question)))
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// What a server is shown that asks for a client certificate.
#[derive(Debug)]
enum Shown {
    Asks,
    Nothing,
    This(Arc<CertifiedKey>),
}

impl ResolvesClientCert for Shown {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        match self {
            Self::Nothing => None,
            Self::This(identity) => Some(Arc::clone(identity)),
            // This call can not fail, but the signature that must follow it can: before the request goes out.
            Self::Asks => {
                let nobody = vec![CertificateDer::from(vec![0])];
                Some(Arc::new(CertifiedKey::new(nobody, Arc::new(Unsigned))))
            }
        }
    }

    fn has_certs(&self) -> bool {
        !matches!(self, Self::Nothing)
    }
}

/// The key of nobody: to sign with it is to ask whose it shall be.
#[derive(Debug)]
struct Unsigned;

impl SigningKey for Unsigned {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        offered.first().map(|scheme| -> Box<dyn Signer> { Box::new(Pen(*scheme)) })
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

#[derive(Debug)]
struct Pen(SignatureScheme);

impl Signer for Pen {
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        Err(rustls::Error::Other(asked(Question::CertificateWanted)))
    }

    fn scheme(&self) -> SignatureScheme {
        self.0
    }
}

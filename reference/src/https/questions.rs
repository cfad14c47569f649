//! The two questions of a handshake, and how they get out of it.

use std::error::Error;
use std::io;
use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{CertificateError, DigitallySignedStruct, OtherError, SignatureAlgorithm, SignatureScheme};

use crate::contract::{ServerCertificate, TransportError};

/// A question that stopped a handshake, on its way through other people's errors.
#[derive(Clone, Debug, thiserror::Error)]
enum Question {
    #[error("the server's certificate is not known to be trusted")]
    Untrusted(ServerCertificate),
    #[error("the server asks for a client certificate")]
    CertificateWanted,
}

impl From<Question> for TransportError {
    fn from(question: Question) -> Self {
        match question {
            Question::Untrusted(certificate) => Self::UntrustedServer { certificate },
            Question::CertificateWanted => Self::CertificateWanted,
        }
    }
}

fn asked(question: Question) -> OtherError {
    OtherError(Arc::new(question))
}

/// What TLS has to say about a request that failed: the question that stopped it, or that the server broke off.
pub(crate) fn verdict(error: &reqwest::Error) -> Option<TransportError> {
    let connecting = error.is_connect();
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
            return Some(question.clone().into());
        }
        // TLS 1.3 tells a client only after the handshake that its certificate is not good enough.
        if !connecting && matches!(tls, Some(rustls::Error::AlertReceived(_))) {
            return Some(TransportError::ConnectionLost);
        }
        source = error.source();
    }
    None
}

/// Asks about every certificate that the inner verifier refuses, but for the one that is to be trusted.
#[derive(Debug)]
pub(super) struct Asking {
    /// Who is trusted without asking.
    pub(super) inner: Arc<dyn ServerCertVerifier>,
    /// The one certificate that was asked about and is to be accepted.
    pub(super) trusted: Option<ServerCertificate>,
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
pub(super) enum Shown {
    /// Nothing yet: that is the question.
    Asks,
    /// Nothing.
    Nothing,
    /// This.
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

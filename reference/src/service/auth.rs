//! Logins: what a 401 offers, and the header field that answers it.

use std::fmt;

use http_auth::digest::Algorithm;
use http_auth::parser::ChallengeParser;
use http_auth::{BasicClient, ChallengeRef, DigestClient, PasswordParams};

use super::address::{Origin, request_target};
use crate::contract::{AuthenticationMethod, Credential, Method, Persistence, ProtectionSpace, Response};

/// One of the ways a 401 offers to log in.
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) space: ProtectionSpace,
    scheme: Scheme,
}

enum Scheme {
    Basic,
    Bearer,
    Digest(Box<DigestClient>),
    /// Can be asked about, but not answered by this service.
    Unanswerable,
}

impl fmt::Debug for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Basic => "Basic",
            Self::Bearer => "Bearer",
            Self::Digest(_) => "Digest",
            Self::Unanswerable => "unanswerable",
        })
    }
}

impl Offer {
    fn read(challenge: &ChallengeRef<'_>, origin: &Origin) -> Option<Self> {
        let realm = || {
            let named = challenge.params.iter().find(|(name, _)| name.eq_ignore_ascii_case("realm"));
            named.map(|(_, value)| value.to_unescaped())
        };
        let scheme = challenge.scheme.to_ascii_lowercase();
        let (method, realm, scheme) = match scheme.as_str() {
            "basic" => {
                let client = BasicClient::try_from(challenge).ok()?;
                (AuthenticationMethod::HttpBasic, Some(client.realm().to_owned()), Scheme::Basic)
            }
            "digest" => {
                let client = DigestClient::try_from(challenge).ok()?;
                let realm = client.realm().to_owned();
                (AuthenticationMethod::HttpDigest, Some(realm), Scheme::Digest(Box::new(client)))
            }
            "bearer" => (AuthenticationMethod::HttpBearer, realm(), Scheme::Bearer),
            "ntlm" => (AuthenticationMethod::Ntlm, realm(), Scheme::Unanswerable),
            "negotiate" => (AuthenticationMethod::Negotiate, realm(), Scheme::Unanswerable),
            _ => return None,
        };
        let space = ProtectionSpace { host: origin.host.clone(), port: origin.port, realm, method };
        Some(Self { space, scheme })
    }

    /// A question of TLS, which no header field answers.
    pub(super) fn of_tls(method: AuthenticationMethod, origin: &Origin) -> Self {
        let space = ProtectionSpace { host: origin.host.clone(), port: origin.port, realm: None, method };
        Self { space, scheme: Scheme::Unanswerable }
    }

    /// The strongest first: Digest with SHA-2, Digest with MD5, Basic, Bearer, the others.
    fn rank(&self) -> u8 {
        match &self.scheme {
            Scheme::Digest(client) => u8::from(client.algorithm() == Algorithm::Md5),
            Scheme::Basic => 2,
            Scheme::Bearer => 3,
            Scheme::Unanswerable => 4,
        }
    }

    /// Does the server say that only the nonce was too old?
    pub(super) fn is_stale(&self) -> bool {
        matches!(&self.scheme, Scheme::Digest(client) if client.stale())
    }
}

/// The offers of a 401 that this service understands, the strongest first and else as offered. Several fields, and
/// several challenges in a field, count alike; a field is read up to its first mistake.
pub(super) fn offers(response: &Response, origin: &Origin) -> Vec<Offer> {
    let mut offers: Vec<Offer> = response
        .headers_named("www-authenticate")
        .flat_map(|field| ChallengeParser::new(field).map_while(Result::ok).collect::<Vec<_>>())
        .filter_map(|challenge| Offer::read(&challenge, origin))
        .collect();
    offers.sort_by_key(Offer::rank);
    offers
}

/// A credential on its way to, or known to, one protection space of one origin.
pub(super) struct Login {
    pub(super) origin: Origin,
    pub(super) space: ProtectionSpace,
    pub(super) credential: Credential,
    /// May be kept for other transfers once the server has taken it.
    pub(super) keep: bool,
    /// The server has taken it, and other transfers may use it.
    pub(super) shared: bool,
    scheme: Scheme,
}

impl Login {
    /// `None` if this credential can not answer this offer.
    pub(super) fn new(offer: Offer, origin: Origin, credential: Credential) -> Option<Self> {
        let fits = matches!(
            (&offer.scheme, &credential),
            (Scheme::Basic | Scheme::Digest(_), Credential::Password { .. })
                | (Scheme::Bearer, Credential::Token { .. })
        );
        let keep = credential.persistence() == Persistence::ForSession;
        let Offer { space, scheme } = offer;
        fits.then_some(Self { origin, space, credential, keep, shared: false, scheme })
    }

    /// Takes the newer nonce of an offer for the same space.
    pub(super) fn renew(&mut self, offer: Offer) {
        self.scheme = offer.scheme;
    }

    /// The `Authorization` field for one request. Counts the nonce up, so every request needs its own.
    ///
    /// The client nonce is a plain counter: the same inputs give the same requests. It does not add the protection
    /// against chosen nonces that a random one would; a product on an open network should use a random one.
    pub(super) fn field(&mut self, method: Method, address: &str, client_nonce: u64) -> Option<String> {
        match (&mut self.scheme, &self.credential) {
            (Scheme::Basic, Credential::Password { user, password, .. }) => {
                Some(http_auth::basic::encode_credentials(user, password))
            }
            (Scheme::Bearer, Credential::Token { token, .. }) => Some(format!("Bearer {token}")),
            (Scheme::Digest(client), Credential::Password { user, password, .. }) => {
                let target = request_target(address);
                // Only `auth-int` needs the body, and only a request without one is sure of it.
                let body: Option<&[u8]> = (method == Method::Get).then_some(&[]);
                let plain_auth = client.qop() & http_auth::digest::Qop::Auth;
                let params = PasswordParams {
                    username: user,
                    password,
                    uri: &target,
                    method: method.as_str(),
                    body: if plain_auth { None } else { body },
                };
                client.respond_with_testing_cnonce(&params, &format!("{client_nonce:016x}")).ok()
            }
            _ => None,
        }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("space", &self.space)
            .field("shared", &self.shared)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Origin {
        Origin { secure: false, host: "a.test".into(), port: 80 }
    }

    fn unauthorised(fields: &[&str]) -> Vec<Offer> {
        let headers =
            fields.iter().map(|field| ("www-authenticate".to_owned(), (*field).to_owned())).collect();
        offers(&Response { status: 401, url: String::new(), headers }, &origin())
    }

    fn methods(fields: &[&str]) -> Vec<AuthenticationMethod> {
        unauthorised(fields).iter().map(|offer| offer.space.method).collect()
    }

    #[test]
    fn the_strongest_first_whatever_the_order_and_the_fields() {
        use AuthenticationMethod::{HttpBasic, HttpBearer, HttpDigest, Negotiate};
        let digest = "Digest realm=\"d\", nonce=\"n\", qop=\"auth\"";
        let mixed = format!("Negotiate, Bearer, Basic realm=\"b\", {digest}");
        assert_eq!(methods(&[&mixed]), [HttpDigest, HttpBasic, HttpBearer, Negotiate]);
        let sha = "Digest realm=\"s\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256";
        let offers = unauthorised(&[digest, "Basic realm=\"b\"", sha]);
        let realms: Vec<Option<&str>> = offers.iter().map(|offer| offer.space.realm.as_deref()).collect();
        assert_eq!(realms, [Some("s"), Some("d"), Some("b")]);
    }

    #[test]
    fn what_can_not_be_read_is_no_offer() {
        for field in
            ["", "Basic", "Digest realm=\"d\"", "Digest realm=\"d\", nonce=\"n\", algorithm=MD4", "\u{1}"]
        {
            assert!(unauthorised(&[field]).is_empty(), "{field:?}");
        }
        assert_eq!(methods(&["Basic realm=\"b\", nonsense here \"", "Bearer"]).len(), 2);
    }

    /// The two examples of RFC 7616, section 3.9.1.
    #[test]
    fn digest_answers_as_the_rfc_does() {
        let examples = [
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ];
        for (algorithm, response) in examples {
            let field = format!(
                "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, \
                 nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
                 opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
            );
            let offer = unauthorised(&[&field]).remove(0);
            let Scheme::Digest(mut client) = offer.scheme else { panic!("it is Digest") };
            let params = PasswordParams {
                username: "Mufasa",
                password: "Circle of Life",
                uri: "/dir/index.html",
                method: "GET",
                body: None,
            };
            let nonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
            let answer = client.respond_with_testing_cnonce(&params, nonce).unwrap();
            assert!(answer.contains(response), "{answer}");
        }
    }

    #[test]
    fn every_request_counts_the_nonce_up_and_needs_the_right_kind_of_credential() {
        let offer = || unauthorised(&["Digest realm=\"d\", nonce=\"n\", qop=\"auth\""]).remove(0);
        assert!(Login::new(offer(), origin(), Credential::token("t")).is_none());
        let mut login = Login::new(offer(), origin(), Credential::password("u", "open sesame")).unwrap();
        let first = login.field(Method::Get, "http://a.test/x?y#z", 1).unwrap();
        let second = login.field(Method::Get, "http://a.test/x?y#z", 2).unwrap();
        assert!(first.contains("nc=00000001") && second.contains("nc=00000002"), "{second}");
        assert!(first.contains("uri=\"/x?y\""), "{first}");
        assert!(!format!("{login:?}").contains("sesame"));
        let mut token =
            Login::new(unauthorised(&["Bearer"]).remove(0), origin(), Credential::token("t")).unwrap();
        assert_eq!(token.field(Method::Put, "http://a.test/", 1).unwrap(), "Bearer t");
    }

    #[test]
    fn a_digest_over_the_body_needs_a_request_without_one() {
        let offer = unauthorised(&["Digest realm=\"d\", nonce=\"n\", qop=\"auth-int\""]).remove(0);
        let mut login = Login::new(offer, origin(), Credential::password("u", "p")).unwrap();
        let field = login.field(Method::Get, "http://a.test/", 1);
        assert!(field.is_some_and(|field| field.contains("qop=auth-int")));
        assert_eq!(login.field(Method::Put, "http://a.test/", 2), None);
    }
}

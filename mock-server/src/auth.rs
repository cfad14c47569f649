//! Whether a request's credentials are right, for all schemes of a login.

use crate::digest::{self, Nonces, Parameters};
use crate::log::{Credentials, Refusal};
use crate::request::Request;
use crate::script::{Login, Scheme};
use base64::Engine as _;

/// An `Authorization` header taken apart. `None` inside a known scheme: its rest could not be read.
pub(crate) enum Sent<'a> {
    Basic(Option<(String, String)>),
    Digest(Option<Parameters<'a>>),
    Bearer(&'a str),
    Other,
}

pub(crate) fn parse(header: &str) -> Sent<'_> {
    let header = header.trim();
    let (scheme, rest) = header.split_once(' ').unwrap_or((header, ""));
    let rest = rest.trim_start();
    if scheme.eq_ignore_ascii_case("basic") {
        Sent::Basic(basic(rest))
    } else if scheme.eq_ignore_ascii_case("digest") {
        Sent::Digest(Parameters::parse(rest))
    } else if scheme.eq_ignore_ascii_case("bearer") {
        Sent::Bearer(rest)
    } else {
        Sent::Other
    }
}

/// User and password of RFC 7617: the first colon parts them, later ones belong to the password.
fn basic(token: &str) -> Option<(String, String)> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(token).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// What the log may know of a header.
pub(crate) fn credentials(header: &str) -> Credentials {
    redacted(&parse(header))
}

pub(crate) fn redacted(sent: &Sent<'_>) -> Credentials {
    let (scheme, user) = match sent {
        Sent::Basic(pair) => ("Basic", pair.as_ref().map(|(user, _)| user.clone())),
        Sent::Digest(parameters) => {
            ("Digest", parameters.as_ref().map(|parameters| parameters.username.clone().into_owned()))
        }
        Sent::Bearer(_) => ("Bearer", None),
        Sent::Other => ("other", None),
    };
    Credentials { scheme, user }
}

/// Judges credentials; `refused` counts how often right ones were refused by script.
pub(crate) fn check(
    login: &Login,
    nonces: &mut Nonces,
    refused: &mut u32,
    request: &Request,
    sent: Option<&Sent<'_>>,
) -> Result<(), Refusal> {
    match sent {
        None => return Err(Refusal::NoCredentials),
        Some(Sent::Other) => return Err(Refusal::NotOffered),
        Some(Sent::Basic(pair)) => {
            offered(login, |scheme| matches!(scheme, Scheme::Basic { .. }))?;
            let (user, password) = pair.as_ref().ok_or(Refusal::Malformed)?;
            right(*user == login.user && *password == login.password)?;
        }
        Some(Sent::Bearer(token)) => {
            offered(login, |scheme| matches!(scheme, Scheme::Bearer { .. }))?;
            right(*token == login.token)?;
        }
        Some(Sent::Digest(parameters)) => {
            offered(login, |scheme| matches!(scheme, Scheme::Digest { .. }))?;
            let parameters = parameters.as_ref().ok_or(Refusal::Malformed)?;
            digest::check(login, nonces, request, parameters)?;
        }
    }
    if login.never || *refused < login.refuse_first {
        *refused = refused.saturating_add(1);
        return Err(Refusal::Scripted);
    }
    Ok(())
}

fn offered(login: &Login, scheme: impl Fn(&Scheme) -> bool) -> Result<(), Refusal> {
    if login.schemes.iter().any(scheme) { Ok(()) } else { Err(Refusal::NotOffered) }
}

fn right(credentials_match: bool) -> Result<(), Refusal> {
    if credentials_match { Ok(()) } else { Err(Refusal::Wrong) }
}

/// The value of one `WWW-Authenticate` line. All Digest challenges of an answer share `nonce`; `stale` is sent
/// when the request tried Digest, as RFC 7616 lets a client ask its user again when it is false.
pub(crate) fn challenge(scheme: &Scheme, nonce: &str, stale: Option<bool>) -> String {
    match scheme {
        Scheme::Basic { realm, charset_utf8: false } => format!("Basic realm={}", quoted(realm)),
        Scheme::Basic { realm, charset_utf8: true } => {
            format!("Basic realm={}, charset=\"UTF-8\"", quoted(realm))
        }
        Scheme::Bearer { realm } => format!("Bearer realm={}", quoted(realm)),
        Scheme::Negotiate => "Negotiate".to_owned(),
        Scheme::Ntlm => "NTLM".to_owned(),
        Scheme::Digest { realm, algorithm, opaque, .. } => {
            let mut line = format!(
                "Digest realm={}, qop=\"auth\", algorithm={}, nonce=\"{nonce}\"",
                quoted(realm),
                algorithm.name()
            );
            if let Some(opaque) = opaque {
                line.push_str(", opaque=");
                line.push_str(&quoted(opaque));
            }
            match stale {
                Some(true) => line.push_str(", stale=true"),
                Some(false) => line.push_str(", stale=false"),
                None => {}
            }
            line
        }
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DigestAlgorithm;

    fn judge(login: &Login, authorization: Option<&str>) -> Result<(), Refusal> {
        let sent = authorization.map(parse);
        check(login, &mut Nonces::default(), &mut 0, &Request::get("/"), sent.as_ref())
    }

    #[test]
    fn basic_passwords_may_have_colons_and_any_letters() {
        let login = Login::new("Aladdin", "open sesame").scheme(Scheme::basic("r"));
        // The example of RFC 7617, section 2.
        assert_eq!(judge(&login, Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")), Ok(()));
        assert_eq!(judge(&login, Some("bAsIc  QWxhZGRpbjpvcGVuIHNlc2FtZQ==")), Ok(()));
        // The example of RFC 7617, section 2.1: user `test`, password `123£`.
        let pound = Login::new("test", "123£").scheme(Scheme::basic("r"));
        assert_eq!(judge(&pound, Some("Basic dGVzdDoxMjPCow==")), Ok(()));
        // `a:b:c` is user `a` with password `b:c`.
        let colons = Login::new("a", "b:c").scheme(Scheme::basic("r"));
        assert_eq!(judge(&colons, Some("Basic YTpiOmM=")), Ok(()));
    }

    #[test]
    fn refusals_say_why() {
        let login = Login::new("a", "b").scheme(Scheme::basic("r"));
        assert_eq!(judge(&login, None), Err(Refusal::NoCredentials));
        assert_eq!(judge(&login, Some("Basic YTpiOmM=")), Err(Refusal::Wrong));
        assert_eq!(judge(&login, Some("Basic ???")), Err(Refusal::Malformed));
        assert_eq!(judge(&login, Some("Basic YQ==")), Err(Refusal::Malformed), "no colon");
        assert_eq!(judge(&login, Some("Bearer a")), Err(Refusal::NotOffered));
        assert_eq!(judge(&login, Some("s3cr3t")), Err(Refusal::NotOffered));
        assert_eq!(judge(&login.clone().never(), Some("Basic YTpi")), Err(Refusal::Scripted));
        let bearer = Login::default().token("t").scheme(Scheme::bearer("r"));
        assert_eq!(judge(&bearer, Some("Bearer t")), Ok(()));
        assert_eq!(judge(&bearer, Some("Bearer u")), Err(Refusal::Wrong));
        assert_eq!(judge(&bearer, Some("Digest x")), Err(Refusal::NotOffered));
    }

    #[test]
    fn the_log_never_sees_a_secret() {
        let shown = |header| credentials(header).to_string();
        assert_eq!(shown("Basic YTpi"), "Basic user=a");
        assert_eq!(shown("Bearer s3cr3t"), "Bearer");
        assert_eq!(shown("s3cr3t"), "other");
        assert_eq!(shown("Basic s3cr3t"), "Basic");
    }

    #[test]
    fn challenges_read_as_they_were_meant() {
        let digest = Scheme::Digest {
            realm: "a \"b\" \\c".into(),
            algorithm: DigestAlgorithm::Sha256,
            stale_after: None,
            opaque: Some("op".into()),
        };
        let lines = [
            challenge(&Scheme::basic("home"), "n", None),
            challenge(&Scheme::Basic { realm: "home".into(), charset_utf8: true }, "n", None),
            challenge(&digest, "n0", Some(true)),
            challenge(&Scheme::bearer("api"), "n", None),
            challenge(&Scheme::Negotiate, "n", None),
            challenge(&Scheme::Ntlm, "n", Some(true)),
        ];
        assert_eq!(
            lines,
            [
                r#"Basic realm="home""#,
                r#"Basic realm="home", charset="UTF-8""#,
                r#"Digest realm="a \"b\" \\c", qop="auth", algorithm=SHA-256, nonce="n0", opaque="op", stale=true"#,
                r#"Bearer realm="api""#,
                "Negotiate",
                "NTLM",
            ]
        );
        // An independent parser agrees, on one line as on several.
        let joined = lines.join(", ");
        let parsed: Vec<_> = http_auth::ChallengeParser::new(&joined).collect::<Result<_, _>>().unwrap();
        assert_eq!(
            parsed.iter().map(|c| c.scheme).collect::<Vec<_>>(),
            ["Basic", "Basic", "Digest", "Bearer", "Negotiate", "NTLM"]
        );
        let realm = parsed[2].params.iter().find(|(name, _)| *name == "realm").unwrap();
        assert_eq!(realm.1.to_unescaped(), "a \"b\" \\c");
    }
}

//! Digest against the examples of RFC 7616 and against two independent clients.

use super::*;
use crate::{Login, Request};
use digest_auth::{AuthContext, WwwAuthenticateHeader};
use http_auth::{PasswordClient, PasswordParams};

fn login(algorithm: DigestAlgorithm) -> Login {
    Login::new("Mufasa", "Circle of Life").scheme(Scheme::digest("http-auth@example.org", algorithm))
}

/// The header of RFC 7616, section 3.9.1.
fn example(algorithm: DigestAlgorithm) -> String {
    let response = match algorithm {
        DigestAlgorithm::Md5 => "8ca523f5e9506fed4657c9700eebdbec",
        DigestAlgorithm::Sha256 => "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
    };
    format!(
        "username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", algorithm={}, \
         nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, \
         cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, response=\"{response}\", \
         opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
        algorithm.name()
    )
}

#[test]
fn the_examples_of_the_standard_are_right() {
    for algorithm in [DigestAlgorithm::Md5, DigestAlgorithm::Sha256] {
        let header = example(algorithm);
        let sent = Parameters::parse(&header).unwrap();
        let request = Request::get("/dir/index.html");
        // The nonce is the standard's, so an accepted response ends as an unknown nonce.
        let judged = check(&login(algorithm), &mut Nonces::default(), &request, &sent);
        assert_eq!(judged, Err(Refusal::UnknownNonce), "{algorithm:?}");
        let wrong = Login { password: "other".into(), ..login(algorithm) };
        assert_eq!(check(&wrong, &mut Nonces::default(), &request, &sent), Err(Refusal::Wrong));
    }
}

#[test]
fn what_is_asked_must_be_what_was_signed() {
    let judge = |header: &str, request: &Request| {
        let sent = Parameters::parse(header).ok_or(Refusal::Malformed)?;
        check(&login(DigestAlgorithm::Md5), &mut Nonces::default(), request, &sent)
    };
    let header = example(DigestAlgorithm::Md5);
    let request = Request::get("/dir/index.html");
    assert_eq!(judge(&header, &Request::get("/dir/index.html?a=b")), Err(Refusal::UriMismatch));
    assert_eq!(judge(&header, &Request::new("POST", "/dir/index.html")), Err(Refusal::Wrong));
    let edit = |from: &str, to: &str| judge(&header.replace(from, to), &request);
    assert_eq!(edit("http-auth@example.org", "other"), Err(Refusal::NotOffered));
    assert_eq!(edit("algorithm=MD5", "algorithm=SHA-256"), Err(Refusal::NotOffered));
    assert_eq!(edit("algorithm=MD5, ", ""), Err(Refusal::UnknownNonce), "MD5 is the default");
    assert_eq!(edit("qop=auth", "qop=auth-int"), Err(Refusal::Malformed));
    assert_eq!(edit("nc=00000001", "nc=1"), Err(Refusal::Malformed));
    assert_eq!(edit("nc=00000001, ", ""), Err(Refusal::Malformed));
    assert_eq!(edit("qop=auth", "qop=auth, qop=auth"), Err(Refusal::Malformed));
    assert_eq!(edit("\"Mufasa\"", "\"Mufasa"), Err(Refusal::Malformed));
}

#[test]
fn opaque_must_come_back_unchanged() {
    let judge = |opaque: &str| {
        let mut login = login(DigestAlgorithm::Md5);
        let Scheme::Digest { opaque: expected, .. } = &mut login.schemes[0] else { panic!("Digest") };
        *expected = Some(opaque.to_owned());
        let header = example(DigestAlgorithm::Md5);
        let sent = Parameters::parse(&header).unwrap();
        check(&login, &mut Nonces::default(), &Request::get("/dir/index.html"), &sent)
    };
    assert_eq!(judge("FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"), Err(Refusal::UnknownNonce));
    assert_eq!(judge("other"), Err(Refusal::Malformed));
}

#[test]
fn values_are_tokens_or_quoted() {
    assert_eq!(value("a, b"), Some((Cow::Borrowed("a"), ", b")));
    assert_eq!(value("\"a,b\" , c"), Some((Cow::Borrowed("a,b"), " , c")));
    assert_eq!(value(r#""\"é\\" x"#), Some((Cow::Owned("\"é\\".to_owned()), " x")));
    assert_eq!(value("\"a"), None);
    assert_eq!(value("\"a\\"), None);
    assert_eq!(extended("UTF-8''%C3%A4nn"), Some("änn".to_owned()));
    for bad in ["", "UTF-8'", "latin1''a", "UTF-8''%C3", "UTF-8''%C", "UTF-8''%zz"] {
        assert_eq!(extended(bad), None, "{bad}");
    }
}

#[test]
fn a_nonce_count_must_grow_and_a_nonce_may_go_stale() {
    let mut nonces = Nonces::default();
    let first = nonces.issue();
    assert_eq!(first, "00000000b4d055fcf2cbbd7b");
    assert_eq!(nonces.take(&first, 1, Some(2)), Ok(()));
    assert_eq!(nonces.take(&first, 1, Some(2)), Err(Refusal::ReplayedCount));
    assert_eq!(nonces.take(&first, 5, Some(2)), Ok(()), "a gap is no replay");
    assert_eq!(nonces.take(&first, 4, Some(2)), Err(Refusal::ReplayedCount));
    assert_eq!(nonces.take(&first, 6, Some(2)), Err(Refusal::StaleNonce));
    for forged in ["00000001b4d055fcf2cbbd7b", "00000000b4d055fcf2cbbd7c", "", "é", "00000001"] {
        assert_eq!(nonces.take(forged, 1, None), Err(Refusal::UnknownNonce), "{forged}");
    }
}

#[test]
fn the_memory_for_nonces_is_bounded() {
    let mut nonces = Nonces::default();
    let first = nonces.issue();
    assert_eq!(nonces.take(&first, 1, None), Ok(()));
    for _ in 0..2 * REMEMBERED {
        let nonce = nonces.issue();
        assert_eq!(nonces.take(&nonce, 1, None), Ok(()));
    }
    assert_eq!(nonces.used.len(), REMEMBERED);
    assert_eq!(nonces.take(&first, 1, None), Err(Refusal::StaleNonce), "a forgotten nonce is no open door");
}

/// Two clients written by others answer our challenges; we must find their answers right.
#[test]
fn independent_clients_are_let_in() {
    for algorithm in [DigestAlgorithm::Md5, DigestAlgorithm::Sha256] {
        for (realm, user, password) in [("home", "ann", "s:3 \"x\""), ("a b, c=d", "ännchen", "pässword")] {
            let scheme = Scheme::Digest {
                realm: realm.into(),
                algorithm,
                stale_after: None,
                opaque: Some("o p".into()),
            };
            let login = Login::new(user, password).scheme(scheme);
            let mut nonces = Nonces::default();
            let [one, two] =
                [(); 2].map(|()| crate::auth::challenge(&login.schemes[0], &nonces.issue(), None));
            let mut judge = |authorization: &str| {
                let parameters = authorization.strip_prefix("Digest ").expect("a Digest header");
                let sent = Parameters::parse(parameters).unwrap_or_else(|| panic!("{parameters}"));
                check(&login, &mut nonces, &Request::get("/a?b=c"), &sent)
            };

            let mut first = PasswordClient::try_from(one.as_str()).unwrap();
            for _ in 0..2 {
                let parameters =
                    PasswordParams { username: user, password, uri: "/a?b=c", method: "GET", body: None };
                let answer = first.respond(&parameters).unwrap();
                assert_eq!(judge(&answer), Ok(()), "{answer}");
                assert_eq!(judge(&answer), Err(Refusal::ReplayedCount));
            }

            let mut second = WwwAuthenticateHeader::parse(&two).unwrap();
            let answer = second.respond(&AuthContext::new(user, password, "/a?b=c")).unwrap().to_string();
            assert_eq!(judge(&answer), Ok(()), "{answer}");
        }
    }
}

//! What servers and apps hand over is read without trust: whatever it is, nothing panics.

use proptest::prelude::*;

use super::address::{Origin, request_target, resolve};
use super::auth::{Login, offers};
use super::ranges::{Partial, judge};
use super::resume_data::ResumePoint;
use crate::contract::{Credential, Method, Response, ResumeData};

fn response(status: u16, fields: &[(&str, &str)]) -> Response {
    let headers = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Response { status, url: "http://h/".to_owned(), headers }
}

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn challenges_of_any_kind(
        field in ".{0,80}|(Digest|Basic|Bearer) [a-z]{2,9}=\"?[a-zA-Z0-9,-]{0,12}\"?(, ?[a-z]{2,9}=\"?[^\"]{0,12}\"?){0,6}",
    ) {
        let origin = Origin::of("http://h/").expect("an address");
        for offer in offers(&response(401, &[("WWW-Authenticate", &field)]), &origin) {
            let credential = Credential::password("user", "secret");
            if let Some(mut login) = Login::new(offer, origin.clone(), credential) {
                drop(login.field(Method::Get, "http://h/a?b", 1));
            }
        }
    }

    #[test]
    fn ranges_of_any_kind(
        field in ".{0,40}|bytes [0-9]{1,20}-[0-9]{1,20}/([0-9]{1,20}|\\*)",
        tag in ".{0,20}",
        status in 200..420_u16,
        offset in any::<u64>(),
    ) {
        let first = response(200, &[("ETag", "\"a\""), ("Accept-Ranges", "bytes"), ("Content-Length", "10")]);
        let part = Partial::fresh(&first, Method::Get);
        let answer = response(status, &[("Content-Range", &field), ("ETag", &tag), ("Content-Length", &field)]);
        for offset in [None, Some(offset)] {
            let _ = judge(offset, &part, &answer);
        }
        drop(Partial::fresh(&answer, Method::Get));
    }

    #[test]
    fn addresses_of_any_kind(address in ".{0,60}|https?://[^/]{0,20}[/?#].{0,20}", location in ".{0,60}") {
        drop(Origin::of(&address));
        drop(request_target(&address));
        drop(resolve(&address, &location));
        drop(resolve("http://h/a", &location));
    }

    #[test]
    fn resume_data_of_any_kind(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        drop(ResumePoint::parse(&ResumeData::from_bytes(bytes)));
    }
}

//! What servers and apps hand over is read without trust: whatever it is, nothing panics.

use super::address::{Origin, request_target, resolve};
use super::auth::{Login, offers};
use super::ranges::{Partial, judge};
use super::resume_data::ResumePoint;
use crate::contract::{Credential, Method, Response, ResumeData};

fn response(status: u16, fields: &[(&str, &str)]) -> Response {
    let headers = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Response { status, url: "http://h/".to_owned(), headers }
}

fn challenge(field: &str) {
    let Some(origin) = Origin::of("http://h/") else { return };
    for offer in offers(&response(401, &[("WWW-Authenticate", field)]), &origin) {
        let credential = Credential::password("user", "secret");
        if let Some(mut login) = Login::new(offer, origin.clone(), credential) {
            drop(login.field(Method::Get, "http://h/a?b", 1));
        }
    }
}

fn range(field: &str, tag: &str, status: u16, offset: u64) {
    let first = response(200, &[("ETag", "\"a\""), ("Accept-Ranges", "bytes"), ("Content-Length", "10")]);
    let part = Partial::fresh(&first, Method::Get);
    let answer = response(status, &[("Content-Range", field), ("ETag", tag), ("Content-Length", field)]);
    for offset in [None, Some(offset)] {
        let _ = judge(offset, &part, &answer);
    }
    drop(Partial::fresh(&answer, Method::Get));
}

fn address(address: &str, location: &str) {
    drop(Origin::of(address));
    drop(request_target(address));
    drop(resolve(address, location));
    drop(resolve("http://h/a", location));
}

fn resume_data(bytes: &[u8]) {
    drop(ResumePoint::parse(&ResumeData::from_bytes(bytes)));
}

/// All of them at once, each with a line of these bytes: for the fuzzer.
#[cfg(fuzzing)]
pub fn read(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines();
    let mut line = || lines.next().unwrap_or_default();
    challenge(line());
    let (field, tag) = (line(), line());
    for status in [200, 206, 304, 416] {
        range(field, tag, status, u64::from(status));
    }
    address(line(), line());
    resume_data(bytes);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    fn config() -> ProptestConfig {
        ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn challenges_of_any_kind(
            field in ".{0,80}|(Digest|Basic|Bearer) [a-z]{2,9}=\"?[a-zA-Z0-9,-]{0,12}\"?(, ?[a-z]{2,9}=\"?[^\"]{0,12}\"?){0,6}",
        ) {
            super::challenge(&field);
        }

        #[test]
        fn ranges_of_any_kind(
            field in ".{0,40}|bytes [0-9]{1,20}-[0-9]{1,20}/([0-9]{1,20}|\\*)",
            tag in ".{0,20}",
            status in 200..420_u16,
            offset in any::<u64>(),
        ) {
            super::range(&field, &tag, status, offset);
        }

        #[test]
        fn addresses_of_any_kind(address in ".{0,60}|https?://[^/]{0,20}[/?#].{0,20}", location in ".{0,60}") {
            super::address(&address, &location);
        }

        #[test]
        fn resume_data_of_any_kind(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            super::resume_data(&bytes);
        }
    }
}

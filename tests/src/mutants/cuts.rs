//! Downloads that go on at the wrong place: SES-08. Each reads the wire as a careless client would.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{Device, HttpRequest, HttpResponse, Response, Transport, TransportError};
use bgsession_reference::service::ReferenceService;

use super::Mutant;
use crate::parts::lock;

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("goes-on-whatever-has-changed", &["SES-08"], |name| network(name, Slip::Blind)),
    Mutant::new("appends-a-whole-answer", &["SES-08"], |name| network(name, Slip::AppendsWhole)),
    Mutant::new("appends-any-range", &["SES-08"], |name| network(name, Slip::AppendsAnyRange)),
    Mutant::new("takes-weak-tags-for-strong", &["SES-08"], |name| network(name, Slip::TrustsWeakTags)),
    Mutant::new("insists-on-a-refused-range", &["SES-08"], |name| network(name, Slip::Insists)),
];

/// What is misread.
#[derive(Clone, Copy, PartialEq)]
enum Slip {
    /// No `If-Range`, and no look at the validators of a 206.
    Blind,
    /// A 200 to a request for a range is taken for that range.
    AppendsWhole,
    /// So is a 206 of any other.
    AppendsAnyRange,
    /// A weak tag says that something is much the same, not that its bytes are.
    TrustsWeakTags,
    /// A 416 is taken for a passing trouble.
    Insists,
}

fn network(name: &str, slip: Slip) -> Subject {
    Subject::sessions(name, move |device, scheduler| {
        let network = Misreading { network: Arc::clone(&device.network), slip, total: Mutex::default() };
        ReferenceService::new(Device { network: Arc::new(network), ..device }, scheduler)
    })
}

struct Misreading {
    network: Arc<dyn Transport>,
    slip: Slip,
    /// The lengths that were announced, by address.
    total: Mutex<Vec<(String, String)>>,
}

fn set(response: &mut Response, name: &str, value: String) {
    response.headers.retain(|(known, _)| known != name);
    response.headers.push((name.to_owned(), value));
}

impl Misreading {
    /// A `Content-Range` that says what was asked for.
    fn as_asked(&self, response: &mut Response, asked: &str) {
        let total =
            lock(&self.total).iter().find(|(url, _)| *url == response.url).map(|(_, len)| len.clone());
        if let Some(total) = total {
            let last = total.parse::<u64>().unwrap_or(1).saturating_sub(1);
            response.status = 206;
            set(response, "content-range", format!("bytes {asked}-{last}/{total}"));
        }
    }
}

#[async_trait]
impl Transport for Misreading {
    async fn send(&self, mut request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let range = request.headers.iter().find(|(name, _)| name == "range").map(|(_, value)| value.clone());
        let asked = range.as_deref().and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-'));
        if self.slip == Slip::Blind {
            request.headers.retain(|(name, _)| name != "if-range");
        }
        let mut answer = self.network.send(request).await?;
        let response = &mut answer.response;
        if asked.is_none()
            && let Some(length) = response.header("content-length")
        {
            let length = length.to_owned();
            lock(&self.total).push((response.url.clone(), length));
        }
        match (self.slip, asked, response.status) {
            (Slip::Blind, Some(_), 206) => {
                response.headers.retain(|(name, _)| name != "etag" && name != "last-modified");
            }
            (Slip::AppendsWhole, Some(asked), 200) | (Slip::AppendsAnyRange, Some(asked), 206) => {
                self.as_asked(response, asked);
            }
            (Slip::Insists, Some(_), 416) => return Err(TransportError::ConnectionLost),
            (Slip::TrustsWeakTags, ..) => {
                if let Some(tag) = response.header("etag").and_then(|tag| tag.strip_prefix("W/")) {
                    let tag = tag.to_owned();
                    set(response, "etag", tag);
                }
            }
            _ => {}
        }
        Ok(answer)
    }
}

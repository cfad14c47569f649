//! Downloads that go on at the wrong place, or with the wrong bytes: SES-08, SES-05. Each reads the wire as a careless client would.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    HttpBody, HttpRequest, HttpResponse, Response, ResumeData, Session, SessionError, TransferId,
    TransferOptions, Transport, TransportError,
};
use bgsession_reference::service::ReferenceService;

use super::Mutant;
use crate::parts::{AlmostSession, around_sessions, lock, over_network};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("goes-on-whatever-has-changed", &["SES-08"], |name| network(name, Slip::Blind)),
    Mutant::new("appends-a-whole-answer", &["SES-08"], |name| network(name, Slip::AppendsWhole)),
    Mutant::new("appends-any-range", &["SES-08"], |name| network(name, Slip::AppendsAnyRange)),
    Mutant::new("takes-weak-tags-for-strong", &["SES-08"], |name| network(name, Slip::TrustsWeakTags)),
    Mutant::new("takes-half-of-a-range-for-all-of-it", &["SES-08"], |name| network(name, Slip::HalfIsEnough)),
    Mutant::new("the-login-page-is-in-the-file", &["SES-05"], |name| network(name, Slip::KeepsThePage)),
    Mutant::new("takes-no-resume-data", &["SES-08"], |name| {
        Subject::sessions(name, |device, scheduler| {
            around_sessions(ReferenceService::new(device, scheduler), |session| Refuses { session })
        })
    }),
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
    /// A 206 is the rest, whatever its range says.
    HalfIsEnough,
    /// What came with a 401 was written before the status was looked at.
    KeepsThePage,
    /// A 416 is taken for a passing trouble.
    Insists,
}

fn network(name: &str, slip: Slip) -> Subject {
    over_network(name, move |network| Misreading {
        network,
        slip,
        total: Mutex::default(),
        pages: Mutex::default(),
    })
}

struct Misreading {
    network: Arc<dyn Transport>,
    slip: Slip,
    /// The lengths that were announced, by address.
    total: Mutex<Vec<(String, String)>>,
    /// What came with a 401, by address.
    pages: Mutex<BTreeMap<String, Vec<u8>>>,
}

/// A body with something before it.
struct Prefixed {
    page: Option<Vec<u8>>,
    body: Box<dyn HttpBody>,
}

#[async_trait]
impl HttpBody for Prefixed {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, TransportError> {
        match self.page.take() {
            Some(page) => Ok(Some(page)),
            None => self.body.chunk().await,
        }
    }
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
            (Slip::HalfIsEnough, Some(asked), 206) => {
                let end = response
                    .header("content-range")
                    .and_then(|range| range.split(['-', '/']).nth(1)?.parse().ok());
                if let Some(end) = end.map(|last: u64| last + 1) {
                    set(response, "content-range", format!("bytes {asked}-{}/{end}", end - 1));
                }
            }
            (Slip::KeepsThePage, _, 401) => {
                let mut page = Vec::new();
                while let Some(more) = answer.body.chunk().await? {
                    page.extend(more);
                }
                lock(&self.pages).insert(answer.response.url.clone(), page);
            }
            (Slip::KeepsThePage, None, 200) => {
                let page = lock(&self.pages).remove(&response.url);
                answer.body = Box::new(Prefixed { page, body: answer.body });
                answer.response.headers.retain(|(name, _)| name != "content-length");
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

/// Gives resume data, and does not know it again.
struct Refuses {
    session: Arc<dyn Session>,
}

#[async_trait]
impl AlmostSession for Refuses {
    fn inner(&self) -> &dyn Session {
        &*self.session
    }

    async fn download_resuming(&self, _: ResumeData, _: TransferOptions) -> Result<TransferId, SessionError> {
        Err(SessionError::BadResumeData { reason: "of another version" })
    }
}

//! Plans for the single answers: a resource with its ranges and faults, a status, a redirect, a challenge.

use crate::body::{Slice, mix};
use crate::date::http_date;
use crate::plan::{Framing, Head, Plan, Step, never_has_body};
use crate::range::{self, Selection};
use crate::request::Request;
use crate::script::{Delivery, Fault, Ranges, RetryAfter, Route};
use std::time::Duration;

/// Parts the parts of a multipart body.
const BOUNDARY: &str = "bgsession-next-part";

/// A head under construction, dated.
pub(crate) struct Draft<'a> {
    request: &'a Request,
    /// Seconds from the Unix epoch to this answer.
    now: u64,
    status: u16,
    headers: Vec<(String, String)>,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(request: &'a Request, now: u64, status: u16) -> Self {
        let mut headers = Vec::with_capacity(8);
        headers.push(("date".to_owned(), http_date(now)));
        Self { request, now, status, headers }
    }

    pub(crate) fn header(&mut self, name: &str, value: impl Into<String>) {
        self.headers.push((name.to_owned(), value.into()));
    }

    pub(crate) fn set_status(&mut self, status: u16) {
        self.status = status;
    }

    /// The plan with a plain body of known length.
    fn plan(self, body: Vec<Step>) -> Plan {
        let length = body.iter().map(Step::body_bytes).sum();
        if never_has_body(self.status) {
            self.framed(Framing::Bodyless(None), Vec::new())
        } else if self.request.method == "HEAD" {
            self.framed(Framing::Bodyless(Some(length)), Vec::new())
        } else {
            self.framed(Framing::Length(length), body)
        }
    }

    fn framed(self, framing: Framing, mut steps: Vec<Step>) -> Plan {
        steps.insert(0, Step::Head);
        Plan { head: Some(Head { status: self.status, headers: self.headers, framing }), steps }
    }

    /// The plan with no body.
    pub(crate) fn empty(self) -> Plan {
        self.plan(Vec::new())
    }
}

pub(crate) fn status(mut draft: Draft<'_>, body_size: u64, retry_after: Option<RetryAfter>) -> Plan {
    match retry_after {
        Some(RetryAfter::Secs(secs)) => draft.header("retry-after", secs.to_string()),
        Some(RetryAfter::DateIn(secs)) => {
            let date = http_date(draft.now.saturating_add(secs));
            draft.header("retry-after", date);
        }
        None => {}
    }
    let seed = mix(u64::from(draft.status));
    draft.plan(if body_size == 0 {
        Vec::new()
    } else {
        vec![Step::Body(Slice { seed, offset: 0, len: body_size })]
    })
}

pub(crate) fn redirect(mut draft: Draft<'_>, location: &str) -> Plan {
    let location = match draft.request.port() {
        Some(port) => location.replace("{port}", port),
        None => location.replace(":{port}", ""),
    };
    draft.header("location", location);
    draft.empty()
}

pub(crate) fn not_found(mut draft: Draft<'_>) -> Plan {
    draft.header("content-type", "text/plain");
    let text = format!("the script has no route for {}\n", draft.request.path().escape_debug());
    draft.plan(vec![Step::Inline(text.into_bytes())])
}

/// The resource, as far as the request asks for it, with the fault of the delivery.
pub(crate) fn serve(draft: Draft<'_>, route: &Route, version: u64, delivery: &Delivery) -> Plan {
    let mut plan = resource(draft, route, version);
    if let Some(fault) = &delivery.fault {
        // A 416 or 412 is not the resource, and the answer to HEAD has no body to harm.
        let served = plan
            .head
            .as_ref()
            .is_some_and(|head| head.status < 300 && !matches!(head.framing, Framing::Bodyless(_)));
        if served {
            plan = harm(plan, fault);
        }
    }
    if delivery.delay_ms > 0 {
        plan.steps.insert(0, Step::Pause(Duration::from_millis(delivery.delay_ms)));
    }
    plan
}

fn resource(mut draft: Draft<'_>, route: &Route, version: u64) -> Plan {
    let (resource, ranges) = (&route.resource, route.ranges);
    let validators = ranges != Ranges::NoValidator;
    let etag = (validators && resource.etag).then(|| resource.etag_of(version));
    let modified = (validators && resource.last_modified).then(|| resource.last_modified_of(version));
    if ranges != Ranges::Httpbin && !if_match_holds(draft.request, etag.as_deref()) {
        draft.status = 412;
        return draft.empty();
    }

    let selection = selection(draft.request, route, etag.as_deref(), modified.as_deref());
    let size = resource.size;
    if ranges != Ranges::Ignored {
        draft.header("accept-ranges", "bytes");
    }
    if selection == Selection::Unsatisfiable {
        draft.status = 416;
        if range::tells_length(ranges) {
            draft.header("content-range", format!("bytes */{size}"));
        }
        return draft.empty();
    }
    if let Some(etag) = etag {
        draft.header("etag", etag);
    }
    if let Some(modified) = modified {
        draft.header("last-modified", modified);
    }
    let kind = resource.content_type.as_deref();
    let content = resource.content(version);
    if let (Some(kind), false) = (kind, matches!(selection, Selection::Parts(_))) {
        draft.header("content-type", kind);
    }
    match selection {
        Selection::Whole | Selection::Unsatisfiable => {
            if ranges == Ranges::Httpbin && size > 0 {
                draft.header("content-range", content_range(0, size - 1, size));
            }
            draft.plan(vec![Step::Body(content)])
        }
        Selection::Part(first, last) => {
            draft.status = 206;
            draft.header("content-range", content_range(first, last, size));
            draft.plan(vec![Step::Body(content.part(first, last - first + 1))])
        }
        Selection::Inverted => {
            draft.status = 206;
            draft.header("content-range", format!("bytes {size}-{}/{size}", i128::from(size) - 1));
            draft.empty()
        }
        Selection::Parts(parts) => {
            draft.status = 206;
            draft.header("content-type", format!("multipart/byteranges; boundary={BOUNDARY}"));
            draft.plan(multipart(&parts, content, kind))
        }
    }
}

/// What the request's `Range`, if its `If-Range` lets it through, selects.
fn selection(request: &Request, route: &Route, etag: Option<&str>, modified: Option<&str>) -> Selection {
    let Some(header) = request.header("range") else {
        return Selection::Whole;
    };
    let heeded = route.ranges == Ranges::Httpbin
        || request
            .header("if-range")
            .is_none_or(|validator| range::if_range_holds(validator, etag, modified));
    if heeded {
        range::select(route.ranges, &request.method, route.resource.size, header)
    } else {
        Selection::Whole
    }
}

fn content_range(first: u64, last: u64, size: u64) -> String {
    format!("bytes {first}-{last}/{size}")
}

/// `If-Match` compares strongly; without one, or with `*`, anything goes.
fn if_match_holds(request: &Request, etag: Option<&str>) -> bool {
    request
        .header("if-match")
        .is_none_or(|value| value.split(',').map(str::trim).any(|tag| tag == "*" || Some(tag) == etag))
}

fn multipart(parts: &[(u64, u64)], content: Slice, kind: Option<&str>) -> Vec<Step> {
    let mut steps = Vec::with_capacity(2 * parts.len() + 1);
    for (first, last) in parts {
        let kind = kind.map_or_else(String::new, |kind| format!("Content-Type: {kind}\r\n"));
        let range = content_range(*first, *last, content.len);
        let head = format!("\r\n--{BOUNDARY}\r\n{kind}Content-Range: {range}\r\n\r\n");
        steps.push(Step::Inline(head.into_bytes()));
        steps.push(Step::Body(content.part(*first, last - first + 1)));
    }
    steps.push(Step::Inline(format!("\r\n--{BOUNDARY}--\r\n").into_bytes()));
    steps
}

/// Changes a complete plan (head, body, nothing else) into one with a fault.
fn harm(plan: Plan, fault: &Fault) -> Plan {
    let Plan { head: Some(mut head), mut steps } = plan else {
        return plan;
    };
    let body = steps.split_off(1);
    let length: u64 = body.iter().map(Step::body_bytes).sum();
    match *fault {
        Fault::CutAfter(at) if at < length => {
            steps.extend(first_bytes(&body, at));
            steps.push(Step::Close);
        }
        Fault::ResetAfter(at) if at < length => {
            steps.extend(first_bytes(&body, at));
            steps.push(Step::Reset);
        }
        Fault::StallAfter(at) if at < length => {
            steps.extend(first_bytes(&body, at));
            steps.push(Step::Stall);
        }
        Fault::CutAfter(_) | Fault::ResetAfter(_) | Fault::StallAfter(_) => steps.extend(body),
        Fault::Drip { piece, every_ms } => drip(&mut steps, &body, piece.max(1), every_ms),
        Fault::LyingLength(told) => {
            head.framing = Framing::Length(told);
            steps.extend(body);
            steps.push(Step::Close);
        }
        Fault::BadChunk => {
            head.framing = Framing::Chunked;
            steps.extend(first_bytes(&body, length / 2));
            steps.push(Step::Raw(b"not a number\r\n".to_vec()));
            steps.push(Step::Close);
        }
        Fault::Chunked => {
            head.framing = Framing::Chunked;
            steps.extend(body);
        }
        Fault::UntilClose => {
            head.framing = Framing::UntilClose;
            steps.extend(body);
            steps.push(Step::Close);
        }
    }
    Plan { head: Some(head), steps }
}

/// The steps that hold the first `left` bytes.
fn first_bytes(body: &[Step], mut left: u64) -> Vec<Step> {
    let mut steps = Vec::new();
    for step in body {
        if left == 0 {
            break;
        }
        let part = step.part(0, left);
        left -= part.body_bytes();
        steps.push(part);
    }
    steps
}

/// The script's check has bounded the number of pieces.
fn drip(steps: &mut Vec<Step>, body: &[Step], piece: u64, every_ms: u64) {
    for step in body {
        let mut start = 0;
        while start < step.body_bytes() {
            let part = step.part(start, piece);
            start += part.body_bytes();
            steps.push(Step::Pause(Duration::from_millis(every_ms)));
            steps.push(part);
        }
    }
}

#[cfg(test)]
#[path = "serve_tests.rs"]
mod tests;

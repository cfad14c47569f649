//! Answers as a client sees them, written out.

use super::*;
use crate::script::{Answer, Resource};
use crate::{Origin, Script};

/// Status, headers but the date, and the number of body bytes.
fn ask(route: Route, request: &Request) -> (u16, Vec<String>, u64) {
    let origin = Origin::new(Script::new().route("/f", route)).unwrap();
    let plan = origin.answer(request, Duration::ZERO);
    let bytes = plan.body_bytes();
    let head = plan.head.unwrap();
    let framing = head.framing_header();
    let headers = head.headers.into_iter().chain(framing).filter(|(name, _)| name != "date");
    (head.status, headers.map(|(name, value)| format!("{name}: {value}")).collect(), bytes)
}

fn range(value: &str) -> Request {
    Request::get("/f").with_header("Range", value)
}

fn file(ranges: Ranges) -> Route {
    Route::new(Resource::new(1_000).seed(10)).ranges(ranges)
}

#[test]
fn a_whole_resource() {
    let (status, headers, bytes) = ask(file(Ranges::Strict), &Request::get("/f"));
    assert_eq!((status, bytes), (200, 1_000));
    assert_eq!(
        headers,
        [
            "accept-ranges: bytes",
            "etag: \"a-0\"",
            "last-modified: Mon, 01 Dec 2025 00:00:00 GMT",
            "content-length: 1000"
        ]
    );
    let (_, headers, _) = ask(file(Ranges::NoValidator), &Request::get("/f"));
    assert_eq!(headers, ["accept-ranges: bytes", "content-length: 1000"]);
    let (_, headers, _) = ask(file(Ranges::Ignored), &range("bytes=5-"));
    assert!(!headers.contains(&"accept-ranges: bytes".to_owned()));
}

#[test]
fn content_range_server_by_server() {
    let seen = |ranges, value: &str| {
        let (status, headers, bytes) = ask(file(ranges), &range(value));
        let found = headers.iter().find_map(|line| line.strip_prefix("content-range: ").map(str::to_owned));
        (status, found.unwrap_or_default(), bytes)
    };
    let own = |status, range: &str, bytes| (status, range.to_owned(), bytes);
    for server in
        [Ranges::Strict, Ranges::Apache, Ranges::Nginx, Ranges::Lighttpd, Ranges::Caddy, Ranges::Httpbin]
    {
        assert_eq!(seen(server, "bytes=-50"), own(206, "bytes 950-999/1000", 50), "{server:?}");
    }
    assert_eq!(seen(Ranges::Nginx, "bytes=1000-"), own(416, "bytes */1000", 0));
    assert_eq!(seen(Ranges::Apache, "bytes=1000-"), own(416, "", 0));
    assert_eq!(seen(Ranges::Lighttpd, "bytes=1000-"), own(416, "", 0));
    assert_eq!(seen(Ranges::Lighttpd, "bytes=0-9,20-29"), own(206, "bytes 0-29/1000", 30));
    assert_eq!(seen(Ranges::Caddy, "bytes=-0"), own(206, "bytes 1000-999/1000", 0));
    assert_eq!(seen(Ranges::Httpbin, "bytes=0-9,20-29"), own(200, "bytes 0-999/1000", 1_000));
    assert_eq!(seen(Ranges::Httpbin, "items=0-9"), own(200, "bytes 0-999/1000", 1_000));
    assert_eq!(seen(Ranges::FromStart, "bytes=990-"), own(206, "bytes 0-999/1000", 1_000));
    assert_eq!(seen(Ranges::Refused, "bytes=0-"), own(416, "bytes */1000", 0));
}

#[test]
fn if_range_server_by_server() {
    let dated = "Mon, 01 Dec 2025 00:00:00 GMT";
    let status = |ranges, value: &str| ask(file(ranges), &range("bytes=5-").with_header("If-Range", value)).0;
    for server in [Ranges::Strict, Ranges::Apache, Ranges::Nginx, Ranges::Caddy] {
        let row = ["\"a-0\"", "\"a-1\"", "W/\"a-0\"", dated].map(|value| status(server, value));
        assert_eq!(row, [206, 200, 200, 206], "{server:?}");
    }
    assert_eq!(["\"a-0\"", "\"a-1\"", "W/\"a-0\""].map(|v| status(Ranges::Httpbin, v)), [206, 206, 206]);
    assert_eq!(status(Ranges::NoValidator, "\"a-0\""), 200);
}

#[test]
fn if_match() {
    let status =
        |ranges, value: &str| ask(file(ranges), &Request::get("/f").with_header("If-Match", value)).0;
    assert_eq!(status(Ranges::Strict, "\"x\", \"a-0\""), 200);
    assert_eq!(status(Ranges::Strict, "*"), 200);
    assert_eq!(status(Ranges::Strict, "\"x\""), 412);
    assert_eq!(status(Ranges::Httpbin, "\"x\""), 200);
}

#[test]
fn head_has_the_head_only() {
    let head = |ranges| ask(file(ranges), &Request::new("HEAD", "/f").with_header("Range", "bytes=0-9"));
    for (ranges, status, length) in
        [(Ranges::Strict, 200, 1_000), (Ranges::Nginx, 206, 10), (Ranges::Lighttpd, 200, 1_000)]
    {
        let (seen, headers, bytes) = head(ranges);
        assert_eq!((seen, bytes), (status, 0), "{ranges:?}");
        assert!(headers.contains(&format!("content-length: {length}")), "{headers:?}");
    }
}

#[test]
fn several_parts() {
    let route = Route::new(Resource { content_type: Some("text/x".into()), ..Resource::new(1_000) });
    let origin = Origin::new(Script::new().route("/f", route.clone())).unwrap();
    let plan = origin.answer(&range("bytes=0-9,20-29"), Duration::ZERO);
    let content = route.resource.content(0);
    let text = |range: &str| {
        Step::Inline(
            format!("\r\n--bgsession-next-part\r\nContent-Type: text/x\r\nContent-Range: {range}\r\n\r\n")
                .into_bytes(),
        )
    };
    assert_eq!(
        plan.steps,
        [
            Step::Head,
            text("bytes 0-9/1000"),
            Step::Body(content.part(0, 10)),
            text("bytes 20-29/1000"),
            Step::Body(content.part(20, 10)),
            Step::Inline(b"\r\n--bgsession-next-part--\r\n".to_vec()),
        ]
    );
    let (_, headers, _) = ask(route, &range("bytes=0-9,20-29"));
    assert!(headers.contains(&"content-type: multipart/byteranges; boundary=bgsession-next-part".to_owned()));
    assert!(!headers.iter().any(|line| line.starts_with("content-range")));
}

/// Steps of a 10-byte resource under a fault, in short form.
fn steps(fault: Fault) -> (Framing, String) {
    let route = Route::new(Resource::new(10)).answer(Answer::fault(fault));
    let origin = Origin::new(Script::new().route("/f", route)).unwrap();
    let plan = origin.answer(&Request::get("/f"), Duration::ZERO);
    let short = plan.steps.iter().map(|step| match step {
        Step::Body(slice) => format!("{}+{}", slice.offset, slice.len),
        Step::Pause(wait) => format!("{wait:?}"),
        Step::Inline(_)
        | Step::Head
        | Step::Raw(_)
        | Step::Stall
        | Step::Close
        | Step::Reset
        | Step::Refuse => format!("{step:?}").split('(').next().unwrap().to_lowercase(),
    });
    (plan.head.unwrap().framing, short.collect::<Vec<_>>().join(" "))
}

#[test]
fn faults_step_by_step() {
    let table = [
        (Fault::CutAfter(4), Framing::Length(10), "head 0+4 close"),
        (Fault::CutAfter(0), Framing::Length(10), "head close"),
        (Fault::CutAfter(10), Framing::Length(10), "head 0+10"),
        (Fault::ResetAfter(4), Framing::Length(10), "head 0+4 reset"),
        (Fault::StallAfter(9), Framing::Length(10), "head 0+9 stall"),
        (Fault::StallAfter(99), Framing::Length(10), "head 0+10"),
        (Fault::Drip { piece: 4, every_ms: 5 }, Framing::Length(10), "head 5ms 0+4 5ms 4+4 5ms 8+2"),
        (Fault::LyingLength(20), Framing::Length(20), "head 0+10 close"),
        (Fault::BadChunk, Framing::Chunked, "head 0+5 raw close"),
        (Fault::Chunked, Framing::Chunked, "head 0+10"),
        (Fault::UntilClose, Framing::UntilClose, "head 0+10 close"),
    ];
    for (fault, framing, expected) in table {
        assert_eq!(steps(fault.clone()), (framing, expected.to_owned()), "{fault:?}");
    }
}

#[test]
fn a_fault_counts_from_the_start_of_the_range() {
    let route = Route::new(Resource::new(100)).answer(Answer::fault(Fault::CutAfter(4)));
    let (status, headers, bytes) = ask(route, &range("bytes=50-"));
    assert_eq!((status, bytes), (206, 4));
    assert!(headers.contains(&"content-length: 50".to_owned()));
    let chunk = Route::new(Resource::new(100)).answer(Answer::fault(Fault::BadChunk));
    let (status, headers, _) = ask(chunk, &range("bytes=200-"));
    assert_eq!(status, 416, "a 416 has nothing to harm");
    assert!(headers.contains(&"content-length: 0".to_owned()), "{headers:?}");
}

#[test]
fn statuses_and_redirects() {
    let answer = |answer| Route::new(Resource::new(1)).answer(answer);
    let with_body = Answer::Status { code: 503, body_size: 7, retry_after: Some(RetryAfter::DateIn(90)) };
    let (status, headers, bytes) = ask(answer(with_body), &Request::get("/f"));
    assert_eq!((status, bytes), (503, 7));
    assert_eq!(headers, ["retry-after: Thu, 01 Jan 2026 00:01:30 GMT", "content-length: 7"]);
    let (_, headers, _) = ask(answer(Answer::retry_after(429, RetryAfter::Secs(5))), &Request::get("/f"));
    assert_eq!(headers, ["retry-after: 5", "content-length: 0"]);
    assert_eq!(ask(answer(Answer::status(204)), &Request::get("/f")), (204, vec![], 0));

    let moved = || answer(Answer::redirect(307, "http://other:{port}/x"));
    let (_, headers, _) = ask(moved(), &Request::get("/f").with_host("here:81"));
    assert_eq!(headers, ["location: http://other:81/x", "content-length: 0"]);
    let (_, headers, _) = ask(moved(), &Request::get("/f").with_host("here"));
    assert_eq!(headers[0], "location: http://other/x");
}

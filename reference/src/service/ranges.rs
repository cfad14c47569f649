//! Going on where a download was cut: what is kept, what is asked, and what an answer to it means.

use crate::contract::{Method, Response};

/// Says that the resource is still the same: a strong entity tag, or else the date of its last change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Validator {
    Tag(String),
    Date(String),
}

impl Validator {
    /// The best one that an answer carries. A weak tag says nothing about bytes.
    pub(super) fn of(response: &Response) -> Option<Self> {
        let tag = response.header("etag").filter(|tag| tag.starts_with('"') && tag.len() > 1);
        tag.map(|tag| Self::Tag(tag.to_owned()))
            .or_else(|| response.header("last-modified").map(|date| Self::Date(date.to_owned())))
    }

    /// As it stands in `If-Range`.
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Tag(text) | Self::Date(text) => text,
        }
    }

    /// Does an answer say that the resource is another one now? One that is silent does not.
    fn contradicted_by(&self, response: &Response) -> bool {
        let (name, mine) = match self {
            Self::Tag(tag) => ("etag", tag),
            Self::Date(date) => ("last-modified", date),
        };
        response.header(name).is_some_and(|theirs| theirs != mine)
    }
}

/// The part of a body that has arrived.
#[derive(Clone, Debug, Default)]
pub(super) struct Partial {
    /// Bytes in the file.
    pub(super) received: u64,
    /// Bytes in all, if the server said so.
    pub(super) total: Option<u64>,
    /// Without one, the part is worth nothing after a cut.
    pub(super) validator: Option<Validator>,
    /// Has the server said that it takes ranges (`Some(true)`), or that it does not?
    pub(super) takes_ranges: Option<bool>,
}

impl Partial {
    /// A body that begins with this answer.
    pub(super) fn fresh(response: &Response, method: Method) -> Self {
        let takes_ranges = response.header("accept-ranges").map(|units| units.eq_ignore_ascii_case("bytes"));
        let reusable = method == Method::Get && response.status == 200;
        Self {
            received: 0,
            total: response.header("content-length").and_then(|length| length.trim().parse().ok()),
            validator: if reusable { Validator::of(response) } else { None },
            takes_ranges,
        }
    }

    /// Where to go on, and what makes that safe; `None` if the next request must ask for everything.
    pub(super) fn resume_point(&self) -> Option<(u64, &Validator)> {
        let validator = self.validator.as_ref()?;
        (self.received > 0 && self.takes_ranges != Some(false)).then_some((self.received, validator))
    }
}

/// What an answer means for the part that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It goes on exactly where the part ends. The number of bytes in all, if told.
    Append(Option<u64>),
    /// It is a whole answer: the part is replaced.
    Whole,
    /// It is of no use: ask again, for everything.
    AskAgain,
}

/// Judges the answer to a request for the bytes from `offset` on; `None`: no range was asked for.
pub(super) fn judge(offset: Option<u64>, part: &Partial, response: &Response) -> Verdict {
    let Some(offset) = offset else {
        return Verdict::Whole;
    };
    match response.status {
        206 => {
            // SES-08: never the tail of one version behind the head of another, and never a hole: a server may send
            // a merged range, several parts, or (ignoring If-Range) another version.
            let changed = part.validator.as_ref().is_some_and(|mine| mine.contradicted_by(response));
            match response.header("content-range").and_then(content_range) {
                Some((start, total)) if start == offset && !changed && agree(part.total, total) => {
                    Verdict::Append(total)
                }
                _ => Verdict::AskAgain,
            }
        }
        416 => Verdict::AskAgain,
        _ => Verdict::Whole,
    }
}

const fn agree(before: Option<u64>, now: Option<u64>) -> bool {
    match (before, now) {
        (Some(before), Some(now)) => before == now,
        (None, _) | (_, None) => true,
    }
}

/// First byte and number of bytes in all of `bytes 5-9/10`; the number may be `*`.
fn content_range(field: &str) -> Option<(u64, Option<u64>)> {
    let (unit, rest) = field.trim().split_once(' ')?;
    let (range, total) = rest.trim().split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let total = match total.trim() {
        "*" => None,
        number => Some(number.parse().ok()?),
    };
    (unit.eq_ignore_ascii_case("bytes") && first <= last).then_some((first, total))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)]) -> Response {
        let headers = headers.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Response { status, url: String::new(), headers }
    }

    fn part() -> Partial {
        let first = answer(200, &[("etag", "\"v1\""), ("content-length", "100"), ("accept-ranges", "bytes")]);
        Partial { received: 40, ..Partial::fresh(&first, Method::Get) }
    }

    #[test]
    fn every_way_servers_answer_a_range() {
        let case = |status, headers: &[(&str, &str)]| judge(Some(40), &part(), &answer(status, headers));
        assert_eq!(case(206, &[("content-range", "bytes 40-99/100")]), Verdict::Append(Some(100)));
        assert_eq!(case(206, &[("content-range", "bytes 40-99/*")]), Verdict::Append(None));
        assert_eq!(case(206, &[("content-range", "bytes 0-99/100")]), Verdict::AskAgain);
        assert_eq!(case(206, &[("content-range", "bytes 100-99/100")]), Verdict::AskAgain);
        assert_eq!(case(206, &[("content-range", "bytes 40-98/99")]), Verdict::AskAgain);
        assert_eq!(case(206, &[("content-range", "bytes 40-39/100")]), Verdict::AskAgain);
        assert_eq!(case(206, &[("content-range", "lines 40-99/100")]), Verdict::AskAgain);
        assert_eq!(case(206, &[("content-type", "multipart/byteranges; boundary=x")]), Verdict::AskAgain);
        let other_version = [("content-range", "bytes 40-99/100"), ("etag", "\"v2\"")];
        assert_eq!(case(206, &other_version), Verdict::AskAgain);
        assert_eq!(case(200, &[("content-range", "bytes 0-99/100")]), Verdict::Whole);
        assert_eq!(case(416, &[]), Verdict::AskAgain);
        assert_eq!(case(416, &[("content-range", "bytes */100")]), Verdict::AskAgain);
        assert_eq!(case(503, &[]), Verdict::Whole);
        assert_eq!(judge(None, &part(), &answer(206, &[])), Verdict::Whole);
    }

    #[test]
    fn a_part_is_kept_only_if_it_can_be_recognised() {
        assert_eq!(part().resume_point().map(|(at, v)| (at, v.as_str())), Some((40, "\"v1\"")));
        let weak = answer(200, &[("etag", "W/\"v1\"")]);
        assert_eq!(Validator::of(&weak), None);
        assert_eq!(Validator::of(&answer(200, &[("etag", "\"")])), None);
        let dated = answer(200, &[("etag", "W/\"v1\""), ("last-modified", "Tue, 01 Jan 2030 00:00:00 GMT")]);
        assert!(matches!(Validator::of(&dated), Some(Validator::Date(_))));
        assert!(Partial::fresh(&dated, Method::Post).validator.is_none());
        let refuses = Partial { takes_ranges: Some(false), ..part() };
        assert!(refuses.resume_point().is_none());
        assert!(Partial { received: 0, ..part() }.resume_point().is_none());
    }
}

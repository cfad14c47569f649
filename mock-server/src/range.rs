//! `Range` and `If-Range`, as the standard says and as real servers do.

use crate::script::Ranges;

/// More ranges than this in one header are ignored altogether, as RFC 9110 allows.
const MOST_RANGES: usize = 16;
/// lighttpd joins ranges with at most this many bytes between them.
const SMALL_GAP: u64 = 80;

/// What of the resource an answer holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    /// 200 and everything.
    Whole,
    /// 206 and one part: first and last byte.
    Part(u64, u64),
    /// 206 and several parts.
    Parts(Vec<(u64, u64)>),
    /// 206, nothing, and a `Content-Range` whose last byte lies before its first.
    Inverted,
    /// 416.
    Unsatisfiable,
}

/// What a server does where servers differ.
struct Dialect {
    /// Ranges count for HEAD too.
    head: bool,
    /// An invalid range (`9-3`, `x-y`).
    invalid: Selection,
    /// A unit other than bytes.
    unknown_unit: Selection,
    /// `-0`.
    last_none: Selection,
    /// Ranges that lie close together come as one.
    joins: bool,
}

fn dialect(ranges: Ranges) -> Dialect {
    let strict = Dialect {
        head: false,
        invalid: Selection::Unsatisfiable,
        unknown_unit: Selection::Whole,
        last_none: Selection::Unsatisfiable,
        joins: false,
    };
    match ranges {
        Ranges::Strict
        | Ranges::Ignored
        | Ranges::Refused
        | Ranges::NoValidator
        | Ranges::FromStart
        | Ranges::Half
        | Ranges::Httpbin => strict,
        Ranges::Apache => {
            Dialect { head: true, invalid: Selection::Whole, last_none: Selection::Whole, ..strict }
        }
        Ranges::Nginx => Dialect { head: true, ..strict },
        Ranges::Lighttpd => Dialect { joins: true, ..strict },
        Ranges::Caddy => Dialect {
            head: true,
            unknown_unit: Selection::Unsatisfiable,
            last_none: Selection::Inverted,
            ..strict
        },
    }
}

/// Whether a 416 says how long the resource is.
pub(crate) fn tells_length(ranges: Ranges) -> bool {
    !matches!(ranges, Ranges::Apache | Ranges::Lighttpd)
}

/// Whether `If-Range` lets a `Range` through. `None` for a validator that is not sent.
pub(crate) fn if_range_holds(value: &str, etag: Option<&str>, last_modified: Option<&str>) -> bool {
    // A weak tag begins with `W/` and so equals neither a strong tag nor a date: it never holds.
    let value = value.trim();
    etag == Some(value) || last_modified == Some(value)
}

/// What a request with this `Range` header gets of a resource of `size` bytes.
pub(crate) fn select(ranges: Ranges, method: &str, size: u64, header: &str) -> Selection {
    match ranges {
        Ranges::Ignored => return Selection::Whole,
        Ranges::Refused => return Selection::Unsatisfiable,
        Ranges::Httpbin => return httpbin(size, header),
        Ranges::Strict
        | Ranges::NoValidator
        | Ranges::FromStart
        | Ranges::Half
        | Ranges::Apache
        | Ranges::Nginx
        | Ranges::Lighttpd
        | Ranges::Caddy => {}
    }
    let dialect = dialect(ranges);
    if !(method == "GET" || method == "HEAD" && dialect.head) {
        return Selection::Whole;
    }
    match bytes_specs(header) {
        None => dialect.unknown_unit,
        Some(specs) => {
            let mut selection = resolve(&dialect, size, specs);
            match (&mut selection, ranges) {
                (Selection::Part(first, _), Ranges::FromStart) => *first = 0,
                (Selection::Part(first, last), Ranges::Half) => *last = *first + (*last - *first) / 2,
                _ => {}
            }
            selection
        }
    }
}

/// The list behind `bytes=`, or `None` for another unit.
fn bytes_specs(header: &str) -> Option<&str> {
    let (unit, specs) = header.split_once('=')?;
    unit.trim().eq_ignore_ascii_case("bytes").then_some(specs)
}

/// One element of a list: `first-last`, `first-` or `-count`.
enum Spec {
    From(u64, Option<u64>),
    Last(u64),
}

fn spec(text: &str) -> Option<Spec> {
    let (first, last) = text.split_once('-')?;
    match (first.trim(), last.trim()) {
        ("", count) => number(count).map(Spec::Last),
        (first, "") => number(first).map(|first| Spec::From(first, None)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(Spec::From(first, Some(last)))
        }
    }
}

/// Digits only; what is too large for any resource becomes the largest number.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

fn resolve(dialect: &Dialect, size: u64, specs: &str) -> Selection {
    let mut parts = [(0, 0); MOST_RANGES];
    let mut count = 0;
    for text in specs.split(',').map(str::trim).filter(|text| !text.is_empty()) {
        let part = match spec(text) {
            None => return dialect.invalid.clone(),
            Some(Spec::Last(0)) if dialect.last_none != Selection::Unsatisfiable => {
                return dialect.last_none.clone();
            }
            // RFC 9110 calls the last bytes of nothing satisfiable, and no 206 can say so.
            Some(Spec::Last(1..)) if size == 0 => return Selection::Whole,
            Some(Spec::Last(0)) => continue,
            Some(Spec::Last(wanted)) => (size - wanted.min(size), size - 1),
            Some(Spec::From(first, _)) if first >= size => continue,
            Some(Spec::From(first, last)) => (first, last.unwrap_or(u64::MAX).min(size - 1)),
        };
        if count == MOST_RANGES {
            return Selection::Whole;
        }
        parts[count] = part;
        count += 1;
    }
    if dialect.joins {
        count = join(&mut parts, count);
    }
    match &parts[..count] {
        [] => Selection::Unsatisfiable,
        [(first, last)] => Selection::Part(*first, *last),
        // A list that asks for more than there is would let a short request cause a huge answer.
        several
            if several.iter().map(|(first, last)| u128::from(last - first) + 1).sum::<u128>()
                > u128::from(size) =>
        {
            Selection::Whole
        }
        several => Selection::Parts(several.to_vec()),
    }
}

/// Joins parts that overlap or lie close together, keeping the order of first mention.
fn join(parts: &mut [(u64, u64)], mut count: usize) -> usize {
    let mut n = 0;
    while n < count {
        let (first, last) = parts[n];
        let near = |&(other_first, other_last): &(u64, u64)| {
            other_first <= last.saturating_add(SMALL_GAP) && first <= other_last.saturating_add(SMALL_GAP)
        };
        match parts[n + 1..count].iter().position(near) {
            Some(k) => {
                let (other_first, other_last) = parts[n + 1 + k];
                parts[n] = (first.min(other_first), last.max(other_last));
                parts.copy_within(n + 2 + k..count, n + 1 + k);
                count -= 1;
            }
            None => n += 1,
        }
    }
    count
}

/// httpbin takes what stands around the first `-` and reads what is no number as not there.
fn httpbin(size: u64, header: &str) -> Selection {
    let specs = match header.trim().strip_prefix("bytes").map(|rest| rest.split_once('=')) {
        Some(Some((_, specs))) if !specs.contains('=') => specs,
        _ => return Selection::Whole,
    };
    let mut ends = specs.split('-').map(|end| number(end.trim()));
    let (first, last) = match (ends.next().flatten(), ends.next().flatten()) {
        (None, None) => return Selection::Whole,
        (None, Some(count)) => (size.saturating_sub(count), size.checked_sub(1)),
        (Some(first), None) => (first, size.checked_sub(1)),
        (Some(first), Some(last)) => (first, Some(last)),
    };
    match last {
        Some(last) if first <= last && last < size => {
            if (first, last) == (0, size - 1) {
                Selection::Whole
            } else {
                Selection::Part(first, last)
            }
        }
        _ => Selection::Unsatisfiable,
    }
}

#[cfg(test)]
mod tests {
    use super::Selection::{Inverted, Part, Parts, Unsatisfiable, Whole};
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::{Config, RngSeed};

    fn get(ranges: Ranges, header: &str) -> Selection {
        select(ranges, "GET", 1_000, header)
    }

    const SERVERS: [Ranges; 6] =
        [Ranges::Strict, Ranges::Apache, Ranges::Nginx, Ranges::Lighttpd, Ranges::Caddy, Ranges::Httpbin];

    #[test]
    fn plain_ranges_are_alike_everywhere() {
        for server in SERVERS {
            assert_eq!(get(server, "bytes=0-99"), Part(0, 99), "{server:?}");
            assert_eq!(get(server, "bytes=-50"), Part(950, 999), "{server:?}");
            assert_eq!(get(server, "bytes=400-"), Part(400, 999), "{server:?}");
            assert_eq!(get(server, "bytes=1000-"), Unsatisfiable, "{server:?}");
            assert_eq!(get(server, "bytes=5000-6000"), Unsatisfiable, "{server:?}");
        }
        assert_eq!(get(Ranges::Strict, "bytes=900-5000"), Part(900, 999));
        assert_eq!(get(Ranges::Httpbin, "bytes=900-5000"), Unsatisfiable);
    }

    /// The rows in which the measured servers differ, one column a server, in the order of `SERVERS`.
    #[test]
    fn servers_differ_as_measured() {
        let table = [
            (
                "bytes=0-9,20-29",
                [
                    Parts(vec![(0, 9), (20, 29)]),
                    Parts(vec![(0, 9), (20, 29)]),
                    Parts(vec![(0, 9), (20, 29)]),
                    Part(0, 29),
                    Parts(vec![(0, 9), (20, 29)]),
                    Whole,
                ],
            ),
            ("bytes=9-3", [Unsatisfiable, Whole, Unsatisfiable, Unsatisfiable, Unsatisfiable, Unsatisfiable]),
            ("items=0-9", [Whole, Whole, Whole, Whole, Unsatisfiable, Whole]),
            ("bytes=-0", [Unsatisfiable, Whole, Unsatisfiable, Unsatisfiable, Inverted, Unsatisfiable]),
        ];
        for (header, expected) in table {
            assert_eq!(SERVERS.map(|server| get(server, header)), expected, "{header}");
        }
        let head = SERVERS.map(|server| select(server, "HEAD", 1_000, "bytes=0-99") != Whole);
        assert_eq!(head, [false, true, true, false, true, true]);
        assert_eq!(SERVERS.map(tells_length), [true, false, true, false, true, true]);
    }

    #[test]
    fn the_odd_profiles() {
        assert_eq!(get(Ranges::Ignored, "bytes=0-9"), Whole);
        assert_eq!(get(Ranges::Refused, "bytes=0-9"), Unsatisfiable);
        assert_eq!(get(Ranges::FromStart, "bytes=10-19"), Part(0, 19));
        assert_eq!(get(Ranges::Half, "bytes=10-19"), Part(10, 14));
        assert_eq!(get(Ranges::Half, "bytes=999-"), Part(999, 999));
        assert_eq!(get(Ranges::NoValidator, "bytes=10-19"), Part(10, 19));
    }

    #[test]
    fn lists() {
        assert_eq!(get(Ranges::Strict, "bytes= 0-9 , , 2000-"), Part(0, 9));
        assert_eq!(get(Ranges::Strict, "bytes=0-,0-,0-"), Whole, "more than there is");
        assert_eq!(get(Ranges::Strict, &format!("bytes={}", "0-0,".repeat(17))), Whole, "too many");
        assert_eq!(get(Ranges::Strict, "bytes=0-9,x"), Unsatisfiable);
        assert_eq!(get(Ranges::Strict, "bytes="), Unsatisfiable);
        assert_eq!(get(Ranges::Lighttpd, "bytes=0-9,200-209"), Parts(vec![(0, 9), (200, 209)]));
        assert_eq!(get(Ranges::Lighttpd, "bytes=200-209,0-9,100-150"), Parts(vec![(100, 209), (0, 9)]));
    }

    #[test]
    fn nothing_to_serve() {
        assert_eq!(select(Ranges::Strict, "GET", 0, "bytes=0-"), Unsatisfiable);
        assert_eq!(select(Ranges::Strict, "GET", 0, "bytes=-5"), Whole);
        assert_eq!(select(Ranges::Httpbin, "GET", 0, "bytes=0-"), Unsatisfiable);
        assert_eq!(select(Ranges::Strict, "POST", 10, "bytes=0-1"), Whole);
    }

    #[test]
    fn if_range_compares_strongly() {
        let (etag, date) = (Some("\"a\""), Some("Mon, 01 Dec 2025 00:00:00 GMT"));
        assert!(if_range_holds("\"a\"", etag, date));
        assert!(if_range_holds("Mon, 01 Dec 2025 00:00:00 GMT", etag, date));
        assert!(!if_range_holds("\"b\"", etag, date));
        assert!(!if_range_holds("W/\"a\"", etag, date));
        assert!(!if_range_holds("Mon, 01 Dec 2025 00:01:00 GMT", etag, date));
        assert!(!if_range_holds("\"a\"", None, None));
    }

    proptest! {
        #![proptest_config(Config { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..Config::default() })]

        /// Whatever is asked, what is selected lies inside the resource.
        #[test]
        fn a_selection_lies_inside(size in 0u64..50, header in "(bytes|items|x)?=?[0-9 ,x-]{0,24}",
                                    which in 0usize..Ranges::ALL.len(), head: bool) {
            let method = if head { "HEAD" } else { "GET" };
            let parts = match select(Ranges::ALL[which], method, size, &header) {
                Part(first, last) => vec![(first, last)],
                Parts(parts) => parts,
                Whole | Inverted | Unsatisfiable => vec![],
            };
            for (first, last) in parts {
                prop_assert!(first <= last && last < size, "{first}-{last} of {size}");
            }
        }
    }
}

//! HTTP dates. The origin has its own calendar, so that an answer depends on nothing but script and clock.

use std::time::{Duration, SystemTime};

/// Seconds from the Unix epoch to the date of an origin that starts at time zero: 2026-01-01 00:00:00 GMT.
pub(crate) const START: u64 = 1_767_225_600;
/// `Last-Modified` of version 0: 2025-12-01 00:00:00 GMT, a month before the origin starts.
pub(crate) const FIRST_VERSION: u64 = 1_764_547_200;
/// HTTP dates have four digits for the year.
const LAST: u64 = 253_402_300_799;

/// The date that lies that many seconds after the Unix epoch, at most the end of the year 9999.
pub(crate) fn http_date(unix_secs: u64) -> String {
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(unix_secs.min(LAST)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(http_date(START), "Thu, 01 Jan 2026 00:00:00 GMT");
        assert_eq!(http_date(FIRST_VERSION), "Mon, 01 Dec 2025 00:00:00 GMT");
        assert_eq!(http_date(u64::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
    }
}

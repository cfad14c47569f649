//! Addresses: which origin one belongs to, and where a redirect leads.

use url::Url;

use crate::contract::Method;

/// Scheme, host and port: what credentials must not cross, and what connections are counted by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Origin {
    pub(super) secure: bool,
    /// In lower case, without brackets around an IPv6 address.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Origin {
    /// The origin of an absolute `http` or `https` address; `None` if it is not one.
    pub(super) fn of(address: &str) -> Option<Self> {
        let (scheme, rest) = address.split_once("://")?;
        let secure = if scheme.eq_ignore_ascii_case("http") {
            false
        } else if scheme.eq_ignore_ascii_case("https") {
            true
        } else {
            return None;
        };
        let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
        let server = authority.rsplit_once('@').map_or(authority, |(_, server)| server);
        let (host, port) = match server.strip_prefix('[') {
            Some(v6) => {
                let (host, after) = v6.split_once(']')?;
                (host, after.strip_prefix(':').unwrap_or(""))
            }
            None => server.split_once(':').unwrap_or((server, "")),
        };
        if host.is_empty() {
            return None;
        }
        let port = match (port, secure) {
            ("", true) => 443,
            ("", false) => 80,
            (digits, _) => digits.parse().ok()?,
        };
        Some(Self { secure, host: host.to_ascii_lowercase(), port })
    }
}

/// Where a redirect leads, without the fragment.
pub(super) fn resolve(current: &str, location: &str) -> Result<String, &'static str> {
    let base = Url::parse(current).map_err(|_| "the address it starts from is unusable")?;
    let mut target = base.join(location).map_err(|_| "the location is no address")?;
    if !matches!(target.scheme(), "http" | "https") {
        return Err("it leads out of HTTP");
    }
    target.set_fragment(None);
    Ok(target.into())
}

/// Path and query as they stand in the request line: what a Digest login signs.
pub(super) fn request_target(address: &str) -> String {
    let Ok(url) = Url::parse(address) else {
        return "/".to_owned();
    };
    url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
}

/// Is this status a redirect that is followed when it names a location?
pub(super) const fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// The method after a redirect, and whether the body goes along: 303 and a POST by 301 or 302 become a plain GET.
pub(super) const fn redirected(status: u16, method: Method) -> (Method, bool) {
    match (status, method) {
        (303, _) | (301 | 302, Method::Post) => (Method::Get, false),
        _ => (method, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let origin = |address| Origin::of(address).map(|o| (o.secure, o.host, o.port));
        assert_eq!(origin("http://A.test/x"), Some((false, "a.test".into(), 80)));
        assert_eq!(origin("HTTPS://a.test?x"), Some((true, "a.test".into(), 443)));
        assert_eq!(origin("http://u:p@a.test:81#f"), Some((false, "a.test".into(), 81)));
        assert_eq!(origin("http://[::1]:8080/"), Some((false, "::1".into(), 8080)));
        for bad in
            ["", "a.test", "ftp://a.test/", "http://", "http:///x", "http://a.test:99999/", "file:///etc"]
        {
            assert_eq!(origin(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_location_is_resolved_against_the_current_address() {
        let from = "http://a.test/one/two?q";
        assert_eq!(resolve(from, "three").unwrap(), "http://a.test/one/three");
        assert_eq!(resolve(from, "/x#part").unwrap(), "http://a.test/x");
        assert_eq!(resolve(from, "//b.test:81").unwrap(), "http://b.test:81/");
        assert!(resolve(from, "ftp://a.test/").is_err());
        assert!(resolve(from, "http://[").is_err());
    }

    #[test]
    fn methods_after_each_redirect() {
        for status in [301, 302, 303, 307, 308] {
            assert!(is_redirect(status));
        }
        assert!(!is_redirect(300) && !is_redirect(304));
        assert_eq!(redirected(302, Method::Post), (Method::Get, false));
        assert_eq!(redirected(301, Method::Put), (Method::Put, true));
        assert_eq!(redirected(303, Method::Put), (Method::Get, false));
        assert_eq!(redirected(307, Method::Post), (Method::Post, true));
        assert_eq!(request_target("http://a.test/a b?c=d#e"), "/a%20b?c=d");
    }
}

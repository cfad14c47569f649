//! A request as the origin sees it.
#![expect(clippy::exhaustive_structs, reason = "fronts and tests write requests down, field by field")]

use crate::body;

/// A request whose body has been read and reduced to its length and digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Method, in capitals as sent.
    pub method: String,
    /// The `Host` header (or the authority of an absolute target) as sent, with its port if it has one.
    pub host: String,
    /// Path and query as sent.
    pub target: String,
    /// Header names and values in the order sent.
    pub headers: Vec<(String, String)>,
    /// Length of the body in bytes.
    pub body_size: u64,
    /// [`body::Digest`] of the body.
    pub body_hash: u64,
    /// Whose client certificate was shown, if the connection is over TLS and one was.
    pub identity: Option<String>,
}

impl Request {
    /// A request without headers or body to the host `localhost`.
    ///
    /// ```
    /// use bgsession_mock_server::Request;
    ///
    /// let request = Request::new("GET", "/file").with_header("Range", "bytes=100-");
    /// assert_eq!(request.header("range"), Some("bytes=100-"));
    /// ```
    pub fn new(method: impl Into<String>, target: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            host: "localhost".to_owned(),
            target: target.into(),
            headers: Vec::new(),
            body_size: 0,
            body_hash: body::hash(&[]),
            identity: None,
        }
    }

    /// A GET request.
    pub fn get(target: impl Into<String>) -> Self {
        Self::new("GET", target)
    }

    /// The request with one more header.
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The request to another host.
    pub fn with_host(mut self, host: impl Into<String>) -> Self {
        self.host = host.into();
        self
    }

    /// The request over a connection on which this identity's certificate was shown.
    pub fn with_identity(mut self, name: impl Into<String>) -> Self {
        self.identity = Some(name.into());
        self
    }

    /// The request with a body.
    pub fn with_body(mut self, bytes: &[u8]) -> Self {
        (self.body_size, self.body_hash) = (bytes.len() as u64, body::hash(bytes));
        self
    }

    /// The first header of that name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The path of the target, without its query.
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    /// The host without its port.
    pub fn host_name(&self) -> &str {
        split_port(&self.host).0
    }

    /// The port in the `Host`, if there is one.
    pub fn port(&self) -> Option<&str> {
        split_port(&self.host).1
    }
}

/// `host:port` apart; the colons of an IPv6 literal are not a port.
fn split_port(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => {
            (name, (!port.is_empty()).then_some(port))
        }
        _ => (host, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port_come_apart() {
        assert_eq!(split_port("example.org:8080"), ("example.org", Some("8080")));
        assert_eq!(split_port("example.org"), ("example.org", None));
        assert_eq!(split_port("example.org:"), ("example.org", None));
        assert_eq!(split_port("[::1]:80"), ("[::1]", Some("80")));
        assert_eq!(split_port("[::1]"), ("[::1]", None));
        assert_eq!(split_port("fe80::1"), ("fe80::1", None));
        assert_eq!(split_port(""), ("", None));
    }

    #[test]
    fn the_path_ends_at_the_query() {
        assert_eq!(Request::get("/a/b?c=/d").path(), "/a/b");
        assert_eq!(Request::get("/a").path(), "/a");
    }
}

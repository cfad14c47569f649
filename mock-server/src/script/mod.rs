//! What the origin does, as data: a map of paths to [`Route`]s that reads and writes as JSON.
//!
//! A script says nothing about clocks, sockets or threads, so the same one can be played on loopback and in
//! memory. The JSON form is the serde form of these types with one more field, `"format"`, so that a stored
//! script is still recognised when the form has moved on.
#![expect(
    clippy::exhaustive_structs,
    clippy::exhaustive_enums,
    reason = "a script is data that its users write down, field by field"
)]

mod answer;
mod check;
mod json;
mod login;
mod tls;

pub use answer::{Answer, Delivery, Fault, RetryAfter};
pub use check::ScriptError;
pub use json::FORMAT;
pub use login::{DigestAlgorithm, Login, Scheme};
pub use tls::{Greeting, Tls};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What an origin serves: routes by path.
///
/// A key is an absolute path (`/file`) or, to play several origins at once, `//host/path`. The host is compared
/// with the request's `Host` without its port; a request to a host that has no route of its own falls back to
/// the bare path.
///
/// ```
/// use bgsession_mock_server::{Answer, Fault, Resource, Route, Script};
///
/// let script = Script::new().route(
///     "/file",
///     Route::new(Resource::new(1_000)).answer(Answer::fault(Fault::CutAfter(400))).answer(Answer::serve()),
/// );
/// assert_eq!(Script::from_json(&script.to_json()).unwrap(), script);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "json::File", try_from = "json::File")]
pub struct Script {
    /// Routes by `/path` or `//host/path`.
    pub routes: BTreeMap<String, Route>,
    /// The hosts that are served over TLS, by name.
    pub tls: BTreeMap<String, Tls>,
}

impl Script {
    /// A script without routes: every request is answered with 404.
    pub fn new() -> Self {
        Self::default()
    }

    /// The script with one more route; a route of the same path is replaced.
    pub fn route(mut self, path: impl Into<String>, route: Route) -> Self {
        self.routes.insert(path.into(), route);
        self
    }

    /// The script with a host that is served over TLS.
    pub fn tls(mut self, host: impl Into<String>, tls: Tls) -> Self {
        self.tls.insert(host.into(), tls);
        self
    }
}

/// One path: what lies there, how ranges and logins are handled, and what happens request by request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Route {
    /// What lies at the path.
    pub resource: Resource,
    /// How `Range` and `If-Range` are understood.
    pub ranges: Ranges,
    /// Credentials that a request must carry; `None` lets everybody in.
    pub login: Option<Login>,
    /// `answers[n]` answers the n-th request that the login let in, whatever its method; the last one repeats
    /// for ever, a [`Answer::NewVersion`] with its change. Empty means [`Answer::serve`] for ever.
    pub answers: Vec<Answer>,
}

impl Route {
    /// A route that serves `resource` to everybody, with ranges as the standard says.
    pub fn new(resource: Resource) -> Self {
        Self { resource, ..Self::default() }
    }

    /// The route with another way to handle ranges.
    pub fn ranges(mut self, ranges: Ranges) -> Self {
        self.ranges = ranges;
        self
    }

    /// The route behind a login.
    pub fn login(mut self, login: Login) -> Self {
        self.login = Some(login);
        self
    }

    /// The route with one more answer at the end of its list.
    pub fn answer(mut self, answer: Answer) -> Self {
        self.answers.push(answer);
        self
    }
}

/// Content of a known size, made from a seed, with a version number that starts at 0.
///
/// [`Answer::NewVersion`] counts the version up, which changes the content and both validators.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Resource {
    /// Length in bytes.
    pub size: u64,
    /// Names the content; see [`Resource::content`].
    pub seed: u64,
    /// Whether a strong `ETag` is sent.
    pub etag: bool,
    /// Whether that tag is a weak one instead, which stays the same in every version.
    pub weak: bool,
    /// Whether `Last-Modified` is sent.
    pub last_modified: bool,
    /// `Content-Type`, if any.
    pub content_type: Option<String>,
}

impl Default for Resource {
    fn default() -> Self {
        Self { size: 0, seed: 0, etag: true, weak: false, last_modified: true, content_type: None }
    }
}

impl Resource {
    /// `size` bytes with both validators and seed 0.
    pub fn new(size: u64) -> Self {
        Self { size, ..Self::default() }
    }

    /// The resource with other content.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The resource without `ETag` and `Last-Modified`.
    pub fn without_validators(mut self) -> Self {
        (self.etag, self.last_modified) = (false, false);
        self
    }

    /// The resource with a weak tag, which never changes, as its only validator.
    pub fn weak(mut self) -> Self {
        (self.weak, self.last_modified) = (true, false);
        self
    }

    /// The whole content of one version, as a [`Slice`](crate::Slice) to compare a download with.
    pub fn content(&self, version: u64) -> crate::Slice {
        crate::Slice { seed: crate::body::content_seed(self.seed, version), offset: 0, len: self.size }
    }

    /// The `ETag` of one version, with its quotes, whether or not it is sent.
    pub fn etag_of(&self, version: u64) -> String {
        if self.weak {
            return format!("W/\"{:x}\"", self.seed);
        }
        format!("\"{:x}-{version}\"", self.seed)
    }

    /// The `Last-Modified` date of one version, whether or not it is sent: one minute later for each version,
    /// and always older than any answer, which is what makes it fit for `If-Range`.
    pub fn last_modified_of(&self, version: u64) -> String {
        crate::date::http_date(crate::date::FIRST_VERSION.saturating_add(version.saturating_mul(60)))
    }
}

/// How an origin understands `Range` and `If-Range`.
///
/// The named servers behave as measured on nginx 1.22.1, Apache 2.4.71, lighttpd 1.4.69, Caddy 2.6.2 and
/// httpbin 0.10.4; the table is in the README. Whatever they differ in, all of them ignore a range list that
/// asks for more bytes than there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ranges {
    /// RFC 9110: GET only, strong `If-Range` only, an invalid range is 416 with the length.
    #[default]
    Strict,
    /// Never heard of ranges: always 200 and the whole content, no `Accept-Ranges`.
    Ignored,
    /// Every request with a `Range` is refused with 416.
    Refused,
    /// As `Strict`, but neither `ETag` nor `Last-Modified` is sent and `If-Range` never holds.
    NoValidator,
    /// As `Strict`, but each 206 starts at byte 0 instead of the byte asked for, and says so in
    /// `Content-Range`: a client that does not look appends the wrong bytes.
    FromStart,
    /// As `Strict`, but each 206 holds the first half only of what was asked for, at least one byte, and says so in
    /// `Content-Range`: RFC 9110 section 14.2 allows it.
    Half,
    /// Apache httpd: no length on 416, `9-3` and `-0` give the whole, HEAD gives 206.
    Apache,
    /// nginx: HEAD gives 206.
    Nginx,
    /// lighttpd: ranges that lie close together come as one, no length on 416.
    Lighttpd,
    /// Caddy: an unknown unit is 416, `-0` is an empty 206 with an inverted `Content-Range`.
    Caddy,
    /// httpbin: ignores `If-Range`, sends `Content-Range` even with 200, cannot do lists.
    Httpbin,
}

impl Ranges {
    /// Every variant, for tables and generators.
    pub const ALL: [Self; 11] = [
        Self::Strict,
        Self::Ignored,
        Self::Refused,
        Self::NoValidator,
        Self::FromStart,
        Self::Half,
        Self::Apache,
        Self::Nginx,
        Self::Lighttpd,
        Self::Caddy,
        Self::Httpbin,
    ];
}

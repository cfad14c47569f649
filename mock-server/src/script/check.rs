//! Whether a script can be played, checked in one pass before the first request.

use super::{Answer, Delivery, Fault, Login, Route, Scheme, Script};

/// A `NewVersion` may hold a `NewVersion`; deeper than this is a mistake of the generator.
const DEEPEST_VERSION: usize = 16;
/// A plan lists every piece of a drip, so their number is bounded.
const MOST_PIECES: u64 = 65_536;

/// A script that cannot be played: where, what is wrong there, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}; {mend}")]
#[non_exhaustive]
pub struct ScriptError {
    /// Line and column of the JSON, or the route and the part of it.
    pub place: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub mend: String,
}

impl ScriptError {
    pub(crate) fn new(place: impl Into<String>, problem: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { place: place.into(), problem: problem.into(), mend: mend.into() }
    }
}

/// The innermost finding, without its place.
type Found = Result<(), (&'static str, &'static str)>;

impl Script {
    /// Checks that every answer can be given as written.
    ///
    /// # Errors
    /// The first finding, with the route it is in.
    ///
    /// ```
    /// use bgsession_mock_server::{Answer, Resource, Route, Script};
    ///
    /// let route = Route::new(Resource::new(1)).answer(Answer::status(700));
    /// let error = Script::new().route("/file", route).validate().unwrap_err();
    /// assert_eq!(error.to_string(), "route `/file`, answer 0: status 700 does not exist; use 200 to 599");
    /// ```
    pub fn validate(&self) -> Result<(), ScriptError> {
        for (key, route) in &self.routes {
            check_key(key).map_err(|(problem, mend)| {
                ScriptError::new(format!("route `{}`", key.escape_debug()), problem, mend)
            })?;
            check_route(key, route)?;
        }
        for host in self.tls.keys() {
            if host.is_empty()
                || !host.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'))
            {
                let place = format!("tls host `{}`", host.escape_debug());
                let mend = "write the host alone, in small letters";
                return Err(ScriptError::new(place, "no certificate can be made for that name", mend));
            }
        }
        Ok(())
    }
}

fn check_key(key: &str) -> Found {
    let path = match key.strip_prefix("//") {
        Some(rest) => match rest.find('/') {
            None | Some(0) => return Err(("a route of a named host needs both", "write `//host/path`")),
            Some(slash) => {
                let (host, path) = rest.split_at(slash);
                if host.contains(':') || host.bytes().any(|byte| byte.is_ascii_uppercase()) {
                    return Err((
                        "the host has a port or capitals",
                        "write the host alone, in small letters",
                    ));
                }
                path
            }
        },
        None => key,
    };
    if !path.starts_with('/') {
        return Err(("the path is not absolute", "begin it with `/`"));
    }
    if path.bytes().any(|byte| !byte.is_ascii_graphic() || byte == b'?' || byte == b'#') {
        return Err((
            "the path has a query, a fragment or bytes that no request line can hold",
            "write the path alone, percent-encoded",
        ));
    }
    Ok(())
}

fn check_route(key: &str, route: &Route) -> Result<(), ScriptError> {
    let at = |part: &str| format!("route `{key}`{part}");
    if let Some(kind) = &route.resource.content_type {
        check_value(kind)
            .map_err(|(problem, mend)| ScriptError::new(at(", resource.content_type"), problem, mend))?;
    }
    if let Some(login) = &route.login {
        check_login(login).map_err(|(problem, mend)| ScriptError::new(at(", login"), problem, mend))?;
    }
    for (n, answer) in route.answers.iter().enumerate() {
        check_answer(answer, route.resource.size)
            .map_err(|(problem, mend)| ScriptError::new(at(&format!(", answer {n}")), problem, mend))?;
    }
    Ok(())
}

/// A line break in a header value would end the header: the client would read a different answer.
fn check_value(value: &str) -> Found {
    if value.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return Err(("a header value has a control character", "take it out"));
    }
    Ok(())
}

fn check_login(login: &Login) -> Found {
    if login.schemes.is_empty() {
        return Err(("no scheme is offered", "list at least one of basic, digest, bearer"));
    }
    for scheme in &login.schemes {
        check_value(scheme.realm())?;
        match scheme {
            Scheme::Basic { .. } if login.user.contains(':') => {
                return Err(("a user of Basic cannot have a `:`", "take it out of `user`"));
            }
            Scheme::Bearer { .. } if login.token.is_empty() => {
                return Err(("Bearer needs a token", "set `token`"));
            }
            Scheme::Digest { stale_after: Some(0), .. } => {
                return Err(("`stale_after` 0 would let nobody in", "use 1 or more, or `never`"));
            }
            Scheme::Digest { opaque: Some(opaque), .. } => check_value(opaque)?,
            Scheme::Basic { .. }
            | Scheme::Bearer { .. }
            | Scheme::Digest { .. }
            | Scheme::Negotiate
            | Scheme::Ntlm => {}
        }
    }
    Ok(())
}

/// As [`Found`], with problems that quote a number.
fn check_answer(answer: &Answer, size: u64) -> Result<(), (String, &'static str)> {
    let mut answer = answer;
    for _ in 0..DEEPEST_VERSION {
        match answer {
            Answer::NewVersion(inner) => answer = inner,
            Answer::Serve(Delivery { fault: Some(fault), .. }) => return check_fault(fault, size),
            Answer::Status { code, body_size, .. } => return check_status(*code, *body_size),
            Answer::Redirect { code, location } => {
                if !matches!(code, 301 | 302 | 303 | 307 | 308) {
                    return Err((
                        format!("status {code} is not a redirect"),
                        "use 301, 302, 303, 307 or 308",
                    ));
                }
                return check_value(location).map_err(|(problem, mend)| (problem.to_owned(), mend));
            }
            // What begins like an answer could be one, and then memory and socket would not agree.
            Answer::Garbage(text) if text.is_empty() || text.starts_with("HTTP/") => {
                return Err((
                    "garbage that is empty or begins with `HTTP/` is not garbage".to_owned(),
                    "use drop_before_head, status or another text",
                ));
            }
            Answer::Serve(_)
            | Answer::DropBeforeHead
            | Answer::ResetBeforeHead
            | Answer::StallBeforeHead
            | Answer::Garbage(_)
            | Answer::Offline => return Ok(()),
        }
    }
    Err((format!("new_version is nested more than {DEEPEST_VERSION} deep"), "use one for each answer"))
}

fn check_status(code: u16, body_size: u64) -> Result<(), (String, &'static str)> {
    if !(200..600).contains(&code) {
        return Err((format!("status {code} does not exist"), "use 200 to 599"));
    }
    if body_size > 0 && crate::plan::never_has_body(code) {
        return Err((format!("status {code} never has a body"), "set body_size to 0"));
    }
    Ok(())
}

fn check_fault(fault: &Fault, size: u64) -> Result<(), (String, &'static str)> {
    if let Fault::Drip { piece, .. } = *fault {
        if piece == 0 {
            return Err(("a drip of 0 bytes never ends".to_owned(), "use a piece of 1 or more"));
        }
        if size / piece > MOST_PIECES {
            let problem = format!("{size} bytes in pieces of {piece} are more than {MOST_PIECES} pieces");
            return Err((problem, "use larger pieces"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DigestAlgorithm, Resource};

    fn finding(key: &str, route: Route) -> String {
        Script::new().route(key, route).validate().unwrap_err().to_string()
    }

    fn answer(answer: Answer) -> String {
        finding("/f", Route::new(Resource::new(1 << 20)).answer(answer))
    }

    fn login(login: Login) -> String {
        finding("/f", Route::default().login(login))
    }

    #[test]
    fn keys() {
        for good in ["/", "/file", "/a/b%20c", "//host/", "//10.0.0.1/x"] {
            assert_eq!(Script::new().route(good, Route::default()).validate(), Ok(()), "{good}");
        }
        for bad in ["", "file", "//host", "///x", "//Host/x", "//host:80/x", "/a b", "/a?b", "/é"] {
            assert!(Script::new().route(bad, Route::default()).validate().is_err(), "{bad}");
        }
        assert_eq!(
            finding("file", Route::default()),
            "route `file`: the path is not absolute; begin it with `/`"
        );
    }

    #[test]
    fn answers() {
        assert!(answer(Answer::status(99)).contains("answer 0: status 99 does not exist"));
        assert!(answer(Answer::redirect(304, "/x")).contains("status 304 is not a redirect"));
        assert!(answer(Answer::redirect(302, "/x\r\nset-cookie: a")).contains("control character"));
        assert!(answer(Answer::Garbage(String::new())).contains("is not garbage"));
        assert!(answer(Answer::Garbage("HTTP/1.1 200 OK".into())).contains("is not garbage"));
        assert!(answer(Answer::fault(Fault::Drip { piece: 0, every_ms: 1 })).contains("never ends"));
        assert!(answer(Answer::fault(Fault::Drip { piece: 1, every_ms: 1 })).contains("larger pieces"));
        let with_body = Answer::Status { code: 204, body_size: 1, retry_after: None };
        assert!(answer(with_body).contains("status 204 never has a body"));
        let deep = (0..20).fold(Answer::serve(), |inner, _| Answer::new_version(inner));
        assert!(answer(deep).contains("nested more than 16 deep"));
    }

    #[test]
    fn logins() {
        assert!(login(Login::new("a", "b")).contains("no scheme is offered"));
        assert!(login(Login::new("a:b", "c").scheme(Scheme::basic("r"))).contains("cannot have a `:`"));
        assert!(login(Login::default().scheme(Scheme::bearer("r"))).contains("needs a token"));
        assert!(login(Login::new("a", "b").scheme(Scheme::basic("a\nb"))).contains("control character"));
        let stale = Scheme::Digest {
            realm: "r".into(),
            algorithm: DigestAlgorithm::Md5,
            stale_after: Some(0),
            opaque: None,
        };
        assert!(login(Login::new("a", "b").scheme(stale)).contains("would let nobody in"));
    }
}

//! The JSON form of a script.

use super::{Route, Script, ScriptError, Tls};
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// What the field `"format"` of a script must say.
pub const FORMAT: &str = "bgsession-script/1";

impl Script {
    /// Reads the JSON form and checks it with [`Script::validate`].
    ///
    /// # Errors
    /// Not JSON, a field that does not exist, or a script that could not be played. The error says where and
    /// what to do.
    ///
    /// ```
    /// use bgsession_mock_server::Script;
    ///
    /// let script = Script::from_json(r#"{
    ///     "format": "bgsession-script/1",
    ///     "routes": {"/file": {"resource": {"size": 100}, "answers": [{"status": {"code": 503}}, {"serve": {}}]}}
    /// }"#)?;
    /// assert_eq!(script.routes["/file"].answers.len(), 2);
    /// # Ok::<(), bgsession_mock_server::ScriptError>(())
    /// ```
    pub fn from_json(text: &str) -> Result<Self, ScriptError> {
        let script: Self = serde_json::from_str(text).map_err(|error| located(&error))?;
        script.validate()?;
        Ok(script)
    }

    /// Writes the JSON form, indented, ending in a newline.
    ///
    /// # Panics
    /// Never: a script has nothing in it that JSON cannot hold.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("plain data always has a JSON form");
        text.push('\n');
        text
    }
}

/// What is in the file: the script with its format.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    format: String,
    #[serde(default, deserialize_with = "unique")]
    routes: BTreeMap<String, Route>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tls: BTreeMap<String, Tls>,
}

impl From<Script> for File {
    fn from(script: Script) -> Self {
        Self { format: FORMAT.to_owned(), routes: script.routes, tls: script.tls }
    }
}

impl TryFrom<File> for Script {
    type Error = String;

    fn try_from(file: File) -> Result<Self, String> {
        if file.format == FORMAT {
            Ok(Self { routes: file.routes, tls: file.tls })
        } else {
            Err(format!("the format is `{}`, and this program reads `{FORMAT}`", file.format))
        }
    }
}

/// Serde keeps the last of two equal keys without a word; in a script that would hide a route.
fn unique<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Route>, D::Error> {
    struct Routes;

    impl<'de> Visitor<'de> for Routes {
        type Value = BTreeMap<String, Route>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map from path to route")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut routes = BTreeMap::new();
            while let Some((path, route)) = map.next_entry::<String, Route>()? {
                if routes.contains_key(&path) {
                    return Err(A::Error::custom(format_args!("route `{path}` is there twice")));
                }
                routes.insert(path, route);
            }
            Ok(routes)
        }
    }

    deserializer.deserialize_map(Routes)
}

fn located(error: &serde_json::Error) -> ScriptError {
    let full = error.to_string();
    let suffix = format!(" at line {} column {}", error.line(), error.column());
    let problem = full.strip_suffix(suffix.as_str()).unwrap_or(&full);
    let mend = match error.classify() {
        serde_json::error::Category::Eof => "the file ends too early: is a bracket or a quote missing?",
        serde_json::error::Category::Syntax => "mend the JSON there",
        serde_json::error::Category::Data | serde_json::error::Category::Io => {
            "the script reference in the README shows every field"
        }
    };
    let place = match (error.line(), error.column()) {
        // Errors about the script as a whole carry no position.
        (0, _) => "script".to_owned(),
        (line, column) => format!("line {line}, column {column}"),
    };
    ScriptError::new(place, problem, mend)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Answer, Delivery, Fault, Login, Ranges, Resource, RetryAfter, Scheme};

    fn refused(text: &str) -> String {
        Script::from_json(text).unwrap_err().to_string()
    }

    #[test]
    fn the_json_form_is_the_documented_one() {
        let script = Script::new().route(
            "/file",
            Route::new(Resource::new(10).seed(3))
                .ranges(Ranges::Nginx)
                .login(Login::new("ann", "pw").scheme(Scheme::basic("home")))
                .answer(Answer::retry_after(503, RetryAfter::Secs(5)))
                .answer(Answer::new_version(Answer::Offline))
                .answer(Answer::Serve(Delivery { delay_ms: 7, fault: Some(Fault::CutAfter(4)) })),
        );
        let text = r#"{"format":"bgsession-script/1","routes":{"/file":{
            "resource":{"size":10,"seed":3,"etag":true,"last_modified":true,"content_type":null},
            "ranges":"nginx",
            "login":{"schemes":[{"basic":{"realm":"home"}}],"user":"ann","password":"pw"},
            "answers":[
                {"status":{"code":503,"retry_after":{"secs":5}}},
                {"new_version":"offline"},
                {"serve":{"delay_ms":7,"fault":{"cut_after":4}}}]}}}"#;
        assert_eq!(Script::from_json(text).unwrap(), script);
        assert_eq!(Script::from_json(&script.to_json()).unwrap(), script);
    }

    #[test]
    fn errors_name_the_place_and_the_mend() {
        assert_eq!(
            refused("{\"format\":\"bgsession-script/1\",\n\"rutes\":{}}"),
            "line 2, column 7: unknown field `rutes`, expected one of `format`, `routes`, `tls`; the script reference in \
             the README shows every field"
        );
        assert_eq!(
            refused("{\"format\":\"bgsession-script/1\""),
            "line 1, column 30: EOF while parsing an object; the file ends too early: is a bracket or a quote \
             missing?"
        );
        assert!(refused(r#"{"format":"other/2"}"#).contains("the format is `other/2`"));
        let twice = r#"{"format":"bgsession-script/1","routes":{"/a":{},"/a":{}}}"#;
        assert!(refused(twice).contains("route `/a` is there twice"), "{}", refused(twice));
    }
}

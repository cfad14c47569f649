//! Scenarios as readable files: what a failure leaves behind, and what is replayed before anything is generated.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Scenario, Setup, Step};

/// What a scenario file must say.
const FORMAT: &str = "bgsession-scenario/1";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    #[serde(default)]
    setup: Setup,
    steps: Vec<Step>,
}

/// Why a text is not a scenario.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScenarioError {
    /// It is no JSON, or not of this shape.
    #[error("line {line}, column {column}: {reason}")]
    Json {
        /// Which line, from 1.
        line: usize,
        /// Which column, from 1.
        column: usize,
        /// What is wrong.
        reason: String,
    },
    /// It is of another format.
    #[error("the format is {found:?}, this reads {FORMAT:?}")]
    Format {
        /// What it says.
        found: String,
    },
    /// A value can not be used.
    #[error("{0}")]
    Value(&'static str),
}

impl Scenario {
    /// The scenario as a file: readable JSON with a step on each line. `rule` says what it broke. Of the set-up it says
    /// what differs from the default, which is part of the format.
    ///
    /// # Panics
    ///
    /// Never: scenarios are plain data.
    #[must_use]
    pub fn to_json(&self, rule: Option<&str>) -> String {
        let line = |value: &dyn erased::Json| value.json();
        let mut text = format!("{{\n  \"format\": \"{FORMAT}\",\n");
        if let Some(rule) = rule {
            text.push_str(&format!("  \"rule\": {},\n", line(&rule)));
        }
        let setup = differences(&self.setup);
        if !setup.is_empty() {
            text.push_str(&format!("  \"setup\": {},\n", line(&setup)));
        }
        text.push_str("  \"steps\": [\n");
        let steps: Vec<String> = self.steps.iter().map(|step| format!("    {}", line(step))).collect();
        text.push_str(&steps.join(",\n"));
        text.push_str("\n  ]\n}\n");
        text
    }

    /// Reads a scenario file.
    ///
    /// # Errors
    ///
    /// [`ScenarioError`] names the place and what is wrong with it.
    pub fn from_json(text: &str) -> Result<Self, ScenarioError> {
        let file: File = serde_json::from_str(text).map_err(|error| ScenarioError::Json {
            line: error.line(),
            column: error.column(),
            reason: crate::history::without_place(&error),
        })?;
        if file.format != FORMAT {
            return Err(ScenarioError::Format { found: file.format });
        }
        let scenario = Self { setup: file.setup, steps: file.steps };
        scenario.check()?;
        Ok(scenario)
    }

    fn check(&self) -> Result<(), ScenarioError> {
        if self.setup.finishes.is_empty() || self.setup.replies.is_empty() {
            return Err(ScenarioError::Value(
                "setup.finishes and setup.replies need at least one entry each",
            ));
        }
        if self.setup.launch.0 == 0 || self.setup.latency.0 == 0 {
            return Err(ScenarioError::Value("setup.launch and setup.latency must be at least 1 ms"));
        }
        if self.steps.len() > 10_000 {
            return Err(ScenarioError::Value("more than 10,000 steps"));
        }
        Ok(())
    }
}

/// The fields that are not as in the default.
fn differences(setup: &Setup) -> Map<String, Value> {
    let fields = |setup: &Setup| match serde_json::to_value(setup) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    let default = fields(&Setup::default());
    fields(setup).into_iter().filter(|(name, value)| default.get(name) != Some(value)).collect()
}

mod erased {
    /// Anything that can be written as one line of JSON.
    pub(super) trait Json {
        fn json(&self) -> String;
    }

    impl<T: serde::Serialize> Json for T {
        fn json(&self) -> String {
            serde_json::to_string(self).expect("scenarios are plain data")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Focus, scenarios};
    use super::*;

    #[test]
    fn every_scenario_survives_its_file() {
        for seed in 0..200 {
            let scenario = scenarios(Focus::GENERAL).generate(seed);
            assert_eq!(Scenario::from_json(&scenario.to_json(Some("SCH-13"))).unwrap(), scenario);
        }
    }

    #[test]
    fn a_bad_file_is_refused_with_its_place() {
        let say = |text: &str| Scenario::from_json(text).unwrap_err().to_string();
        assert!(say("{\n\"format\": 5").starts_with("line 2, column 11"));
        assert!(say("{\"format\":\"x\",\"steps\":[]}").contains("bgsession-scenario/1"));
        let unknown = "{\"format\":\"bgsession-scenario/1\",\"steps\":[{\"fly\":{}}]}";
        assert!(say(unknown).contains("unknown variant `fly`"), "{}", say(unknown));
    }
}

//! Other numbers and switches than the documents' own: `--set NAME=VALUE`.

use bgsession_conformance::contract::Policy;
use serde_json::Value;

use crate::catalogue::distance;
use crate::failure::Failure;

/// A policy with these changes; the last of several to one name counts.
pub(crate) fn changed(mut policy: Policy, settings: &[String]) -> Result<Policy, Failure> {
    let wrong = |setting: &str, reason: String| Failure::Setting { setting: setting.to_owned(), reason };
    for setting in settings {
        let (name, value) = setting
            .split_once('=')
            .ok_or_else(|| wrong(setting, "a name, an equals sign and a value are wanted".to_owned()))?;
        let mut fields = serde_json::to_value(&policy).expect("it is plain data");
        let names = names("", &fields);
        let place = fields.pointer_mut(&format!("/{}", name.replace('.', "/")));
        let Some(place) = place.filter(|place| !place.is_object()) else {
            return Err(wrong(setting, unknown(name, &names)));
        };
        *place = match value {
            "none" => Value::Null,
            _ => value.parse().map_or_else(|_| Value::from(value), |number: Number| number.0),
        };
        policy = serde_json::from_value(fields).map_err(|error| wrong(setting, error.to_string()))?;
    }
    Ok(policy)
}

/// Whole or broken: which of the two a field wants, its own type says.
struct Number(Value);

impl std::str::FromStr for Number {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let whole = text.parse::<u64>().map(Value::from);
        whole.or_else(|_| text.parse::<f64>().map(Value::from)).map(Self).map_err(|_| ())
    }
}

/// Every name that can be set: `budget_window`, `allowances.url_session`.
fn names(before: &str, fields: &Value) -> Vec<String> {
    let mut all = Vec::new();
    for (name, value) in fields.as_object().into_iter().flatten() {
        let name = format!("{before}{name}");
        if value.is_object() {
            all.extend(names(&format!("{name}."), value));
        } else {
            all.push(name);
        }
    }
    all
}

fn unknown(name: &str, names: &[String]) -> String {
    let nearest = names.iter().min_by_key(|known| distance(name, known)).map_or("", String::as_str);
    format!("there is no {name:?}; did you mean {nearest:?}? The names are {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bgsession_conformance::contract::OverBudgetWakes;

    use super::*;

    fn set(settings: &[&str]) -> Result<Policy, String> {
        let settings: Vec<String> = settings.iter().map(|setting| (*setting).to_owned()).collect();
        changed(Policy::default(), &settings).map_err(|failure| failure.to_string())
    }

    #[test]
    fn what_is_set_is_changed_and_nothing_else() {
        assert_eq!(set(&[]), Ok(Policy::default()));
        let wanted = Policy {
            over_budget_wakes: OverBudgetWakes::Queue,
            budget_window: Duration::from_millis(1_500),
            limiter_floor: Some(Duration::from_secs(60)),
            limiter_factor: 3,
            ..Policy::default()
        };
        let settings =
            ["over_budget_wakes=queue", "budget_window=1.5", "limiter_floor=60", "limiter_factor=3"];
        assert_eq!(set(&settings), Ok(wanted));
        assert_eq!(set(&["limiter_floor=60", "limiter_floor=none"]), Ok(Policy::default()));
        let longer = set(&["allowances.url_session=25"]).expect("it can be set").allowances;
        assert_eq!(longer.url_session, Duration::from_secs(25));
        assert_eq!(longer.snapshot, Policy::default().allowances.snapshot);
    }

    #[test]
    fn what_can_not_be_set_is_said_with_what_can() {
        let said = |setting: &str| set(&[setting]).expect_err("it can not be set");
        assert!(said("over_budget_wake=queue").contains("did you mean \"over_budget_wakes\""));
        assert!(said("allowances=25").contains("allowances.url_session"));
        assert!(
            said("over_budget_wakes=both").contains("expected `merge` or `queue`"),
            "{}",
            said("over_budget_wakes=both")
        );
        assert!(said("budget_window=-1").contains("negative"), "{}", said("budget_window=-1"));
        assert!(said("budget_window").contains("equals sign"));
    }
}

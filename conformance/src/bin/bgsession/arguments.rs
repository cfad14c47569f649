//! What can be said on the command line.

use std::path::PathBuf;

use bgsession_conformance::contract::Policy;
use bgsession_conformance::rules::{RULES, Rule};
use bgsession_conformance::{DEFAULT_SEED, Role, Subject, World};
use clap::{Args, Parser, Subcommand, ValueEnum, value_parser};

use crate::failure::Failure;
use crate::policy;

const AFTER: &str = "\
Examples:
  bgsession                           every rule in both worlds: the main job
  bgsession --rule SCH-13 --rule SES-03 --world sim
  bgsession --time 60 --seed 1000     explore seeds 1000, 1001, … for a minute
  bgsession --regressions regressions replay what failed before, keep what fails
  bgsession --role delegate           only the reference's apps
  bgsession --role actions            only what runs its closures
  bgsession --replay SCH-19-sim.json --timeline
  bgsession --replay SCH-19-sim.json --world sim --history > history.jsonl
  bgsession --set over_budget_wakes=queue   the other reading, other numbers
  bgsession explain SCH-19
  bgsession judge app.jsonl           the log of an app on a device

Exit code: 0 everything passed; 1 something is not passed; 2 bad usage, a file
that can not be used, or a world that can not be set up.";

const ABOUT: &str = "\
Judges background URL sessions that wake an app.

Without arguments the reference implementation is judged by every rule: its
scheduler and sessions first, then what runs closures, then its apps. There are
two worlds: `sim`, an origin in memory, and `http`, real HTTP on loopback. To
judge an implementation of yours, add the library as a dev-dependency instead.";

/// The command line. Short and long help are the same text.
#[derive(Debug, Parser)]
#[command(name = "bgsession", version, about = ABOUT, after_help = AFTER, args_conflicts_with_subcommands = true)]
#[command(disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) job: Option<Job>,
    #[command(flatten)]
    pub(crate) run: RunArguments,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Job {
    /// Judge the reference (the same as naming no command)
    #[command(after_help = AFTER)]
    Run(RunArguments),
    /// List the rules
    Rules {
        /// As the Markdown page that is kept in conformance/RULES.md
        #[arg(long)]
        markdown: bool,
    },
    /// Judge logs that an app has written
    #[command(after_help = JUDGE)]
    Judge(JudgeArguments),
    /// Say everything about one rule
    Explain {
        /// Its id, such as SCH-19
        id: String,
    },
}

const JUDGE: &str = "\
A log has one JSON object on each line; conformance/LOGS.md says what to log
and where. Each log is judged by the rules that it tells enough for.

Exit code: 0 nothing is broken; 1 a rule is broken; 2 a log can not be read, or
puts no rule to the test.";

#[derive(Debug, Args)]
pub(crate) struct JudgeArguments {
    /// Files to judge, each by itself; - for standard input
    #[arg(required = true, value_name = "LOG")]
    pub(crate) logs: Vec<PathBuf>,
    /// Judge only this, perhaps optional, rule
    #[arg(long = "rule", value_name = "ID")]
    rules: Vec<String>,
    /// Another number (of seconds) or reading
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub(crate) settings: Vec<String>,
    /// Leave out lines that can not be read
    #[arg(long)]
    pub(crate) lenient: bool,
    /// Wall time for each task [default: 15]
    #[arg(long, value_name = "SECONDS", value_parser = value_parser!(u16).range(1..))]
    pub(crate) allowance: Option<u16>,
    /// How prominent the app is: face, dock, none
    #[arg(long, value_enum, hide_possible_values = true)]
    pub(crate) class: Option<Class>,
}

/// The command's word for an app's class.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Class {
    Face,
    Dock,
    None,
}

impl JudgeArguments {
    /// The rules to judge; the default profile if none was named.
    pub(crate) fn rules(&self) -> Result<Vec<&'static Rule>, Failure> {
        named(&self.rules, |rule| rule.basis.is_default())
    }
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// Judge only this rule; may be repeated
    #[arg(long = "rule", value_name = "ID")]
    rules: Vec<String>,
    /// Judge only system, delegate or actions [default: all]
    #[arg(long, value_enum, hide_possible_values = true)]
    role: Option<Part>,
    /// Another number (of seconds) or reading
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub(crate) settings: Vec<String>,
    /// Play only in this world, sim or http [default: both]
    #[arg(long, value_enum, hide_possible_values = true)]
    world: Option<Place>,
    /// Scenarios for each rule [default: 400 sim, 150 http]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    pub(crate) cases: Option<u32>,
    /// All sequences of up to N steps first [default: 6]
    #[arg(long, value_name = "N", value_parser = value_parser!(u8).range(..=9))]
    pub(crate) depth: Option<u8>,
    /// Where the scenarios come from
    #[arg(long, value_name = "N", default_value_t = DEFAULT_SEED)]
    pub(crate) seed: u64,
    /// Go on with further seeds until the time is up
    #[arg(long, value_name = "SECONDS", value_parser = value_parser!(u64).range(1..))]
    pub(crate) time: Option<u64>,
    /// Threads [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// Folder to replay first, and to keep failures in
    #[arg(long, value_name = "DIR")]
    pub(crate) regressions: Option<PathBuf>,
    /// Play only the scenario in this file; may be repeated
    #[arg(long, value_name = "FILE", conflicts_with_all = ["cases", "depth", "seed", "time", "regressions"])]
    pub(crate) replay: Vec<PathBuf>,
    /// With --replay: print JSON Lines histories, no report
    #[arg(long, requires = "replay", conflicts_with = "timeline")]
    pub(crate) history: bool,
    /// With --replay: print timelines before the report
    #[arg(long, requires = "replay")]
    pub(crate) timeline: bool,
    /// With --replay: print Mermaid diagrams, no report
    #[arg(long, requires = "replay", conflicts_with_all = ["timeline", "history"])]
    pub(crate) mermaid: bool,
}

/// What the reference is judged as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Scheduler and sessions together.
    System,
    /// Apps.
    Delegate,
    /// What runs closures.
    Actions,
}

/// The command's word for a [`World`].
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Place {
    Sim,
    Http,
}

impl RunArguments {
    /// Was a choice made among the rules?
    pub(crate) const fn names_rules(&self) -> bool {
        !self.rules.is_empty()
    }

    /// The documents' numbers and switches, with what was set.
    pub(crate) fn policy(&self) -> Result<Policy, Failure> {
        policy::changed(Policy::default(), &self.settings)
    }

    /// An app is judged by its own policy with what was set.
    pub(crate) fn judged_by(&self, app: Subject) -> Result<Subject, Failure> {
        let policy = policy::changed(app.policy().clone(), &self.settings)?;
        Ok(app.with_policy(policy))
    }

    /// The rules to judge, in the order of the catalogue, each once.
    pub(crate) fn rules(&self) -> Result<Vec<&'static Rule>, Failure> {
        named(&self.rules, |_| true)
    }

    /// What to judge: what was named, else what the named rules are about.
    pub(crate) fn judges(&self, part: Part) -> Result<bool, Failure> {
        let role = match part {
            Part::System => Role::System,
            Part::Delegate => Role::Delegate,
            Part::Actions => Role::Actions,
        };
        let bound = self.rules()?.iter().any(|rule| rule.binds.contains(&role));
        Ok(self.role.map_or(bound, |named| named == part))
    }

    /// Where to play.
    pub(crate) fn worlds(&self) -> Vec<World> {
        match self.world {
            None => World::available().to_vec(),
            Some(Place::Sim) => vec![World::Sim],
            Some(Place::Http) => vec![World::Http],
        }
    }

    /// Worker threads; 0 for as many as there are processors.
    pub(crate) fn threads(&self) -> usize {
        self.threads.map_or(0, usize::from)
    }
}

/// The named rules in the order of the catalogue, each once; if none was named, those that are judged by default.
fn named(ids: &[String], by_default: impl Fn(&Rule) -> bool) -> Result<Vec<&'static Rule>, Failure> {
    let named = ids.iter().map(|id| crate::catalogue::find(id)).collect::<Result<Vec<_>, _>>()?;
    let wanted = |rule: &&Rule| {
        if named.is_empty() { by_default(rule) } else { named.iter().any(|one| one.id == rule.id) }
    };
    Ok(RULES.iter().filter(wanted).collect())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound_and_its_help_fits_a_terminal() {
        let mut command = Arguments::command();
        command.clone().debug_assert();
        let mut pages = vec![command.render_help()];
        pages.extend(command.get_subcommands_mut().map(clap::Command::render_help));
        for line in
            pages.iter().flat_map(|page| page.to_string().lines().map(str::to_owned).collect::<Vec<_>>())
        {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }

    #[test]
    fn named_rules_are_judged_in_the_order_of_the_catalogue_and_once() {
        let arguments =
            Arguments::parse_from(["bgsession", "--rule", "ses-03", "--rule", "SCH-13", "--rule", "SES-03"]);
        let ids: Vec<_> = arguments.run.rules().unwrap().iter().map(|rule| rule.id).collect();
        assert_eq!(ids, ["SCH-13", "SES-03"]);
    }
}

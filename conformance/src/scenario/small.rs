//! Every small scenario: all sequences of the core actions up to a length, for what chance might leave out.

use super::{Download, Route, Scenario, Setup, Span, Step};

/// All sequences of up to `depth` core actions: a download in either of two sessions, a login, leaving, coming back, a
/// purge, an application refresh, a short and a long wait. At most two transfers, one login, one purge and one refresh;
/// actions that would do nothing are left out, and so is waiting twice in a row. Shortest first.
///
/// ```
/// use bgsession_conformance::scenario::small_worlds;
///
/// assert_eq!(small_worlds(1).len(), 6);
/// assert!(small_worlds(4).iter().all(|scenario| scenario.steps.len() <= 4));
/// ```
#[must_use]
pub fn small_worlds(depth: usize) -> Vec<Scenario> {
    let mut found = Vec::new();
    for length in 1..=depth {
        extend(&mut Vec::new(), State::default(), length, &mut found);
    }
    found
}

#[derive(Clone, Copy, Default)]
struct State {
    away: bool,
    transfers: u8,
    logins: u8,
    purges: u8,
    refreshes: u8,
    waited: bool,
}

fn extend(steps: &mut Vec<Step>, state: State, more: usize, found: &mut Vec<Scenario>) {
    if more == 0 {
        found.push(Scenario { setup: Setup::default(), steps: steps.clone() });
        return;
    }
    for (step, next) in moves(state) {
        steps.push(step);
        extend(steps, next, more - 1, found);
        steps.pop();
    }
}

/// What can be done now, and what is so afterwards.
fn moves(state: State) -> impl Iterator<Item = (Step, State)> {
    let here = !state.away;
    let acted = State { waited: false, ..state };
    let download = |session, route| Step::Download(Download { session, route, ..Download::default() });
    let transfer = State { transfers: state.transfers + 1, ..acted };
    let possible = [
        (here && state.transfers < 2, download(0, Route::Plain), transfer),
        // The second session is interesting beside the first only.
        (here && state.transfers == 1, download(1, Route::Plain), transfer),
        (
            here && state.transfers < 2 && state.logins < 1,
            download(0, Route::LoginBasic),
            State { logins: 1, ..transfer },
        ),
        (here && state.refreshes < 1, Step::Refresh { after: Span(60_000) }, State { refreshes: 1, ..acted }),
        (here, Step::Leave, State { away: true, ..acted }),
        (state.away, Step::Enter, State { away: false, ..acted }),
        (state.away && state.purges < 1, Step::Purge, State { purges: 1, ..acted }),
        (!state.waited, Step::Wait { span: Span(75) }, State { waited: true, ..state }),
        (!state.waited, Step::Wait { span: Span(60_000) }, State { waited: true, ..state }),
    ];
    possible.into_iter().filter_map(|(can, step, next)| can.then_some((step, next)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_scenario_comes_twice_and_each_has_no_more_than_its_length() {
        let all = small_worlds(5);
        let texts: BTreeSet<String> = all.iter().map(|scenario| format!("{:?}", scenario.steps)).collect();
        assert_eq!(texts.len(), all.len());
        assert!(all.windows(2).all(|pair| pair[0].steps.len() <= pair[1].steps.len()));
    }
}

//! Simpler forms of steps and set-ups, for the shrinker.

use super::strategy::SPANS;
use super::{Download, Finish, For, Reopen, Reply, Return, Route, Setup, Span, Step, Trigger};
use crate::contract::AppClass;

/// The `way`th simpler form of a step, simplest first; `None` when there are no more.
pub(super) fn simpler_step(step: &Step, way: usize) -> Option<Step> {
    let span = |current: Span| below(current).nth(way);
    match step {
        Step::Wait { span: current } => span(*current).map(|span| Step::Wait { span }),
        Step::Leap { span } => simpler_leap(*span, way),
        Step::Refresh { after } => span(*after).map(|after| Step::Refresh { after }),
        Step::Snapshot { after } if way == 0 => Some(Step::Refresh { after: *after }),
        Step::Snapshot { after } => below(*after).map(|after| Step::Snapshot { after }).nth(way - 1),
        // The shortest story that has a wake at all.
        Step::Download(_) if way == 0 => Some(Step::Refresh { after: Span(1) }),
        Step::Download(download) => simpler_download(*download).get(way - 1).copied().map(Step::Download),
        Step::Upload { session, size, route } => [
            Step::Download(Download { session: *session, size: *size, ..Download::default() }),
            Step::Upload { session: 0, size: 1, route: *route },
            Step::Upload { session: *session, size: 1, route: *route },
            Step::Upload { session: *session, size: *size, route: Route::Plain },
        ]
        .get(way)
        .cloned(),
        Step::Cancel { transfer } if *transfer > 0 && way == 0 => Some(Step::Cancel { transfer: 0 }),
        Step::Create(download) => {
            let mut simpler: Vec<Step> = vec![Step::Download(*download)];
            simpler.extend(simpler_download(*download).into_iter().map(Step::Create));
            simpler.get(way).cloned()
        }
        Step::Data(download) => {
            let mut simpler: Vec<Step> = vec![Step::Download(*download)];
            simpler.extend(simpler_download(*download).into_iter().map(Step::Data));
            simpler.get(way).cloned()
        }
        Step::Attempt { session, what } if *session > 0 && way == 0 => {
            Some(Step::Attempt { session: 0, what: *what })
        }
        Step::CancelTwice { transfer } => {
            simpler_transfer(*transfer, way, |transfer| Step::CancelTwice { transfer })
        }
        Step::Stop { transfer } => simpler_transfer(*transfer, way, |transfer| Step::Stop { transfer }),
        Step::Suspend { transfer } => simpler_transfer(*transfer, way, |transfer| Step::Suspend { transfer }),
        Step::Resume { transfer } => simpler_transfer(*transfer, way, |transfer| Step::Resume { transfer }),
        Step::Open { session } if *session > 0 && way == 0 => Some(Step::Open { session: 0 }),
        Step::Trigger { trigger } => Trigger::ALL
            .iter()
            .filter(|other| *other < trigger)
            .nth(way)
            .map(|trigger| Step::Trigger { trigger: *trigger }),
        Step::Prominence { class: AppClass::Other } if way == 0 => {
            Some(Step::Prominence { class: AppClass::Dock })
        }
        Step::Busy { on } if way == 0 => Some(Step::LowPower { on: *on }),
        Step::List { .. } | Step::Invalidate { .. } | Step::Reopen { .. } => simpler_session(step, way),
        Step::Open { .. }
        | Step::Attempt { .. }
        | Step::ForceQuit
        | Step::Cancel { .. }
        | Step::Leave
        | Step::Enter
        | Step::Purge
        | Step::Crash
        | Step::GoOn
        | Step::LowPower { .. }
        | Step::Busy { .. }
        | Step::Prominence { .. }
        | Step::Starve { .. }
        | Step::Charger { .. }
        | Step::Cellular
        | Step::Stray { .. }
        | Step::Link { .. } => None,
    }
}

/// The spans that the generator knows and that are shorter than this.
fn below(current: Span) -> impl Iterator<Item = Span> {
    SPANS.iter().map(|ms| Span(*ms)).filter(move |span| *span < current)
}

/// Time that passes is simpler than time that is leapt over.
fn simpler_leap(current: Span, way: usize) -> Option<Step> {
    let shorter = below(current).map(|span| Step::Leap { span });
    std::iter::once(Step::Wait { span: current }).chain(shorter).nth(way)
}

fn simpler_transfer(transfer: u8, way: usize, with: fn(u8) -> Step) -> Option<Step> {
    (transfer > 0 && way == 0).then(|| with(0))
}

/// Simpler steps about whole sessions.
fn simpler_session(step: &Step, way: usize) -> Option<Step> {
    let simpler = match step {
        Step::List { .. } => vec![Step::List { session: 0 }],
        Step::Invalidate { cancel, .. } => vec![Step::Invalidate { session: 0, cancel: *cancel }],
        Step::Reopen { session, elsewhere, changed } => vec![
            Step::Reopen { session: 0, elsewhere: *elsewhere, changed: *changed },
            Step::Reopen { session: *session, elsewhere: *elsewhere, changed: false },
        ],
        _ => Vec::new(),
    };
    simpler.into_iter().filter(|simpler| simpler != step).nth(way)
}

/// Simpler downloads: the plainest first, then one that is plainer in one respect.
fn simpler_download(download: Download) -> Vec<Download> {
    let plain = Download { size: download.size.min(1), ..Download::default() };
    let mut simpler = vec![
        plain,
        Download { route: download.route, ..plain },
        Download { route: Route::Plain, ..download },
        Download { not_before: None, ..download },
        Download { session: 0, ..download },
        Download { size: download.size.min(1), ..download },
        Download { size: download.size.min(64), ..download },
    ];
    // Of several questions one may do.
    let fewer: &[Route] = match download.route {
        Route::UntrustedWantsCertificate => &[Route::Untrusted, Route::WantsCertificate],
        Route::LoginEither => &[Route::LoginBasic, Route::LoginNegotiate],
        Route::RedirectSlow => &[Route::Redirect],
        Route::LoginThenAway | Route::LoginDigest => &[Route::LoginBasic],
        Route::LoginThenPort | Route::LoginThenPlain | Route::LoginTwice => {
            &[Route::LoginThenAway, Route::LoginBasic]
        }
        Route::CutThenHalves => &[Route::Cut],
        Route::SlowChanged => &[Route::Slow],
        _ => &[],
    };
    simpler.extend(fewer.iter().map(|route| Download { route: *route, ..download }));
    if let Some(now) = download.not_before {
        simpler.extend(below(now).map(|span| Download { not_before: Some(span), ..download }));
    }
    simpler
}

/// The `way`th simpler form of a set-up, whole before parts; `None` when there are no more.
pub(super) fn simpler_setup(setup: &Setup, way: usize) -> Option<Setup> {
    let plain = Setup::default();
    let with = |change: fn(&mut Setup, Setup)| {
        let mut simpler = setup.clone();
        change(&mut simpler, Setup::default());
        simpler
    };
    Some(match way {
        0 => plain,
        1 => with(|s, d| s.latency = d.latency),
        2 => with(|s, d| s.launch = d.launch),
        3 => with(|s, d| s.reopen = d.reopen),
        4 => with(|s, d| s.finishes = d.finishes),
        5 => with(|s, d| s.replies = d.replies),
        6 => with(|s, d| s.callback = d.callback),
        7 => with(|s, d| s.reschedule = d.reschedule),
        18 => with(|s, _| s.reschedule = s.reschedule.map(|now| now.min(Span(60_000)))),
        8 => with(|s, _| s.chain /= 2),
        9 => with(|s, _| s.chain = s.chain.saturating_sub(1)),
        10 => with(|s, d| s.resource_timeout = d.resource_timeout),
        11 => with(|s, _| s.finishes.truncate(1)),
        12 => with(|s, _| s.replies.truncate(1)),
        13 => with(|s, _| s.finishes.iter_mut().for_each(|f| *f = Finish::WhenServed)),
        14 => with(|s, _| s.replies.iter_mut().for_each(|r| *r = Reply::Right)),
        15 => with(|s, _| drop(s.finishes.drain(..s.finishes.len() / 2))),
        16 => with(|s, d| s.silent = d.silent),
        17 => with(|s, _| drop(s.replies.drain(..s.replies.len() / 2))),
        19 => with(|s, d| s.files = d.files),
        20 => with(|s, _| s.files.truncate(1)),
        21 => with(|s, _| drop(s.files.drain(..s.files.len() / 2))),
        22 => with(|s, d| s.wifi_only = d.wifi_only),
        23 => with(|s, d| s.lists = d.lists),
        26 => with(|s, d| s.fetches = d.fetches),
        24 => with(|s, d| s.discretionary = d.discretionary),
        25 => with(|s, d| s.challenges = d.challenges),
        27 => with(|s, d| s.begins = d.begins),
        28 => with(|s, _| s.begins.truncate(1)),
        29 => with(|s, _| drop(s.begins.drain(..s.begins.len() / 2))),
        30 => with(|s, d| s.work = d.work),
        31 => with(|s, _| s.work.truncate(1)),
        32 => with(|s, _| drop(s.work.drain(..s.work.len() / 2))),
        33 => with(|s, d| s.early = d.early),
        54 => with(|s, d| s.in_process = d.in_process),
        55 => with(|s, d| s.connections = d.connections),
        34 => with(|s, d| s.dispositions = d.dispositions),
        35 => with(|s, _| s.dispositions.truncate(1)),
        37 => with(|s, _| s.dispositions.iter_mut().for_each(|said| *said = said.at_once())),
        36 => with(|s, _| drop(s.dispositions.drain(..s.dispositions.len() / 2))),
        38 => with(|s, _| s.closures.truncate(1)),
        39 => with(|s, _| drop(s.closures.drain(..s.closures.len() / 2))),
        40 => with(|s, _| s.closures.iter_mut().for_each(|c| c.returns = Return::WhenServed)),
        41 => with(|s, _| s.closures.iter_mut().for_each(|c| c.returns = c.returns.min(Return::AtOnce))),
        42 => with(|s, _| s.closures.iter_mut().skip(1).for_each(|c| c.returns = Return::WhenServed)),
        43 => with(|s, _| s.closures.iter_mut().for_each(|c| c.returns = shorter(c.returns))),
        44 => with(|s, _| s.closures.iter_mut().for_each(|c| c.of = wider(c.of))),
        45 => with(|s, _| s.closures.iter_mut().skip(1).for_each(|c| c.of = wider(c.of))),
        46..=53 => without_closure(setup, way - 46),
        _ => return None,
    })
}

fn without_closure(setup: &Setup, index: usize) -> Setup {
    let mut simpler = setup.clone();
    if index < simpler.closures.len() {
        simpler.closures.remove(index);
    }
    simpler
}

/// The least that is long.
fn shorter(returns: Return) -> Return {
    match returns {
        Return::After(span) => Return::After(span.min(Span(1_000))),
        other => other,
    }
}

fn wider(of: For) -> For {
    match of {
        For::Session(_) | For::SessionsThatStartWith(_) => For::AnySession,
        For::Refresh(_) => For::AnyRefresh,
        other => other,
    }
}

/// The `way`th set-up that may make up for a step less: the app's habits come in turn, so that another turn begins, or
/// one download more in its chain. `None` when there are no more.
pub(super) fn traded_setup(setup: &Setup, way: usize) -> Option<Setup> {
    let mut other = setup.clone();
    match way {
        0 => other.finishes.rotate_left(1),
        1 => other.replies.rotate_left(1),
        2 => other.finishes.extend_from_slice(&setup.finishes[..1]),
        3 => other.chain += 1,
        4 => other.chain += 2,
        5 => {
            other.reopen = if setup.reopen == Reopen::AtLaunch { Reopen::InHandle } else { Reopen::AtLaunch }
        }
        _ => return None,
    }
    Some(other)
}

//! The words of a timeline, one by one.

use bgsession_conformance::contract::{
    AppChange, AuthenticationMethod, Charge, RefreshKind, RefreshTaskId, SessionId, SnapshotReason,
    Termination, Time, TransferId, TransferKind, TransferState, UserInfo,
};
use bgsession_conformance::history::{
    Answer, Completed, EndKind, Event, Listed, Message, Pattern, Space, TaskRef, TransferKey,
};

/// What every body is like unless a timeline says otherwise.
pub(crate) const SIZE: u64 = 10;
pub(crate) const DIGEST: u64 = 7;

/// `05:00`, `1:05:00.250` or `2d01:05:00`, as times are printed.
pub(crate) fn time(text: &str) -> Time {
    let number = |part: &str| part.parse::<u64>().unwrap_or_else(|_| panic!("{text:?} is no time"));
    let (days, clock) = text.split_once('d').unwrap_or(("0", text));
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, "000"));
    let parts: Vec<&str> = whole.split(':').collect();
    assert!(matches!(parts.len(), 2 | 3) && fraction.len() == 3, "{text:?} is no time");
    let seconds = parts.iter().fold(0, |seconds, part| seconds * 60 + number(part));
    Time::from_millis((number(days) * 86_400 + seconds) * 1_000 + number(fraction))
}

pub(crate) fn app(word: &str) -> Option<AppChange> {
    Some(match word {
        "foregrounded" => AppChange::Foregrounded,
        "backgrounded" => AppChange::Backgrounded,
        "launched" => AppChange::Launched,
        "resumed" => AppChange::Resumed,
        "suspended" => AppChange::Suspended,
        "purged" => AppChange::Purged,
        "force-quit" => AppChange::ForceQuit,
        "crashed" => AppChange::Crashed,
        "killed" => AppChange::Terminated(Termination::Wall),
        "starved" => AppChange::Terminated(Termination::Starved),
        "overheated" => AppChange::Terminated(Termination::Cpu),
        _ => return None,
    })
}

/// A slot of the app's.
pub(crate) fn charge(slot: &str) -> Charge {
    if slot == "snapshot" { Charge::Snapshot } else { Charge::ApplicationRefresh }
}

pub(crate) fn id(text: &str) -> SessionId {
    SessionId::new(text).expect("a session's name")
}

pub(crate) fn key(text: &str) -> TransferKey {
    let (session, transfer) = text.split_once('/').unwrap_or_else(|| panic!("{text:?} is no transfer"));
    TransferKey {
        session: id(session),
        transfer: TransferId::new(transfer.parse().expect("a transfer's number")),
    }
}

pub(crate) fn number(text: &str) -> RefreshTaskId {
    let digits = text.strip_prefix('#').unwrap_or_else(|| panic!("{text:?} is no task"));
    RefreshTaskId::new(digits.parse().expect("a task's number"))
}

/// `silently`, `wifi-only`, and at the end which methods for challenges the delegate has.
pub(crate) fn opened(session: &str, how: &[&str]) -> Event {
    let (session_challenges, task_challenges) = match how.last() {
        Some(&"taking-both") => (true, true),
        Some(&"taking-session-level") => (true, false),
        Some(&"taking-none") => (false, false),
        _ => (false, true),
    };
    Event::SessionOpened {
        session: id(session),
        launch_events: !how.contains(&"silently"),
        cellular: !how.contains(&"wifi-only"),
        discretionary: how.contains(&"discretionary"),
        in_process: how.contains(&"in-process"),
        connections: how
            .iter()
            .find_map(|term| term.strip_prefix("connections="))
            .map(|most| most.parse().expect("a number")),
        session_challenges,
        task_challenges,
        decides: how.contains(&"deciding"),
    }
}

pub(crate) fn created(transfer: &str, terms: &[&str]) -> Event {
    let term = |name: &str| terms.iter().find_map(|term| term.strip_prefix(name)).map(time);
    let kind = if terms.contains(&"upload") {
        TransferKind::Upload
    } else if terms.contains(&"data") {
        TransferKind::Data
    } else {
        TransferKind::Download
    };
    Event::TransferCreated {
        key: key(transfer),
        kind,
        url: terms
            .iter()
            .find_map(|term| term.strip_prefix("of="))
            .map_or_else(|| format!("https://origin.test/{transfer}"), str::to_owned),
        earliest: term("from="),
        resource_timeout: term("timeout=").unwrap_or_else(|| time("7d00:00")).as_millis(),
        request_timeout: 60_000,
        bytes: terms
            .iter()
            .find_map(|term| term.strip_prefix("bytes="))
            .map(|bytes| bytes.parse().expect("a number of bytes")),
        continues: terms.contains(&"resuming").then(|| TransferId::new(99)),
        description: terms.iter().find_map(|term| term.strip_prefix("as=")).map(str::to_owned),
        torn: terms.contains(&"torn"),
    }
}

/// `10:7`: ten bytes of the digest 7.
pub(crate) fn content(text: &str) -> (u64, u64) {
    let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("{text:?} is no size or digest"));
    let (size, digest) = text.split_once(':').unwrap_or_else(|| panic!("{text:?} is no content"));
    (number(size), number(digest))
}

/// `#1=s`, `#1=@refresh`, `#1=@refresh:info`, each with `~20` for 20 seconds.
pub(crate) fn task_ref(text: &str) -> TaskRef {
    let (task, kind) = text.split_once('=').unwrap_or_else(|| panic!("{text:?} is no task with its kind"));
    let (kind, seconds) = kind.split_once('~').unwrap_or((kind, "15"));
    let (kind, info) = kind.split_once(':').map_or((kind, None), |(kind, info)| (kind, Some(info)));
    let allowance = seconds.parse::<u64>().expect("seconds") * 1_000;
    TaskRef { id: number(task), kind: self::kind(kind), user_info: info.map(UserInfo::new), allowance }
}

/// `s` for a session's, `@refresh` and so on for the others.
pub(crate) fn kind(text: &str) -> RefreshKind {
    match text {
        "@refresh" => RefreshKind::ApplicationRefresh,
        "@snapshot" => RefreshKind::Snapshot(SnapshotReason::AppScheduled),
        "@system-snapshot" => RefreshKind::Snapshot(SnapshotReason::ReturnToDefaultState),
        "@connectivity" => RefreshKind::WatchConnectivity,
        "@bluetooth" => RefreshKind::BluetoothAlert,
        session => RefreshKind::UrlSession(id(session)),
    }
}

/// Nothing, `true`, or when the next snapshot is wanted (`never` too), with its user info.
pub(crate) fn completed(how: &[&str]) -> Completed {
    match how {
        [] => Completed::Plainly,
        ["true"] => Completed::WithSnapshot,
        ["never"] => Completed::SnapshotTaken { expiration: Time::DISTANT_FUTURE, user_info: None },
        [next, info @ ..] => {
            let user_info = info.first().map(|info| UserInfo::new(*info));
            Completed::SnapshotTaken { expiration: time(next), user_info }
        }
    }
}

/// `done` and `done=404`, `done=none` for an end without a status, `failed` and the other errors, `file`,
/// `file=unreadable` and `file=9:7` for another size or digest, `asks` and `asks=trust`, `progress`, `events`.
pub(crate) fn message(word: &str) -> Message {
    let (word, detail) = word.split_once('=').map_or((word, None), |(word, detail)| (word, Some(detail)));
    let ends = |end| Message::DidComplete { end, status: None };
    match word {
        "done" => {
            let status = detail.map_or(Some(200), |status| status.parse().ok());
            Message::DidComplete { end: EndKind::Success, status }
        }
        "failed" => ends(EndKind::Failed),
        "disconnected" => ends(EndKind::Disconnected),
        "cancelled" => ends(EndKind::Cancelled),
        "force-quit" => ends(EndKind::ForceQuit),
        "by-system" => ends(EndKind::CancelledBySystem),
        "invalid" => Message::DidBecomeInvalid,
        "timed-out" => ends(EndKind::TimedOut),
        "login-cancelled" => ends(EndKind::LoginCancelled),
        "file" => {
            let sizes =
                detail.map_or(Some((SIZE, DIGEST)), |sizes| sizes.contains(':').then(|| content(sizes)));
            Message::DidFinishDownloading {
                status: 200,
                size: sizes.map(|s| s.0),
                digest: sizes.map(|s| s.1),
            }
        }
        "response" => {
            let status = detail.map_or(200, |status| status.parse().expect("a status"));
            Message::DidReceiveResponse { status }
        }
        "becomes-download" => Message::DidBecomeDownload,
        "data" => {
            let (total, digest) = detail.map_or((SIZE, DIGEST), content);
            Message::DidReceiveData { total, digest }
        }
        "asks" => asks(detail.unwrap_or("basic")),
        "progress" => {
            let (total, written, expected) = progress(detail);
            Message::DidWriteData { total, written, expected }
        }
        "resumes-at" => {
            Message::DidResumeAtOffset { offset: detail.expect("an offset").parse().expect("a number") }
        }
        "sent" => {
            let (total, sent, expected) = progress(detail);
            Message::DidSendBodyData { total, sent, expected }
        }
        "ready" => Message::WillBeginDelayedRequest,
        "events" => Message::DidFinishEvents,
        _ => panic!("{word:?} is no message"),
    }
}

/// `basic`, `digest:vault`: the method and the realm of a protection space.
pub(crate) fn space(text: &str) -> Space {
    let (method, realm) = text.split_once(':').map_or((text, None), |(method, realm)| (method, Some(realm)));
    let method = match method {
        "basic" => AuthenticationMethod::HttpBasic,
        "digest" => AuthenticationMethod::HttpDigest,
        "ntlm" => AuthenticationMethod::Ntlm,
        "negotiate" => AuthenticationMethod::Negotiate,
        "trust" => AuthenticationMethod::ServerTrust,
        "certificate" => AuthenticationMethod::ClientCertificate,
        _ => panic!("{method:?} is no method"),
    };
    Space { method, realm: realm.map(str::to_owned) }
}

/// `basic:vault`, with `+2` for two refused credentials and `~ann` for a proposed one.
/// `progress=5/20+2`: 5 bytes of 20, two of them new; without a word on it, one byte.
fn progress(detail: Option<&str>) -> (u64, Option<u64>, Option<u64>) {
    let number = |text: &str| text.parse().expect("a number of bytes");
    let detail = detail.unwrap_or("1");
    let (detail, new) =
        detail.split_once('+').map_or((detail, None), |(rest, new)| (rest, Some(number(new))));
    let (total, whole) =
        detail.split_once('/').map_or((detail, None), |(total, of)| (total, Some(number(of))));
    (number(total), new, whole)
}

fn asks(text: &str) -> Message {
    let (text, credential) = text.split_once('~').map_or((text, None), |(text, user)| (text, Some(user)));
    let (text, failures) = text.split_once('+').unwrap_or((text, "0"));
    let Space { method, realm } = space(text);
    Message::DidReceiveChallenge {
        method,
        realm,
        failures: failures.parse().expect("a number of failures"),
        proposed: credential.is_some(),
        credential: credential.map(str::to_owned),
        session_level: false,
    }
}

/// What a closure is for: `any-session`, `session=s`, `sessions=s` for those that start so, `any-refresh`, `refresh=info`,
/// `snapshots`, `connectivity`.
pub(crate) fn pattern(text: &str) -> Pattern {
    match text.split_once('=').unwrap_or((text, "")) {
        ("any-session", "") => Pattern::AnySession,
        ("session", name) => Pattern::Session(id(name)),
        ("sessions", start) => Pattern::SessionsThatStartWith(start.to_owned()),
        ("any-refresh", "") => Pattern::AnyRefresh,
        ("refresh", info) => Pattern::Refresh(UserInfo::new(info)),
        ("snapshots", "") => Pattern::Snapshots,
        ("connectivity", "") => Pattern::WatchConnectivity,
        _ => panic!("{text:?} is no pattern"),
    }
}

/// What the app says to a challenge, or to a delayed request.
pub(crate) fn answer(word: &str) -> Answer {
    match word {
        "credential" => Answer::UseCredential,
        "no-credential" => Answer::UseNoCredential,
        "default" => Answer::PerformDefaultHandling,
        "cancel" => Answer::CancelAuthenticationChallenge,
        "reject" => Answer::RejectProtectionSpace,
        "continue" => Answer::ContinueLoading,
        "new-request" => Answer::UseNewRequest,
        "cancel-load" => Answer::Cancel,
        "allow" => Answer::Allow,
        "download" => Answer::BecomeDownload,
        _ => panic!("{word:?} is no answer"),
    }
}

/// `1`, `1:text`, `1:text+7` with seven bytes, each with `=canceling`, `=completed` or `=upload`, and at the
/// end `@s/1`, the place that its original request asks for.
pub(crate) fn listed(text: &str) -> Listed {
    let (text, request) = text.split_once('@').map_or((text, None), |(text, to)| (text, Some(to)));
    let (text, state) = text.split_once('=').unwrap_or((text, ""));
    let (text, received) = text.split_once('+').unwrap_or((text, "0"));
    let (transfer, description) = text.split_once(':').map_or((text, None), |(id, text)| (id, Some(text)));
    Listed {
        transfer: TransferId::new(transfer.parse().expect("a transfer's number")),
        kind: if state == "upload" { TransferKind::Upload } else { TransferKind::Download },
        state: match state {
            "canceling" => TransferState::Canceling,
            "suspended" => TransferState::Suspended,
            "completed" => TransferState::Completed,
            _ => TransferState::Running,
        },
        description: description.map(str::to_owned),
        received: received.parse().expect("a number of bytes"),
        request: request.map(|to| format!("GET https://origin.test/{to}")),
    }
}

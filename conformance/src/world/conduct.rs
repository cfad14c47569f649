//! What the app does: opens sessions, starts transfers, handles tasks, answers challenges, as the scenario says.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::app::App;
use super::guard;
use super::recording::Recording;
use crate::contract::{
    AuthenticationMethod, ChallengeDisposition, Charge, Configuration, Connection, Credential,
    DelayedRequestDisposition, Persistence, RefreshKind, RefreshTask, Responder, Session, SessionError,
    SessionId, SnapshotReason, Time, TransferKind, TransferOptions, UserInfo,
};
use crate::history::{Answer, Event, FaultKind, MessageId, TransferKey};
use crate::scenario::{Finish, IDENTIFIERS, Reopen, Reply};
use crate::world::places::{NOBODY, PASSWORD, USER, chain_url};

/// Refreshes that an app keeps asking for must end some time, or the scenario would not.
const RESCHEDULES: u32 = 12;
/// So must the snapshots that it asks for with its completions.
const SNAPSHOTS: u32 = 6;
/// So must what it says to the challenges of one transfer, whatever a subject tells it of failures.
const MOST_ANSWERS: u32 = 8;
/// A user that no login of a scenario lets in.
const GUEST: &str = "guest";
/// The documented default, in milliseconds.
pub(super) const REQUEST_TIMEOUT: u64 = 60_000;

impl App {
    /// After a background launch and before `handle`.
    pub(crate) async fn launched_in_background(self: &Arc<Self>) {
        if self.setup.reopen == Reopen::AtLaunch && !self.is_guest() {
            self.reopen_all().await;
        }
    }

    /// Opens every session that the app has ever had. An app that is the subject sees to that itself.
    pub(crate) async fn reopen_all(self: &Arc<Self>) {
        if self.is_guest() {
            return;
        }
        let known = self.lock().known.clone();
        for (session, launch_events) in known {
            self.open(&session, launch_events).await;
        }
    }

    /// The app's object for a session of this run of the process, opened if it is not.
    pub(crate) async fn open(
        self: &Arc<Self>,
        id: &SessionId,
        launch_events: bool,
    ) -> Option<Arc<dyn Session>> {
        if let Some(session) = self.lock().sessions.get(id) {
            return Some(Arc::clone(session));
        }
        let position = IDENTIFIERS.iter().position(|name| *name == id.as_str());
        let among = |named: &[u8]| position.is_some_and(|index| names(named, index));
        let (cellular, discretionary) = (!among(&self.setup.wifi_only), among(&self.setup.discretionary));
        let in_process = among(&self.setup.in_process);
        let plain = if in_process { Configuration::in_process } else { Configuration::background };
        let plain = plain(id.clone());
        let configuration = Configuration {
            sends_launch_events: launch_events && !in_process,
            is_discretionary: discretionary,
            allows_cellular_access: cellular,
            resource_timeout: self.setup.resource_timeout.duration(),
            request_timeout: Duration::from_millis(REQUEST_TIMEOUT),
            maximum_connections_per_host: self
                .setup
                .connections
                .unwrap_or(plain.maximum_connections_per_host),
            ..plain
        };
        let life = self.life();
        let delegate = Recording::new(Arc::clone(self), id.clone(), false);
        self.invalid().delegates.insert(id.clone(), delegate.number);
        let connection = Connection::new(Arc::new(delegate), life.clone());
        // Before the call: messages may arrive while it runs.
        self.recorder.record(Event::SessionOpened {
            session: id.clone(),
            launch_events,
            cellular,
            discretionary,
            in_process,
            connections: self.setup.connections,
            session_challenges: self.setup.challenges.of_session(),
            task_challenges: self.setup.challenges.of_task(),
            decides: self.decides(),
        });
        let service = Arc::clone(&self.system()?.service);
        let opening = service.session(configuration, connection);
        let session =
            match guard::call(&self.clock, &self.recorder, "TransferService::session", opening).await? {
                Ok(session) => session,
                Err(_) if self.invalid().ever.contains(id) => {
                    self.recorder.record(Event::SessionRefused { session: id.clone() });
                    return None;
                }
                Err(error) => {
                    self.refused("TransferService::session", &error);
                    return None;
                }
            };
        {
            let mut state = self.lock();
            if !state.known.iter().any(|(known, _)| known == id) {
                state.known.push((id.clone(), launch_events));
            }
            if !life.has_ended() {
                state.sessions.insert(id.clone(), Arc::clone(&session));
            }
        }
        if self.setup.lists {
            self.list(&session).await;
        }
        Some(session)
    }

    pub(super) fn refused(&self, what: &str, error: &SessionError) {
        self.recorder.fault(FaultKind::Refusal, format!("{what}: {error}"));
    }

    /// Asks for an application refresh or a snapshot.
    pub(crate) async fn schedule(&self, slot: Charge, after: Duration) {
        let preferred = self.clock.now() + after;
        let count = self.recorder.with(|history| history.entries.len());
        let user_info =
            self.info_for_closures(slot).unwrap_or_else(|| UserInfo::new(format!("request {count}")));
        self.recorder.record(Event::Scheduled { slot, preferred, user_info: user_info.clone() });
        let Some(system) = self.system() else { return };
        let scheduler = Arc::clone(&system.scheduler);
        let (what, call) = if slot == Charge::Snapshot {
            let call = scheduler.schedule_snapshot_refresh(preferred, Some(user_info.clone()));
            ("Scheduler::schedule_snapshot_refresh", call)
        } else {
            let call = scheduler.schedule_background_refresh(preferred, Some(user_info.clone()));
            ("Scheduler::schedule_background_refresh", call)
        };
        let answer = guard::call(&self.clock, &self.recorder, what, call).await;
        if let Some(answer) = &answer {
            self.recorder.record(Event::ScheduleReturned { slot, user_info, accepted: answer.is_ok() });
        }
        match answer {
            Some(Ok(())) => self.lock().scheduled[usize::from(slot == Charge::Snapshot)] = true,
            Some(Err(error)) => self.recorder.fault(FaultKind::Refusal, format!("{what}: {error}")),
            None => {}
        }
    }

    /// `handle`: keeps the tasks, plans their completion and returns; the work goes on in tasks of the app's.
    pub(crate) fn handle(self: &Arc<Self>, tasks: Vec<RefreshTask>) {
        for task in tasks {
            let finish = {
                let mut state = self.lock();
                let turn = state.handled;
                state.handled += 1;
                match task.kind() {
                    RefreshKind::ApplicationRefresh => state.scheduled[0] = false,
                    RefreshKind::Snapshot(SnapshotReason::AppScheduled) => state.scheduled[1] = false,
                    _ => {}
                }
                self.setup.finishes[turn % self.setup.finishes.len()]
            };
            self.take_on(Arc::new(task), finish);
        }
    }

    fn take_on(self: &Arc<Self>, task: Arc<RefreshTask>, finish: Finish) {
        self.set_handler(&task, finish);
        self.lock().kept.push(Arc::clone(&task));
        if finish == Finish::AtOnce {
            task.set_task_completed();
        }
        if let Finish::After(span) = finish {
            let (app, task) = (Arc::clone(self), Arc::clone(&task));
            self.spawn(async move {
                app.sleep(span.duration()).await;
                task.set_task_completed();
            });
        }
        if let Finish::Computes(span) = finish {
            let (app, task) = (Arc::clone(self), Arc::clone(&task));
            self.spawn(async move {
                app.compute(span.duration()).await;
                task.set_task_completed();
            });
        }
        let served = matches!(
            finish,
            Finish::WhenServed
                | Finish::Twice
                | Finish::WithSnapshot
                | Finish::Taken(_)
                | Finish::TakenForGood
        );
        match task.session_identifier().cloned() {
            Some(session) => {
                if served {
                    self.lock().unserved.push((session.clone(), task, finish));
                }
                let app = Arc::clone(self);
                self.spawn(async move {
                    let known = app.lock().known.iter().find(|(known, _)| *known == session).cloned();
                    if let Some((session, launch_events)) = known {
                        app.open(&session, launch_events).await;
                    } else if app.invalid().ever.contains(&session) {
                        // It has had its last message: there is nothing to wait for.
                        app.served(&session).await;
                    }
                });
            }
            None => {
                let app = Arc::clone(self);
                self.spawn(async move { app.do_other_work(task, served.then_some(finish)).await });
            }
        }
    }

    /// Work for a task that no session message belongs to.
    async fn do_other_work(self: Arc<Self>, task: Arc<RefreshTask>, finish: Option<Finish>) {
        if let (RefreshKind::ApplicationRefresh, Some(after)) = (task.kind(), self.setup.reschedule) {
            let more = {
                let mut state = self.lock();
                state.rescheduled += 1;
                state.rescheduled <= RESCHEDULES
            };
            if more {
                // What comes next is asked for before the last completion: suspension may follow at once.
                self.schedule(Charge::ApplicationRefresh, after.duration()).await;
            }
        }
        if self.setup.fetches && matches!(task.kind(), RefreshKind::ApplicationRefresh) {
            let known = self.lock().known.first().map(|(session, _)| session.clone());
            if let Some(session) = known {
                self.go_on_with_chain(&session).await;
            }
        }
        if let Some(finish) = finish {
            self.sleep(Duration::from_millis(200)).await;
            self.complete(&task, finish);
        }
    }

    /// Completes a task in the form that the scenario says. What is asked for with it must end some time too.
    fn complete(&self, task: &RefreshTask, finish: Finish) {
        let of_snapshot = matches!(task.kind(), RefreshKind::Snapshot(_));
        let more = {
            let mut state = self.lock();
            let asks =
                matches!(finish, Finish::WithSnapshot) || (of_snapshot && matches!(finish, Finish::Taken(_)));
            let more = asks && task.is_open() && state.snapshots < SNAPSHOTS;
            if more {
                state.snapshots += 1;
                state.scheduled[1] = true;
            } else if of_snapshot && finish == Finish::TakenForGood {
                state.scheduled[1] = false;
            }
            more
        };
        match finish {
            Finish::WithSnapshot => task.set_task_completed_with_snapshot(more),
            Finish::Taken(span) if more => {
                let count = self.recorder.with(|history| history.entries.len());
                let info = UserInfo::new(format!("snapshot {count}"));
                task.set_snapshot_taken(true, self.clock.now() + span.duration(), Some(info));
            }
            Finish::TakenForGood => task.set_snapshot_taken(true, Time::DISTANT_FUTURE, None),
            _ => task.set_task_completed(),
        }
        if finish == Finish::Twice {
            task.set_task_completed();
        }
    }

    fn set_handler(self: &Arc<Self>, task: &Arc<RefreshTask>, finish: Finish) {
        let completes = match finish {
            Finish::WhenServed | Finish::OnExpiration => true,
            Finish::Never => false,
            Finish::Twice
            | Finish::AtOnce
            | Finish::After(_)
            | Finish::Computes(_)
            | Finish::WithSnapshot
            | Finish::Taken(_)
            | Finish::TakenForGood => return,
        };
        let weak: Weak<RefreshTask> = Arc::downgrade(task);
        task.set_expiration_handler(move || {
            if let Some(task) = weak.upgrade().filter(|_| completes) {
                task.set_task_completed();
            }
        });
    }

    /// A session's events have been served: what waited for that is completed.
    pub(super) async fn served(self: &Arc<Self>, session: &SessionId) {
        self.drained(session);
        let waiting = self.lock().unserved.iter().any(|(waiting, ..)| waiting == session);
        if waiting {
            self.go_on_with_chain(session).await;
        }
        let done = {
            let mut state = self.lock();
            let (done, still) =
                std::mem::take(&mut state.unserved).into_iter().partition(|(s, ..)| s == session);
            state.unserved = still;
            let done: Vec<(SessionId, Arc<RefreshTask>, Finish)> = done;
            done
        };
        for (_, task, finish) in done {
            self.complete(&task, finish);
        }
    }

    /// Starts the next download of the chain, if there is one left.
    async fn go_on_with_chain(self: &Arc<Self>, session: &SessionId) {
        let number = {
            let mut state = self.lock();
            let more = state.chained < self.setup.chain;
            state.chained += u8::from(more);
            more.then_some(state.chained)
        };
        if let Some(number) = number
            && let Some(session) = self.open(session, true).await
        {
            let options = TransferOptions {
                description: Some(format!("chained {number}")),
                ..TransferOptions::default()
            };
            self.start(&session, TransferKind::Download, chain_url(number), options, None).await;
        }
    }

    pub(super) async fn reply(
        self: &Arc<Self>,
        id: MessageId,
        transfer: TransferKey,
        method: AuthenticationMethod,
        failures: u32,
        responder: Responder<ChallengeDisposition>,
    ) {
        let replies = &self.setup.replies;
        let reply = replies[usize::try_from(transfer.transfer.get()).unwrap_or(0) % replies.len()];
        if reply == Reply::Never {
            self.lock().unanswered.push(responder);
            return;
        }
        let turn = {
            let mut state = self.lock();
            let turn = state.replied.entry(transfer).or_default();
            *turn += 1;
            *turn - 1
        };
        let answer = fitting(answer(reply, turn, failures), method);
        if let Reply::Late(span) = reply {
            let app = Arc::clone(self);
            self.spawn(async move {
                app.sleep(span.duration()).await;
                app.respond(id, answer, responder);
            });
        } else {
            self.respond(id, answer, responder);
        }
    }

    pub(super) fn respond(
        &self,
        id: MessageId,
        answer: ChallengeDisposition,
        responder: Responder<ChallengeDisposition>,
    ) {
        self.answered(id, &answer);
        responder.respond(answer);
    }

    /// The app answered a challenge.
    pub(super) fn answered(&self, id: MessageId, answer: &ChallengeDisposition) {
        let (said, credential) = match answer {
            ChallengeDisposition::UseCredential(Some(credential)) => {
                (Answer::UseCredential, Some(label(credential)))
            }
            ChallengeDisposition::UseCredential(None) => (Answer::UseNoCredential, None),
            ChallengeDisposition::CancelAuthenticationChallenge => {
                (Answer::CancelAuthenticationChallenge, None)
            }
            ChallengeDisposition::RejectProtectionSpace => (Answer::RejectProtectionSpace, None),
            _ => (Answer::PerformDefaultHandling, None),
        };
        self.recorder.record(Event::Answered { id, answer: said, credential, request: None });
    }

    /// The app said what becomes of a delayed request.
    pub(super) fn answered_delayed(&self, id: MessageId, answer: &DelayedRequestDisposition) {
        let (answer, request) = match answer {
            DelayedRequestDisposition::UseNewRequest(request) => {
                let said = format!("{} /{}", request.method.as_str(), super::places::path_of(&request.url));
                (Answer::UseNewRequest, Some(said))
            }
            DelayedRequestDisposition::Cancel => (Answer::Cancel, None),
            _ => (Answer::ContinueLoading, None),
        };
        self.recorder.record(Event::Answered { id, answer, credential: None, request });
    }
}

/// What the app says to a challenge when it has said something to this many of the same transfer's, and this many
/// credentials have been refused, as it is told.
fn answer(reply: Reply, turn: u32, failures: u32) -> ChallengeDisposition {
    let with = |user: &str, password: &str| {
        ChallengeDisposition::UseCredential(Some(Credential::password(user, password)))
    };
    // Good for one transfer, so that the next one of the session is asked about too.
    let once = |user: &str, password: &str| {
        let (user, password) = (user.to_owned(), password.to_owned());
        let credential = Credential::Password { user, password, persistence: Persistence::None };
        ChallengeDisposition::UseCredential(Some(credential))
    };
    let cancel = ChallengeDisposition::CancelAuthenticationChallenge;
    if turn >= MOST_ANSWERS {
        return cancel;
    }
    match (reply, failures, turn) {
        (Reply::Right | Reply::Late(_), 0, _) | (Reply::WrongFirst, 1, _) => with(USER, PASSWORD),
        (Reply::WrongFirst, 0, _) => with(GUEST, "wrong"),
        (Reply::Default, ..) | (Reply::WrongThenDefault, _, 1..) => {
            ChallengeDisposition::PerformDefaultHandling
        }
        (Reply::Reject, ..) | (Reply::RejectFirst, _, 0) | (Reply::WrongThenReject, _, 1) => {
            ChallengeDisposition::RejectProtectionSpace
        }
        (Reply::Without, ..) => ChallengeDisposition::UseCredential(None),
        (Reply::WrongThenDefault | Reply::WrongThenReject, _, 0) => once(GUEST, "wrong"),
        (Reply::RejectFirst, _, 1) | (Reply::WrongThenReject, _, 2) | (Reply::Insist, _, 0..4) => {
            once(USER, PASSWORD)
        }
        _ => cancel,
    }
}

/// A credential without its secret.
pub(super) fn label(credential: &Credential) -> String {
    match credential {
        Credential::Password { user, .. } => user.clone(),
        Credential::Trust => "trust".to_owned(),
        Credential::Identity { name, .. } => name.clone(),
        _ => "token".to_owned(),
    }
}

/// Is the identifier at this place among those that are named by number?
fn names(named: &[u8], index: usize) -> bool {
    named.iter().any(|named| usize::from(*named) % IDENTIFIERS.len() == index)
}

/// The same answer, with what convinces in this way in place of a password; another identity than the server lets in in
/// place of a wrong one.
fn fitting(answer: ChallengeDisposition, method: AuthenticationMethod) -> ChallengeDisposition {
    let ChallengeDisposition::UseCredential(Some(Credential::Password { password, persistence, .. })) =
        &answer
    else {
        return answer;
    };
    let name = if password == PASSWORD { USER } else { NOBODY };
    let credential = match method {
        AuthenticationMethod::ServerTrust => Credential::Trust,
        AuthenticationMethod::ClientCertificate => {
            Credential::Identity { name: name.to_owned(), persistence: *persistence }
        }
        _ => return answer,
    };
    ChallengeDisposition::UseCredential(Some(credential))
}

//! Reads a history into [`Facts`], entry by entry: the app, its sessions and its tasks here, transfers in
//! `read_transfers.rs`, closures in `runs.rs`.

use std::time::Duration;

use super::connections::CONNECTIONS;
use super::course::Transfer;
use super::facts::{Facts, Handle, Index, Place, Session, Task, Work};
use crate::contract::{AppChange, AppState, Policy, RefreshKind, RefreshTaskId, SessionId};
use crate::history::{Entry, Event, History, Phase, TaskRef};

impl<'a> Facts<'a> {
    /// Reads a history; events that refer to what is not there are left out.
    pub(crate) fn of(history: &'a History, policy: &'a Policy) -> Self {
        let mut facts = Self {
            history,
            policy,
            changes: Vec::with_capacity(8),
            conditions: Vec::new(),
            handles: Vec::with_capacity(4),
            tasks: Vec::with_capacity(4),
            sessions: Vec::with_capacity(3),
            own_sessions: Vec::new(),
            own_transfers: Vec::new(),
            transfers: Vec::with_capacity(8),
            data: Vec::new(),
            deliveries: Vec::with_capacity(16),
            works: Vec::new(),
            registered: Vec::new(),
            runs: Vec::new(),
            panics: Vec::new(),
            wanted: Vec::new(),
            scheduled: Vec::new(),
            leaps: Vec::new(),
            collected: None,
            ended: None,
            index: Index::default(),
        };
        for entry in &history.entries {
            facts.read(entry);
        }
        facts.set_apart();
        facts
    }

    fn read(&mut self, entry: &'a Entry) {
        let place = Place::of(entry);
        match &entry.event {
            Event::App { change } => self.app(place, *change),
            Event::ClockLeaps { millis } => {
                let by = Duration::from_millis(*millis);
                self.leaps.push((place.at, place.at + by));
            }
            Event::Conditions { conditions } => self.conditions.push((place, *conditions)),
            Event::SessionOpened {
                session,
                launch_events,
                cellular,
                discretionary,
                in_process,
                connections,
                session_challenges,
                task_challenges,
                decides,
            } => {
                let known = self.session_mut(session, *launch_events);
                known.challenges = (*session_challenges, *task_challenges);
                known.decides |= *decides;
                if known.opened.is_empty() {
                    (known.cellular, known.discretionary) = (*cellular, *discretionary);
                    known.in_process = *in_process;
                    known.connections = connections.unwrap_or(CONNECTIONS);
                }
                known.opened.push(place);
            }
            Event::SessionReopened { session, elsewhere: false, launch_events, .. } => {
                self.session_mut(session, true).seconds.push((place, *launch_events));
            }
            Event::Invalidating { session, cancel } => self.invalidating(place, session, *cancel),
            Event::WakeRequested { session, .. } => self.session_mut(session, true).requests.push(place),
            Event::TaskMinted { task, kind } => self.task_mut(*task, kind).minted.push(place),
            Event::HandleBegan { tasks } => self.handle(place, tasks),
            Event::ExpirationHandlerSet { task } => {
                self.known_task(*task, |task| task.handler = Some(place));
            }
            Event::TaskCompleted { task, repeated, .. } => self.known_task(*task, |task| {
                if *repeated {
                    task.repeats.push(place);
                } else {
                    task.completed = Some(place);
                }
            }),
            Event::ExpirationCalled { task, open, handler } => {
                self.known_task(*task, |task| task.expirations.push((place, *open, *handler)));
            }
            Event::Phase { phase: Phase::Collected } => self.collected = Some(place),
            Event::Phase { phase: Phase::Ended } => self.ended = Some(place),
            _ => self.read_transfer(place, &entry.event),
        }
    }

    /// What only the app itself can tell.
    pub(super) fn read_app(&mut self, place: Place, event: &'a Event) {
        match event {
            Event::Wanted { urls, .. } => self.wanted.push((place, urls)),
            Event::Scheduled { .. } => self.scheduled.push(place),
            Event::WorkBegan { work, session, .. } => {
                self.works.push(Work { number: *work, session, began: place, ended: None });
            }
            Event::WorkEnded { work } => {
                if let Some(known) = self.works.iter_mut().rev().find(|known| known.number == *work) {
                    known.ended = Some(place);
                }
            }
            Event::AppPanicked { what, message } => self.panics.push((place, what, message)),
            _ => self.read_closure(place, event),
        }
    }

    /// All transfers, of one session or of all, that the app has not been told the end of.
    fn untold(&mut self, of: Option<&SessionId>, note: impl Fn(&mut Transfer<'a>)) {
        let deliveries = &self.deliveries;
        for transfer in self.transfers.iter_mut().filter(|t| of.is_none_or(|of| t.key.session == *of)) {
            let told =
                |index: &usize| deliveries[*index].is_final() && deliveries[*index].returned().is_some();
            if !transfer.messages.iter().any(told) {
                note(transfer);
            }
        }
    }

    fn invalidating(&mut self, place: Place, session: &'a SessionId, cancel: bool) {
        self.session_mut(session, true).invalidated.push((place, cancel));
        if cancel {
            self.untold(Some(session), |transfer| {
                transfer.cancelled.get_or_insert(place);
            });
        }
    }

    fn app(&mut self, place: Place, change: AppChange) {
        if change.state() == AppState::NotRunning {
            let open = |task: &&mut Task<'_>| !task.delivered.is_empty() && task.completed.is_none();
            for task in self.tasks.iter_mut().filter(open) {
                task.orphaned.get_or_insert(place);
            }
        }
        if change == AppChange::ForceQuit {
            self.untold(None, |transfer| {
                transfer.quit.get_or_insert(place);
                transfer.cancelled.get_or_insert(place);
            });
        }
        self.changes.push((place, change));
    }

    fn handle(&mut self, place: Place, refs: &'a [TaskRef]) {
        let tasks: Vec<usize> = refs
            .iter()
            .map(|task| {
                let index = self.task_index(task.id, &task.kind);
                let known = &mut self.tasks[index];
                known.delivered.push(place);
                known.user_info = task.user_info.as_ref();
                known.allowance = Duration::from_millis(task.allowance);
                index
            })
            .collect();
        for task in refs {
            if let RefreshKind::UrlSession(session) = &task.kind
                && let Some(known) = self.sessions.iter_mut().find(|known| known.id == session)
            {
                known.wakes.push(place);
            }
        }
        let last = self
            .changes
            .last()
            .filter(|(_, change)| matches!(change, AppChange::Launched | AppChange::Resumed));
        let since =
            |change: Place| self.handles.last().is_none_or(|handle| handle.place.is_before(change.seq));
        let woke = last.map(|(change, _)| *change).filter(|change| since(*change));
        let launch = self.changes.iter().rev().take_while(|(change, _)| since(*change));
        let mut launch =
            launch.filter(|(_, change)| matches!(change, AppChange::Launched | AppChange::Resumed));
        let own = launch.next().map(|(change, _)| *change);
        let called = own.unwrap_or(place);
        let before = self.handles.last().filter(|before| own.is_none() && before.place.at == place.at);
        let earliest = before.map_or(called, |before| before.earliest);
        self.handles.push(Handle { place, tasks, woke, called, earliest });
    }

    pub(super) fn session_mut(&mut self, id: &'a SessionId, launch_events: bool) -> &mut Session<'a> {
        let index = self.sessions.iter().position(|known| known.id == id).unwrap_or_else(|| {
            self.sessions.push(Session {
                id,
                launch_events,
                cellular: true,
                in_process: false,
                connections: CONNECTIONS,
                discretionary: false,
                challenges: (false, true),
                decides: false,
                opened: Vec::new(),
                wakes: Vec::new(),
                requests: Vec::new(),
                invalidated: Vec::new(),
                gone: Vec::new(),
                seconds: Vec::new(),
            });
            self.sessions.len() - 1
        });
        &mut self.sessions[index]
    }

    fn task_index(&mut self, id: RefreshTaskId, kind: &'a RefreshKind) -> usize {
        self.tasks.iter().position(|known| known.id == id).unwrap_or_else(|| {
            self.tasks.push(Task {
                id,
                kind,
                user_info: None,
                minted: Vec::new(),
                delivered: Vec::new(),
                allowance: Duration::ZERO,
                handler: None,
                completed: None,
                repeats: Vec::new(),
                expirations: Vec::new(),
                orphaned: None,
            });
            self.tasks.len() - 1
        })
    }

    fn task_mut(&mut self, id: RefreshTaskId, kind: &'a RefreshKind) -> &mut Task<'a> {
        let index = self.task_index(id, kind);
        &mut self.tasks[index]
    }

    fn known_task(&mut self, id: RefreshTaskId, note: impl FnOnce(&mut Task<'a>)) {
        if let Some(task) = self.tasks.iter_mut().find(|known| known.id == id) {
            note(task);
        }
    }
}

//! What the app does with its sessions beside their transfers: lists them, opens them twice, invalidates them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::app::App;
use super::guard;
use super::recording::Recording;
use crate::contract::{AppLife, Configuration, Connection, Session, SessionError, SessionId};
use crate::history::{Event, Listed, Reopening};

/// What the app knows of sessions that it has invalidated.
#[derive(Default)]
pub(crate) struct Invalid {
    /// Their last message has not come.
    dying: BTreeSet<SessionId>,
    /// At any time.
    pub(crate) ever: BTreeSet<SessionId>,
    /// Delegates that are to be let go, by number.
    pub(crate) watched: BTreeSet<u32>,
    /// The delegate that each session was opened with last.
    pub(crate) delegates: BTreeMap<SessionId, u32>,
    numbers: u32,
}

impl Invalid {
    pub(crate) const fn next_delegate(&mut self) -> u32 {
        self.numbers += 1;
        self.numbers
    }
}

impl App {
    /// Lists a session's outstanding transfers.
    pub(crate) async fn list(&self, session: &Arc<dyn Session>) {
        let id = session.identifier().clone();
        self.recorder.record(Event::Listing { session: id.clone() });
        let listing = guard::call(&self.clock, &self.recorder, "Session::transfers", session.transfers());
        match listing.await {
            Some(Ok(transfers)) => {
                let transfers = transfers.into_iter().map(|info| Listed {
                    transfer: info.id,
                    kind: info.kind,
                    state: info.state,
                    description: info.description,
                    received: info.received,
                    request: Some(format!(
                        "{} {}",
                        info.original_request.method.as_str(),
                        info.original_request.url
                    )),
                });
                self.recorder.record(Event::Listed { session: id, transfers: transfers.collect() });
            }
            // Whether a dying session can be asked is nobody's promise.
            Some(Err(error)) if !self.invalid().ever.contains(&id) => {
                self.refused("Session::transfers", &error);
            }
            Some(Err(_)) | None => {}
        }
    }

    /// Invalidates a session that is open, once.
    pub(crate) async fn invalidate(&self, id: &SessionId, cancel: bool) {
        let Some(session) = self.lock().sessions.get(id).cloned() else { return };
        {
            let mut invalid = self.invalid();
            if !invalid.dying.insert(id.clone()) {
                return;
            }
            invalid.ever.insert(id.clone());
            if let Some(delegate) = invalid.delegates.get(id).copied() {
                invalid.watched.insert(delegate);
            }
        }
        self.recorder.record(Event::Invalidating { session: id.clone(), cancel });
        if cancel {
            let call = session.invalidate_and_cancel();
            guard::call(&self.clock, &self.recorder, "Session::invalidate_and_cancel", call).await;
        } else {
            let call = session.finish_tasks_and_invalidate();
            guard::call(&self.clock, &self.recorder, "Session::finish_tasks_and_invalidate", call).await;
        }
    }

    /// A session has had its last message: its name is free again.
    pub(super) fn forget(&self, id: &SessionId) {
        self.invalid().dying.remove(id);
        let gone = {
            let mut state = self.lock();
            state.known.retain(|(known, _)| known != id);
            state.sessions.remove(id)
        };
        // Outside the lock: it may let the delegate go.
        drop(gone);
    }

    /// Opens a session that is open a second time, in this process or from another one.
    pub(crate) async fn reopen(
        self: &Arc<Self>,
        id: &SessionId,
        launch_events: bool,
        elsewhere: bool,
        changed: bool,
    ) {
        let open = self.lock().sessions.contains_key(id);
        let Some(system) = self.system().filter(|_| open && !self.invalid().dying.contains(id)) else {
            return;
        };
        let timeout = self.setup.resource_timeout.duration();
        let configuration = Configuration {
            sends_launch_events: launch_events,
            resource_timeout: if changed { timeout / 10 } else { timeout },
            ..Configuration::background(id.clone())
        };
        let life = if elsewhere { AppLife::new() } else { self.life() };
        let delegate = Recording::new(Arc::clone(self), id.clone(), true);
        let connection = Connection::new(Arc::new(delegate), life.clone());
        let opening = system.service.session(configuration, connection);
        let Some(opened) =
            guard::call(&self.clock, &self.recorder, "TransferService::session", opening).await
        else {
            return;
        };
        let outcome = match &opened {
            Ok(_) => Reopening::Opened,
            Err(SessionError::InUse) => Reopening::InUse,
            Err(_) => Reopening::Refused,
        };
        let session = id.clone();
        self.recorder.record(Event::SessionReopened { session, elsewhere, launch_events, outcome });
        if elsewhere {
            // The other process looks and goes.
            drop(opened);
            life.end();
        } else if let Ok(second) = opened {
            self.lock().seconds.push(second);
        }
    }
}

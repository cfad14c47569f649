//! Messages side by side, or in the wrong order: SES-20.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    Delegate, Device, DeviceChange, FilePath, Response, SessionId, TransferEnd, TransferId,
};

use super::Mutant;
use crate::parts::{Almost, AlmostDelegate, lock, with_delegate, with_delegate_and_service};

pub(super) const MUTANTS: &[Mutant] = &[
    // One queue for each transfer instead of one for the session.
    Mutant::new("messages-side-by-side", &["SES-20"], |name| {
        with_delegate(name, |device| {
            let device = device.clone();
            Box::new(move |app| Arc::new(Almost(SideBySide { app, device: device.clone() })))
        })
    }),
    Mutant::new("drains-last-in-first-out", &["SES-20"], stack),
];

/// Starts a callback and takes it for returned.
struct SideBySide {
    app: Arc<dyn Delegate>,
    device: Device,
}

#[async_trait]
impl AlmostDelegate for SideBySide {
    fn inner(&self) -> &dyn Delegate {
        &*self.app
    }

    async fn did_complete(&self, session: &SessionId, transfer: TransferId, end: &TransferEnd) {
        let (app, session, end) = (Arc::clone(&self.app), session.clone(), end.clone());
        self.device.spawn(async move { app.did_complete(&session, transfer, &end).await });
    }
}

/// One transfer's messages that wait for the end of the drain.
struct Waiting {
    transfer: TransferId,
    file: Option<(Response, FilePath)>,
    end: Option<TransferEnd>,
}

/// What waits, by session; it outlives the process, since nothing of it may be lost.
#[derive(Default)]
struct Stack {
    waiting: Mutex<Vec<(SessionId, Waiting)>>,
    draining: Mutex<bool>,
}

fn stack(name: &str) -> Subject {
    with_delegate_and_service(name, |device| {
        let (stack, device) = (Arc::new(Stack::default()), device.clone());
        let told = Arc::clone(&stack);
        let wrap = move |app| -> Arc<dyn Delegate> {
            Arc::new(Almost(LastFirst { app, stack: Arc::clone(&stack), device: device.clone() }))
        };
        let note = move |change: &DeviceChange| {
            if let DeviceChange::App(change) = change {
                *lock(&told.draining) = change.state().is_running() && !change.state().is_foreground();
            }
        };
        (Box::new(wrap), Box::new(note))
    })
}

/// Keeps what comes in a wake on a stack, and unwinds that at its end.
struct LastFirst {
    app: Arc<dyn Delegate>,
    stack: Arc<Stack>,
    device: Device,
}

impl LastFirst {
    fn is_draining(&self) -> bool {
        *lock(&self.stack.draining)
    }
}

#[async_trait]
impl AlmostDelegate for LastFirst {
    fn inner(&self) -> &dyn Delegate {
        &*self.app
    }

    async fn did_finish_downloading(
        &self,
        of: &SessionId,
        transfer: TransferId,
        response: &Response,
        at: &FilePath,
    ) {
        if !self.is_draining() {
            return self.app.did_finish_downloading(of, transfer, response, at).await;
        }
        // The service removes the file when this returns, so it gets another name.
        let kept = FilePath::new(format!("{at}.kept"));
        if self.device.storage.rename(at, &kept).is_ok() {
            let file = Some((response.clone(), kept));
            lock(&self.stack.waiting).push((of.clone(), Waiting { transfer, file, end: None }));
        }
    }

    async fn did_complete(&self, session: &SessionId, transfer: TransferId, end: &TransferEnd) {
        let known = {
            let mut waiting = lock(&self.stack.waiting);
            let known =
                waiting.iter_mut().find(|(of, waiting)| of == session && waiting.transfer == transfer);
            known.map(|(_, waiting)| waiting.end = Some(end.clone())).is_some()
        };
        if known {
            return;
        }
        if self.is_draining() {
            let waiting = Waiting { transfer, file: None, end: Some(end.clone()) };
            return lock(&self.stack.waiting).push((session.clone(), waiting));
        }
        self.app.did_complete(session, transfer, end).await;
    }

    async fn did_finish_events(&self, session: &SessionId) {
        loop {
            let next = {
                let mut waiting = lock(&self.stack.waiting);
                waiting.iter().rposition(|(of, _)| of == session).map(|at| waiting.remove(at).1)
            };
            let Some(Waiting { transfer, file, end }) = next else { break };
            if let Some((response, file)) = file {
                self.app.did_finish_downloading(session, transfer, &response, &file).await;
            }
            if let Some(end) = end {
                self.app.did_complete(session, transfer, &end).await;
            }
        }
        self.app.did_finish_events(session).await;
    }
}

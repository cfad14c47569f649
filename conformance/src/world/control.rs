//! What the app does with single transfers: creates, resumes, suspends, cancels them.

use std::sync::Arc;
use std::time::Duration;

use super::app::App;
use super::conduct::REQUEST_TIMEOUT;
use super::guard;
use super::places;
use crate::contract::{
    FilePath, Request, ResumeData, Session, SessionError, Time, TransferId, TransferKind, TransferOptions,
};
use crate::history::{Event, TransferKey};
use crate::scenario::Attempt;

/// A download that the app has stopped and may go on with.
#[derive(Clone, Debug)]
pub(crate) struct Stopped {
    pub(crate) key: TransferKey,
    url: String,
    data: ResumeData,
}

/// What a transfer was created with.
pub(super) struct Terms {
    pub(super) earliest: Option<Time>,
    pub(super) description: Option<String>,
    /// The transfer whose resume data it goes on from.
    pub(super) continues: Option<TransferId>,
    /// Bytes of the file that it uploads.
    pub(super) bytes: Option<u64>,
    pub(super) resource_timeout: Duration,
    pub(super) request_timeout: Duration,
    /// Where the app was when the call began.
    pub(super) was_in_front: bool,
}

impl App {
    /// Creates a transfer and resumes it.
    pub(crate) async fn start(
        self: &Arc<Self>,
        session: &Arc<dyn Session>,
        kind: TransferKind,
        url: String,
        options: TransferOptions,
        file: Option<FilePath>,
    ) -> Option<TransferKey> {
        let key = self.create(session, kind, url, options, file).await?;
        self.resume_new(session, &key).await?;
        Some(key)
    }

    /// Creates a transfer, which is born suspended.
    pub(crate) async fn create(
        self: &Arc<Self>,
        session: &Arc<dyn Session>,
        kind: TransferKind,
        url: String,
        options: TransferOptions,
        file: Option<FilePath>,
    ) -> Option<TransferKey> {
        let earliest = options.earliest_begin_date;
        let description = options.description.clone();
        let was_in_front = self.process().is_foreground();
        let bytes = file.as_ref().and_then(|file| self.look_at(file).0);
        let created = match &file {
            None if kind == TransferKind::Data => {
                let data = session.data(Request::get(url.clone()), options);
                guard::call(&self.clock, &self.recorder, "Session::data", data).await?
            }
            Some(file) => {
                let upload = session.upload(Request::post(url.clone()), file, options);
                guard::call(&self.clock, &self.recorder, "Session::upload", upload).await?
            }
            None => {
                let download = session.download(Request::get(url.clone()), options);
                guard::call(&self.clock, &self.recorder, "Session::download", download).await?
            }
        };
        let transfer = match created {
            Ok(transfer) => transfer,
            Err(SessionError::Invalidated) if self.invalid().ever.contains(session.identifier()) => {
                self.recorder.record(Event::TransferRefused { session: session.identifier().clone() });
                return None;
            }
            Err(error) => {
                self.refused("creating a transfer", &error);
                return None;
            }
        };
        let key = TransferKey { session: session.identifier().clone(), transfer };
        self.created(&key, kind, url, Terms { earliest, description, bytes, ..self.terms(was_in_front) });
        Some(key)
    }

    /// The plainest terms, with the timeouts of every session that the kit opens.
    fn terms(&self, was_in_front: bool) -> Terms {
        Terms {
            earliest: None,
            description: None,
            continues: None,
            bytes: None,
            resource_timeout: self.setup.resource_timeout.duration(),
            request_timeout: Duration::from_millis(REQUEST_TIMEOUT),
            was_in_front,
        }
    }

    /// A transfer has been created.
    pub(super) fn created(&self, key: &TransferKey, kind: TransferKind, url: String, terms: Terms) {
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        {
            let mut state = self.lock();
            state.claims.insert(places::place(&url).to_owned(), key.clone());
            state.outstanding.insert(key.clone());
            state.holds.insert(key.clone(), 1);
            state.addresses.insert(key.clone(), url.clone());
        }
        self.recorder.record(Event::TransferCreated {
            key: key.clone(),
            kind,
            url,
            earliest: terms.earliest,
            resource_timeout: millis(terms.resource_timeout),
            request_timeout: millis(terms.request_timeout),
            continues: terms.continues,
            bytes: terms.bytes,
            description: terms.description,
            torn: self.process().is_foreground() != terms.was_in_front,
        });
    }

    /// The first resume of a newborn transfer: it is outstanding, so there is no reason to refuse it.
    async fn resume_new(&self, session: &Arc<dyn Session>, key: &TransferKey) -> Option<()> {
        self.lock().holds.remove(key);
        self.recorder.record(Event::TransferResumed { key: key.clone() });
        let resuming = session.resume(key.transfer);
        if let Err(error) = guard::call(&self.clock, &self.recorder, "Session::resume", resuming).await? {
            self.refused("Session::resume", &error);
        }
        Some(())
    }

    /// The session of a transfer, if the app has it open.
    fn session_of(&self, key: &TransferKey) -> Option<Arc<dyn Session>> {
        self.lock().sessions.get(&key.session).cloned()
    }

    /// What is not outstanding any more can not be changed: that is no refusal.
    fn changed(&self, what: &str, answer: Result<(), SessionError>) -> bool {
        match answer {
            Ok(()) => true,
            Err(SessionError::NoSuchTransfer) => false,
            Err(error) => {
                self.refused(what, &error);
                false
            }
        }
    }

    /// Resumes a transfer.
    pub(crate) async fn resume(&self, key: &TransferKey) {
        let Some(session) = self.session_of(key) else { return };
        {
            let holds = &mut self.lock().holds;
            match holds.get_mut(key) {
                Some(count) if *count > 1 => *count -= 1,
                _ => drop(holds.remove(key)),
            }
        }
        self.recorder.record(Event::TransferResumed { key: key.clone() });
        let resuming = session.resume(key.transfer);
        if let Some(answer) = guard::call(&self.clock, &self.recorder, "Session::resume", resuming).await {
            self.changed("Session::resume", answer);
        }
    }

    /// Suspends a transfer.
    pub(crate) async fn suspend(&self, key: &TransferKey) {
        let Some(session) = self.session_of(key) else { return };
        let suspending = session.suspend(key.transfer);
        let answer = guard::call(&self.clock, &self.recorder, "Session::suspend", suspending).await;
        if answer.is_some_and(|answer| self.changed("Session::suspend", answer)) {
            *self.lock().holds.entry(key.clone()).or_default() += 1;
            // Only now is it promised that nothing is sent.
            self.recorder.record(Event::TransferSuspended { key: key.clone() });
        }
    }

    /// Resumes everything that is suspended, as often as it takes.
    pub(crate) async fn resume_all(self: &Arc<Self>) {
        let held: Vec<(TransferKey, u32)> = {
            let state = self.lock();
            let held = state.holds.iter().filter(|(key, _)| state.outstanding.contains(*key));
            held.map(|(key, count)| (key.clone(), *count)).collect()
        };
        for (key, count) in held {
            let known = self.lock().known.iter().find(|(known, _)| *known == key.session).cloned();
            let Some((session, launch_events)) = known else { continue };
            self.open(&session, launch_events).await;
            for _ in 0..count {
                self.resume(&key).await;
            }
        }
    }

    /// Is anything suspended that has not ended?
    pub(crate) fn holds_any(&self) -> bool {
        let state = self.lock();
        state.holds.keys().any(|key| state.outstanding.contains(key))
    }

    /// Cancels a transfer.
    pub(crate) async fn cancel(&self, key: &TransferKey) {
        let Some(session) = self.session_of(key) else { return };
        self.lock().holds.remove(key);
        self.recorder.record(Event::TransferCancelled { key: key.clone(), keeping: false });
        let cancelling = session.cancel(key.transfer);
        // One that has just ended is not outstanding any more: that is no refusal.
        if guard::call(&self.clock, &self.recorder, "Session::cancel", cancelling).await.is_some() {
            self.recorder.record(Event::CancelReturned { key: key.clone(), resume_data: false });
        }
    }

    /// Cancels a transfer and keeps what it takes to go on with it.
    pub(crate) async fn stop(&self, key: &TransferKey) {
        let Some(session) = self.session_of(key) else { return };
        self.lock().holds.remove(key);
        self.recorder.record(Event::TransferCancelled { key: key.clone(), keeping: true });
        let what = "Session::cancel_by_producing_resume_data";
        let cancelling = session.cancel_by_producing_resume_data(key.transfer);
        let Some(answer) = guard::call(&self.clock, &self.recorder, what, cancelling).await else { return };
        let data = answer.ok().flatten();
        self.recorder.record(Event::CancelReturned { key: key.clone(), resume_data: data.is_some() });
        let mut state = self.lock();
        if let Some((data, url)) = data.zip(state.addresses.get(key).cloned()) {
            state.stopped.push_back(Stopped { key: key.clone(), url, data });
        }
    }

    /// Goes on with a download that was stopped.
    pub(crate) async fn go_on(self: &Arc<Self>, session: &Arc<dyn Session>, stopped: Stopped) {
        let was_in_front = self.process().is_foreground();
        let creating = session.download_resuming(stopped.data, TransferOptions::default());
        let what = "Session::download_resuming";
        match guard::call(&self.clock, &self.recorder, what, creating).await {
            Some(Ok(transfer)) => {
                let key = TransferKey { session: session.identifier().clone(), transfer };
                let continues = Some(stopped.key.transfer);
                let terms = Terms { continues, ..self.terms(was_in_front) };
                self.created(&key, TransferKind::Download, stopped.url, terms);
                self.resume_new(session, &key).await;
            }
            Some(Err(SessionError::BadResumeData { .. })) => {
                self.recorder.record(Event::ResumeRefused { key: stopped.key });
            }
            Some(Err(SessionError::Invalidated)) | None => {}
            Some(Err(error)) => self.refused(what, &error),
        }
    }

    /// Tries what a background session must not do.
    pub(crate) async fn attempt(self: &Arc<Self>, session: &Arc<dyn Session>, what: Attempt, url: String) {
        let address = match what {
            Attempt::Ftp => url.replacen("http://", "ftp://", 1),
            Attempt::File => url.replacen("http://origin.test", "file://", 1),
            Attempt::Relative => url.replacen("http://origin.test", "", 1),
            Attempt::MissingFile => url.clone(),
        };
        let missing = FilePath::new("app/nowhere");
        let was_in_front = self.process().is_foreground();
        let (attempt, call, name) = if what == Attempt::MissingFile {
            let upload = session.upload(Request::post(address.clone()), &missing, TransferOptions::default());
            (format!("the upload of {missing}, which is not there"), upload, "Session::upload")
        } else {
            let download = session.download(Request::get(address.clone()), TransferOptions::default());
            (format!("a download of {address:?}"), download, "Session::download")
        };
        let Some(answer) = guard::call(&self.clock, &self.recorder, name, call).await else { return };
        let accepted = answer.ok();
        self.recorder.record(Event::Attempted { session: session.identifier().clone(), attempt, accepted });
        let Some(transfer) = accepted else { return };
        // Whatever it is, it is a transfer now, and has an end like any other.
        let key = TransferKey { session: session.identifier().clone(), transfer };
        let kind = if what == Attempt::MissingFile { TransferKind::Upload } else { TransferKind::Download };
        self.created(&key, kind, address, self.terms(was_in_front));
        self.resume_new(session, &key).await;
    }
}

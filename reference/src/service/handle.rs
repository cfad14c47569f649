//! A session as the app holds it.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::driver::Shared;
use super::env::SessionKey;
use super::machine::ServiceMachine;
use super::session::NewTransfer;
use crate::contract::{
    FilePath, Request, ResumeData, Session, SessionError, SessionId, TransferId, TransferInfo,
    TransferOptions,
};

/// The app's end of one session. As many as the app opens; all of one name are the same session.
pub(super) struct SessionHandle {
    pub(super) shared: Arc<Shared>,
    pub(super) key: SessionKey,
    pub(super) identifier: SessionId,
}

impl fmt::Debug for SessionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({:?})", self.identifier)
    }
}

impl SessionHandle {
    fn call<T>(&self, call: impl FnOnce(&mut ServiceMachine, SessionKey) -> T) -> Result<T, SessionError> {
        self.shared.unless_stopped(|machine| call(machine, self.key))
    }
}

#[async_trait]
impl Session for SessionHandle {
    fn identifier(&self) -> &SessionId {
        &self.identifier
    }

    async fn download(&self, request: Request, options: TransferOptions) -> Result<TransferId, SessionError> {
        self.call(|machine, key| machine.create(key, NewTransfer::Download(request), options))?
    }

    async fn download_resuming(
        &self,
        data: ResumeData,
        options: TransferOptions,
    ) -> Result<TransferId, SessionError> {
        let storage = &self.shared.device.storage;
        // The part is taken away by the first who uses it, so the same data can not be used twice.
        let adopt = |from: &FilePath, len: u64, to: &FilePath| {
            storage.len(from).is_ok_and(|there| there == len) && storage.rename(from, to).is_ok()
        };
        self.call(|machine, key| machine.create_resuming(key, &data, options, adopt))?
    }

    async fn upload(
        &self,
        request: Request,
        file: &FilePath,
        options: TransferOptions,
    ) -> Result<TransferId, SessionError> {
        // SES-11: from a file that is there, or not at all.
        let missing = || SessionError::NoSuchFile { path: file.as_str().to_owned() };
        let len = self.shared.device.storage.len(file).map_err(|_| missing())?;
        self.call(|machine, key| {
            machine.create(key, NewTransfer::Upload(request, file.clone(), len), options)
        })?
    }

    async fn data(&self, request: Request, options: TransferOptions) -> Result<TransferId, SessionError> {
        self.call(|machine, key| machine.create(key, NewTransfer::Data(request), options))?
    }

    async fn resume(&self, transfer: TransferId) -> Result<(), SessionError> {
        self.call(|machine, key| machine.resume(key, transfer))?
    }

    async fn suspend(&self, transfer: TransferId) -> Result<(), SessionError> {
        self.call(|machine, key| machine.suspend(key, transfer))?
    }

    async fn cancel(&self, transfer: TransferId) -> Result<(), SessionError> {
        self.call(|machine, key| machine.cancel(key, transfer))?
    }

    async fn cancel_by_producing_resume_data(
        &self,
        transfer: TransferId,
    ) -> Result<Option<ResumeData>, SessionError> {
        self.call(|machine, key| machine.cancel_with_resume_data(key, transfer))?
    }

    async fn transfers(&self) -> Result<Vec<TransferInfo>, SessionError> {
        self.call(|machine, key| machine.transfers(key))
    }

    async fn finish_tasks_and_invalidate(&self) {
        self.shared.input(|machine| machine.invalidate(self.key, false));
    }

    async fn invalidate_and_cancel(&self) {
        self.shared.input(|machine| machine.invalidate(self.key, true));
    }
}

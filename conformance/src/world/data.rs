//! What the app does with data transfers: what it says to their responses, and the bytes that it is given.

use std::sync::Arc;

use bgsession_mock_server::body::Digest;

use super::app::App;
use crate::contract::{Responder, ResponseDisposition};
use crate::history::{Answer, Event, Message, MessageId, TransferKey};
use crate::scenario::Disposition;

/// The bytes of one transfer that a process of the app has been given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Taken {
    total: u64,
    digest: Digest,
}

impl App {
    /// The app is given more bytes of a data transfer; what the message says that does.
    pub(crate) fn take(&self, key: TransferKey, bytes: &[u8]) -> Message {
        let mut state = self.lock();
        let taken = state.data.entry(key).or_default();
        taken.total += bytes.len() as u64;
        taken.digest.update(bytes);
        Message::DidReceiveData { total: taken.total, digest: taken.digest.finish() }
    }

    /// What the app says to a response.
    pub(super) fn dispose(
        self: &Arc<Self>,
        id: MessageId,
        transfer: u64,
        responder: Responder<ResponseDisposition>,
    ) {
        let all = &self.setup.dispositions;
        let turn = usize::try_from(transfer).unwrap_or(0) % all.len().max(1);
        let disposition = all.get(turn).copied().unwrap_or(Disposition::Allow);
        let answer = match disposition {
            Disposition::Allow | Disposition::LateAllow(_) => ResponseDisposition::Allow,
            Disposition::Download | Disposition::LateDownload(_) => ResponseDisposition::BecomeDownload,
            Disposition::Cancel => ResponseDisposition::Cancel,
            Disposition::Never => return self.lock().undisposed.push(responder),
        };
        let (Disposition::LateAllow(span) | Disposition::LateDownload(span)) = disposition else {
            self.disposed(id, &answer);
            return responder.respond(answer);
        };
        let app = Arc::clone(self);
        self.spawn(async move {
            app.sleep(span.duration()).await;
            app.disposed(id, &answer);
            responder.respond(answer);
        });
    }

    /// The app said what becomes of a data transfer.
    pub(super) fn disposed(&self, id: MessageId, answer: &ResponseDisposition) {
        let answer = match answer {
            ResponseDisposition::BecomeDownload => Answer::BecomeDownload,
            ResponseDisposition::Cancel => Answer::Cancel,
            _ => Answer::Allow,
        };
        self.recorder.record(Event::Answered { id, answer, credential: None, request: None });
    }
}

//! Data transfers: what the app makes of their answer, and what becomes of them when its time is over.

use super::env::Env;
use super::phase::{Event, Phase};
use super::queue::{Call, Message};
use super::session::Session;
use crate::contract::{
    CancelReason, ResponseDisposition, TransferEnd, TransferError, TransferId, TransferKind,
};
use std::sync::Arc;

/// Has the app said what becomes of a data transfer?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disposal {
    /// There is nothing to say it about yet.
    Unasked,
    /// It has been asked, or is about to be; answers to calls of another number are void.
    Asked(u64),
    /// It takes the bytes as they come.
    Allowed,
}

impl Session {
    /// The answer has ended properly: so has the transfer, unless the app has to say first what it is to be.
    pub(super) fn come_to_its_end(&mut self, id: TransferId, env: &mut Env) {
        let waits = |t: &super::transfer::Transfer| t.is_data() && t.disposal != Disposal::Allowed;
        if self.transfers.get(&id).is_some_and(|t| waits(t)) {
            self.go(id, Event::AwaitDisposition, env);
            self.arm(id, env);
            self.ask_for_disposal(id, env);
            self.start_queued(env);
        } else {
            self.end(id, None, env);
        }
    }

    /// The head of a data transfer's own answer is there.
    pub(super) fn ask_for_disposal(&mut self, id: TransferId, env: &mut Env) {
        if let Some(t) = self.transfers.get_mut(&id)
            && t.is_data()
            && t.disposal == Disposal::Unasked
        {
            t.disposal = Disposal::Asked(0);
            self.queue.push(Message::Response(id));
            self.pump(env);
        }
    }

    /// The call that asks; `None` if there is nothing to ask any more.
    pub(super) fn disposal_call(&mut self, id: TransferId, env: &mut Env) -> Option<Call> {
        let t = self.transfers.get_mut(&id).filter(|t| t.phase != Phase::Ended)?;
        let response = t.response.clone()?;
        let serial = env.next_serial();
        t.disposal = Disposal::Asked(serial);
        Some(Call::Response(id, response, serial))
    }

    /// The delegate's answer.
    pub(super) fn disposed(
        &mut self,
        id: TransferId,
        serial: u64,
        answer: Option<ResponseDisposition>,
        env: &mut Env,
    ) {
        let asked = |t: &super::transfer::Transfer| {
            t.phase != Phase::Ended && t.is_data() && t.disposal == Disposal::Asked(serial)
        };
        let Some(t) = self.transfers.get_mut(&id).filter(|t| asked(t)) else {
            return;
        };
        let whole = t.phase == Phase::AwaitingDisposition;
        match answer {
            // Nobody will ever say: it waits for its timeout, or for the end of the app's time.
            None => return,
            Some(ResponseDisposition::Allow) => {
                t.disposal = Disposal::Allowed;
                self.give_data(id, env);
            }
            // SES-12: what has arrived is in its file already, and stays there.
            Some(ResponseDisposition::BecomeDownload) => {
                t.kind = TransferKind::Download;
                self.queue.push(Message::BecameDownload(id));
                self.pump(env);
            }
            Some(ResponseDisposition::Cancel) => {
                let cancelled = TransferError::Cancelled { reason: CancelReason::App, resume_data: None };
                return self.end(id, Some(cancelled), env);
            }
        }
        if whole {
            self.end(id, None, env);
        }
    }

    /// Bytes wait for the app; at most one message for each transfer does.
    pub(super) fn give_data(&mut self, id: TransferId, env: &mut Env) {
        let Some(t) = self.transfers.get_mut(&id) else {
            return;
        };
        let waits = t.disposal == Disposal::Allowed && t.partial.received > t.handing.max(t.reported);
        if waits && !std::mem::replace(&mut t.progress_waits, true) {
            self.queue.push(Message::Data(id));
            self.pump(env);
        }
    }

    /// The call that gives the app what has arrived by now.
    pub(super) fn data_call(&mut self, id: TransferId) -> Option<Call> {
        let t = self.transfers.get_mut(&id)?;
        t.progress_waits = false;
        t.handing = t.partial.received;
        let news = t.handing.saturating_sub(t.reported);
        (news > 0).then(|| Call::Data(id, t.file.clone(), t.reported, news))
    }

    /// The app's time is over: it is suspended, or its process has ended.
    ///
    /// SES-12: what is still a data transfer then, and has been begun, can not go on. That is an end like any other, but it
    /// is the app's own suspension that brings it about, so it is no cause to wake the app for.
    pub(super) fn disconnect(&mut self, exited: bool, env: &mut Env) {
        let all = self.transfers.values().filter(|t| t.is_data() && t.first_resumed.is_some());
        let (ended, open): (Vec<_>, Vec<_>) =
            all.map(|t| (t.phase == Phase::Ended, t.id)).partition(|(ended, _)| *ended);
        for (_, id) in &open {
            self.end(*id, Some(TransferError::Disconnected), env);
        }
        if exited {
            ended.iter().for_each(|(_, id)| self.lose_data(*id));
        }
        let own =
            |message: &Message| matches!(message, Message::Completed(id, _) if open.contains(&(false, *id)));
        if !open.is_empty()
            && self.running == 0
            && self.queue.has(|message| message.weighs() && !own(message))
        {
            self.wants_app(env);
        }
    }

    /// The bytes that the app has not taken are of no use to anybody any more.
    pub(super) fn forget_data(&mut self, id: TransferId) {
        self.queue.drop_data(id);
        if let Some(t) = self.transfers.get_mut(&id).filter(|t| t.is_data()) {
            t.reported = t.partial.received;
        }
    }

    /// A process that had a part of the bytes is gone, and the rest is of no use to the next one.
    fn lose_data(&mut self, id: TransferId) {
        if !self.queue.has(|message| matches!(message, Message::Data(of) if *of == id)) {
            return;
        }
        self.forget_data(id);
        let response = self.queue.end_of(id).and_then(|end| end.response.clone());
        let end = TransferEnd { response, error: Some(TransferError::Disconnected) };
        self.queue.change_end(id, &Arc::new(end));
    }
}

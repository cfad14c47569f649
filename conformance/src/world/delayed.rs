//! What the app says when a transfer's earliest begin date has come.

use std::sync::Arc;

use super::app::App;
use super::places::path_of;
use crate::contract::{DelayedRequestDisposition, Request, Responder};
use crate::history::{Answer, Event, MessageId};
use crate::scenario::Begin;

/// Where the request leads that the app puts in the place of another.
pub(crate) const INSTEAD: &str = "/new";

impl App {
    /// Does its delegate have `will_begin_delayed_request`?
    pub(crate) fn decides(&self) -> bool {
        !self.setup.begins.is_empty()
    }

    pub(super) fn begin(
        self: &Arc<Self>,
        id: MessageId,
        transfer: u64,
        request: Request,
        responder: Responder<DelayedRequestDisposition>,
    ) {
        let begins = &self.setup.begins;
        let Some(begin) = begins.get(usize::try_from(transfer).unwrap_or(0) % begins.len().max(1)) else {
            // Asked although it has no such method: what it says then is the contract's default.
            return responder.respond(DelayedRequestDisposition::ContinueLoading);
        };
        let instead = || {
            let url = format!("{}{INSTEAD}", request.url);
            let said = format!("{} /{}", request.method.as_str(), path_of(&url));
            (DelayedRequestDisposition::UseNewRequest(Request { url, ..request.clone() }), Some(said))
        };
        let (answer, said) = match begin {
            Begin::Continue | Begin::Late(_) => (DelayedRequestDisposition::ContinueLoading, None),
            Begin::Instead | Begin::LateInstead(_) => instead(),
            Begin::Cancel => (DelayedRequestDisposition::Cancel, None),
            Begin::Never => {
                self.lock().undecided.push(responder);
                return;
            }
        };
        let (Begin::Late(span) | Begin::LateInstead(span)) = *begin else {
            return self.decide(id, answer, said, responder);
        };
        let app = Arc::clone(self);
        self.spawn(async move {
            app.sleep(span.duration()).await;
            app.decide(id, answer, said, responder);
        });
    }

    fn decide(
        &self,
        id: MessageId,
        answer: DelayedRequestDisposition,
        request: Option<String>,
        responder: Responder<DelayedRequestDisposition>,
    ) {
        let said = match &answer {
            DelayedRequestDisposition::UseNewRequest(_) => Answer::UseNewRequest,
            DelayedRequestDisposition::Cancel => Answer::Cancel,
            _ => Answer::ContinueLoading,
        };
        self.recorder.record(Event::Answered { id, answer: said, credential: None, request });
        responder.respond(answer);
    }
}

//! Sessions that say whatever comes to mind.

use std::sync::Arc;

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    AuthenticationMethod, Challenge, Configuration, Connection, Device, FilePath, ProtectionSpace, Response,
    Scheduler, Session, SessionError, SessionId, Time, TransferEnd, TransferError, TransferId,
    TransferService, WakeReason, responder,
};
use bgsession_reference::service::ReferenceService;

use crate::parts::{Almost, AlmostService};

/// Beside what is right, tells the app of transfers, sessions, files and challenges that nobody has heard of, and asks
/// for wakes for sessions that do not exist.
#[must_use]
pub fn rubbish_sessions() -> Subject {
    Subject::sessions("rubbish-sessions", |device, scheduler| {
        let service = ReferenceService::new(device.clone(), Arc::clone(&scheduler));
        Arc::new(Almost(Rubbish { service, scheduler, device }))
    })
}

struct Rubbish {
    service: Arc<ReferenceService>,
    scheduler: Arc<dyn Scheduler>,
    device: Device,
}

#[async_trait]
impl AlmostService for Rubbish {
    fn inner(&self) -> &dyn TransferService {
        &*self.service
    }

    async fn session(
        &self,
        of: Configuration,
        connection: Connection,
    ) -> Result<Arc<dyn Session>, SessionError> {
        let (app, own) = (connection.clone(), of.identifier.clone());
        self.device.spawn(async move {
            // A process that ends in the middle of it only ends the babble.
            let _ = babble(&app, &own).await;
        });
        let scheduler = Arc::clone(&self.scheduler);
        let stranger =
            SessionId::new("nobody's\n\u{0}\u{202e}session").unwrap_or_else(|_| of.identifier.clone());
        self.device.spawn(async move {
            scheduler.request_wake(&stranger, WakeReason::DelayedRequestReady).await;
        });
        self.service.session(of, connection).await
    }
}

async fn babble(app: &Connection, own: &SessionId) -> Result<(), bgsession_reference::contract::Interrupted> {
    let nobody = TransferId::new(u64::MAX);
    let response =
        Response { status: 0, url: String::new(), headers: vec![(String::new(), "\r\n".to_owned())] };
    let end = TransferEnd { response: Some(response.clone()), error: Some(TransferError::Storage) };
    let space = ProtectionSpace {
        host: "\u{feff}".repeat(300),
        port: 0,
        realm: Some("a \"realm\"\n".to_owned()),
        method: AuthenticationMethod::ServerTrust,
    };
    let challenge = Challenge {
        protection_space: space,
        proposed_credential: None,
        previous_failure_count: u32::MAX,
        server_certificate: None,
    };
    app.did_finish_events(own).await?;
    app.did_write_data(own, nobody, u64::MAX, 0, Some(u64::MAX)).await?;
    app.did_finish_downloading(own, nobody, &response, &FilePath::new("../../../etc/passwd")).await?;
    app.did_finish_downloading(own, TransferId::new(1), &response, &FilePath::new("")).await?;
    app.did_complete(own, nobody, &end).await?;
    app.did_complete(own, nobody, &end).await?;
    let (asked, answer) = responder();
    app.did_receive_challenge(own, nobody, challenge.clone(), asked).await?;
    drop(answer);
    let (asked, answer) = responder();
    app.did_receive_session_challenge(own, challenge, asked).await?;
    drop(answer);
    app.did_resume_at_offset(own, nobody, Time::DISTANT_FUTURE.as_millis(), None).await?;
    app.did_become_invalid(own).await
}

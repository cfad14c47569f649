//! The tasks around the machine: exchanges, wakes, deliveries and the one timer.

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Poll, Waker};

use async_trait::async_trait;

use super::env::{Delivery, ExchangeId, Output, SessionKey};
use super::exchange::{self, Stop};
use super::handle::SessionHandle;
use super::machine::ServiceMachine;
use super::queue::Call;
use crate::contract::{
    Answer, Configuration, Connection, Device, DeviceChange, Interrupted, Scheduler, Session, SessionError,
    SessionId, Time, TransferService, WakeOutcome, WakeReason, responder,
};
use crate::timer::Timer;

/// The reference transfer service: a [`ServiceMachine`] on a device.
///
/// It keeps the app's sessions whether the app runs or not. Calls change the machine and start what it asks for;
/// nothing waits inside the caller. Dropping the service stops it: sessions still held say so.
///
/// ```
/// use bgsession_reference::contract::{Device, Scheduler, TransferService};
/// use bgsession_reference::scheduler::ReferenceScheduler;
/// use bgsession_reference::service::ReferenceService;
/// use std::sync::Arc;
///
/// fn boot(device: &Device) -> Arc<dyn TransferService> {
///     let scheduler = ReferenceScheduler::new(device.clone());
///     ReferenceService::new(device.clone(), scheduler)
/// }
/// ```
pub struct ReferenceService {
    shared: Arc<Shared>,
}

/// What the tasks and the sessions of one service share.
pub(super) struct Shared {
    pub(super) device: Device,
    scheduler: Arc<dyn Scheduler>,
    state: Mutex<State>,
}

struct State {
    machine: ServiceMachine,
    /// One for each exchange on the wire.
    stops: BTreeMap<ExchangeId, Arc<Stop>>,
    /// What the timer sleeps for.
    armed: Time,
    timer_started: bool,
    timer: Option<Waker>,
    stopped: bool,
}

impl ReferenceService {
    /// A service for this device, which asks `scheduler` for wakes.
    #[must_use]
    pub fn new(device: Device, scheduler: Arc<dyn Scheduler>) -> Arc<Self> {
        let machine = ServiceMachine::new(Arc::clone(&device.policy), device.conditions, device.app.state());
        let state = State {
            machine,
            stops: BTreeMap::new(),
            armed: Time::DISTANT_FUTURE,
            timer_started: false,
            timer: None,
            stopped: false,
        };
        Arc::new(Self { shared: Arc::new(Shared { device, scheduler, state: Mutex::new(state) }) })
    }
}

impl fmt::Debug for ReferenceService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReferenceService")
            .field("machine", &self.shared.lock().machine)
            .finish_non_exhaustive()
    }
}

impl Drop for ReferenceService {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.stopped = true;
        let stops = std::mem::take(&mut state.stops);
        let timer = state.timer.take();
        drop(state);
        stops.values().for_each(|stop| stop.set());
        if let Some(timer) = timer {
            timer.wake();
        }
    }
}

#[async_trait]
impl TransferService for ReferenceService {
    async fn session(
        &self,
        configuration: Configuration,
        connection: Connection,
    ) -> Result<Arc<dyn Session>, SessionError> {
        let identifier = configuration.identifier.clone();
        let key = self.shared.unless_stopped(|machine| machine.open(configuration, connection))??;
        Ok(Arc::new(SessionHandle { shared: Arc::clone(&self.shared), key, identifier }))
    }

    fn device_changed(&self, change: &DeviceChange) {
        self.shared.input(|machine| machine.device_changed(change));
    }
}

impl Shared {
    /// A panic elsewhere poisons the lock; the machine is changed by calls that do not panic half-way.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the machine and carries out what it asks for.
    pub(super) fn input<T>(self: &Arc<Self>, change: impl FnOnce(&mut ServiceMachine) -> T) -> T {
        let now = self.device.clock.now();
        let mut state = self.lock();
        state.machine.at(now);
        let result = change(&mut state.machine);
        self.carry_out(state);
        result
    }

    /// The same, for calls that a stopped service refuses.
    pub(super) fn unless_stopped<T>(
        self: &Arc<Self>,
        change: impl FnOnce(&mut ServiceMachine) -> T,
    ) -> Result<T, SessionError> {
        if self.lock().stopped { Err(SessionError::Stopped) } else { Ok(self.input(change)) }
    }

    fn carry_out(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        let outputs = state.machine.take_outputs();
        if state.stopped {
            return;
        }
        let mut exchanges = Vec::new();
        let mut stopped = Vec::new();
        let mut rest = Vec::new();
        for output in outputs {
            match output {
                Output::Exchange(id, request) => {
                    let stop = Arc::new(Stop::default());
                    state.stops.insert(id, Arc::clone(&stop));
                    exchanges.push((id, request, stop));
                }
                Output::Abort(id) => stopped.extend(state.stops.remove(&id)),
                output @ (Output::RequestWake(..)
                | Output::WithdrawWake(_)
                | Output::Drain(_)
                | Output::Remove(_)) => {
                    rest.push(output);
                }
            }
        }
        let timer = self.set_timer(&mut state);
        drop(state);
        stopped.iter().for_each(|stop: &Arc<Stop>| stop.set());
        for output in rest {
            match output {
                Output::RequestWake(key, session, reason) => {
                    let scheduler = Arc::clone(&self.scheduler);
                    self.device.spawn(request_wake(Arc::downgrade(self), scheduler, key, session, reason));
                }
                Output::WithdrawWake(session) => self.scheduler.withdraw_wake(&session),
                Output::Drain(key) => self.device.spawn(drain(Arc::downgrade(self), key)),
                // A file that the app has moved is not there any more, and that is well.
                Output::Remove(file) => drop(self.device.storage.remove(&file)),
                Output::Exchange(..) | Output::Abort(_) => unreachable!("taken out above"),
            }
        }
        for (id, request, stop) in exchanges {
            self.device.spawn(exchange::run(Arc::downgrade(self), id, request, stop));
        }
        if let Some(timer) = timer {
            timer.wake();
        }
    }

    /// Sees to it that the timer sleeps for the right moment.
    fn set_timer(self: &Arc<Self>, state: &mut State) -> Option<Waker> {
        let deadline = state.machine.deadline();
        if deadline == state.armed {
            return None;
        }
        state.armed = deadline;
        if std::mem::replace(&mut state.timer_started, true) {
            return state.timer.take();
        }
        self.device.spawn(run_timer(Arc::downgrade(self)));
        None
    }

    /// The exchange is over: nobody needs to be able to stop it.
    pub(super) fn exchange_over(&self, id: ExchangeId) {
        self.lock().stops.remove(&id);
    }
}

/// The service's one timer: sleeps for the earliest deadline of all transfers.
async fn run_timer(shared: Weak<Shared>) {
    let mut timer = Timer::default();
    poll_fn(|cx| {
        // Bounded: each turn either sleeps or handles a deadline that has come, and those are finitely many.
        loop {
            let Some(shared) = shared.upgrade() else {
                return Poll::Ready(());
            };
            let armed = {
                let mut state = shared.lock();
                if state.stopped {
                    return Poll::Ready(());
                }
                state.timer = Some(cx.waker().clone());
                state.armed
            };
            timer.set(armed, &shared.device.clock);
            if timer.poll(cx).is_pending() {
                return Poll::Pending;
            }
            shared.input(ServiceMachine::timeout);
        }
    })
    .await;
}

/// Asks for one wake and reports the answer.
async fn request_wake(
    shared: Weak<Shared>,
    scheduler: Arc<dyn Scheduler>,
    key: SessionKey,
    session: SessionId,
    reason: WakeReason,
) {
    // The user may have opened the app since: then there is nothing to withdraw yet, and nothing to ask for.
    let wanted = shared.upgrade().is_some_and(|shared| shared.lock().machine.wants_wake(key));
    let outcome =
        if wanted { scheduler.request_wake(&session, reason).await } else { WakeOutcome::Withdrawn };
    if let Some(shared) = shared.upgrade() {
        shared.input(|machine| machine.wake_resolved(key, outcome));
    }
}

/// Delivers messages of one session until there are none, or the app can not hear them.
async fn drain(shared: Weak<Shared>, key: SessionKey) {
    // Bounded by the messages that come about; each turn takes one out of the queue.
    loop {
        let Some(strong) = shared.upgrade() else { return };
        let Some(delivery) = strong.input(|machine| machine.next_delivery(key)) else {
            return;
        };
        drop(strong);
        // SES-20: the next one only after this one has returned.
        let acknowledged = deliver(&shared, key, delivery).await.is_ok();
        let Some(strong) = shared.upgrade() else { return };
        if !strong.input(|machine| machine.delivered(key, acknowledged)) {
            return;
        }
    }
}

/// Makes one call.
async fn deliver(shared: &Weak<Shared>, key: SessionKey, delivery: Delivery) -> Result<(), Interrupted> {
    let Delivery { connection: app, session, call } = delivery;
    match call {
        Call::SessionChallenge(transfer, challenge, serial) => {
            let (responder, answer) = responder();
            pass_on(shared, answer, move |machine, answer| {
                machine.challenge_answered(key, transfer, serial, answer);
            });
            app.did_receive_session_challenge(&session, challenge, responder).await
        }
        Call::Challenge(transfer, challenge, serial) => {
            let (responder, answer) = responder();
            pass_on(shared, answer, move |machine, answer| {
                machine.challenge_answered(key, transfer, serial, answer);
            });
            app.did_receive_challenge(&session, transfer, challenge, responder).await
        }
        Call::Delayed(transfer, request, serial) => {
            let (responder, answer) = responder();
            pass_on(shared, answer, move |machine, answer| {
                machine.delayed_answered(key, transfer, serial, answer);
            });
            app.will_begin_delayed_request(&session, transfer, request, responder).await
        }
        Call::Response(transfer, response, serial) => {
            let (responder, answer) = responder();
            pass_on(shared, answer, move |machine, answer| machine.disposed(key, transfer, serial, answer));
            app.did_receive_response(&session, transfer, &response, responder).await
        }
        Call::BecameDownload(transfer) => app.did_become_download(&session, transfer).await,
        Call::Data(transfer, file, from, len) => {
            let Some(strong) = shared.upgrade() else { return Ok(()) };
            let bytes = strong.device.storage.read(&file, from, usize::try_from(len).unwrap_or(usize::MAX));
            drop(strong);
            match bytes {
                Ok(bytes) => app.did_receive_data(&session, transfer, &bytes).await,
                // It has failed meanwhile, and its last message says so.
                Err(_) => Ok(()),
            }
        }
        Call::Wrote(transfer, written, total, expected) => {
            app.did_write_data(&session, transfer, written, total, expected).await
        }
        Call::Sent(transfer, sent, total, expected) => {
            app.did_send_body_data(&session, transfer, sent, total, expected).await
        }
        Call::ResumedAt(transfer, offset, expected) => {
            app.did_resume_at_offset(&session, transfer, offset, expected).await
        }
        Call::FinishedDownloading(transfer, end, file) => match &end.response {
            Some(response) => app.did_finish_downloading(&session, transfer, response, &file).await,
            None => unreachable!("a download only ends well with an answer"),
        },
        Call::Completed(transfer, end) => app.did_complete(&session, transfer, &end).await,
        Call::FinishedEvents => app.did_finish_events(&session).await,
        Call::BecameInvalid => app.did_become_invalid(&session).await,
    }
}

/// Waits for an answer beside the delivery: it may come long after the method has returned.
fn pass_on<T: Send + 'static>(
    shared: &Weak<Shared>,
    answer: Answer<T>,
    tell: impl FnOnce(&mut ServiceMachine, Option<T>) + Send + 'static,
) {
    let Some(strong) = shared.upgrade() else { return };
    let shared = Weak::clone(shared);
    strong.device.spawn(async move {
        let answer = answer.await;
        if let Some(shared) = shared.upgrade() {
            shared.input(|machine| tell(machine, answer));
        }
    });
}

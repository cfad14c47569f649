//! The scheduler without tasks, clock or app: inputs and time in, outputs and the next deadline out.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::allowance::{Due, OpenTasks};
use super::lifecycle::{Effect, step};
use super::slots::{self, Slot};
use super::wakes::{PendingWake, WaiterId, Wakes};
use crate::contract::{
    AppChange, AppState, AtAllowance, CompletionReport, Conditions, DeviceChange, ForegroundRefresh, Policy,
    RefreshKind, RefreshTaskId, ScheduleError, SessionId, SystemTask, Termination, Throttle, Time, UserInfo,
    WakeOutcome,
};

/// How long a wake whose task was lost with the process waits before it is tried again.
const AFTER_A_LOSS: Duration = Duration::from_secs(1);
/// How many system triggers may wait for one delivery to end; more than this in one moment are a broken device.
const MOST_TRIGGERS: usize = 64;
/// The span that Bluetooth alerts are counted in.
const DAY: Duration = Duration::from_secs(86_400);

/// One refresh task that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Order {
    /// Its kind.
    pub kind: RefreshKind,
    /// What the app passed when it asked for it.
    pub user_info: Option<UserInfo>,
}

/// What is to be done now.
#[derive(Debug)]
#[non_exhaustive]
pub enum Output {
    /// Make these tasks, tell the machine with [`SchedulerMachine::minted`], hand them to the app, and report with
    /// [`SchedulerMachine::delivered`]. Never empty; no other delivery is asked for meanwhile.
    Deliver(Vec<Order>),
    /// These calls of `request_wake` have their answer.
    Resolve(Vec<WaiterId>, WakeOutcome),
    /// Call for the expiration handler of this task.
    Expire(SystemTask),
    /// Suspend the app.
    Suspend,
    /// End the app.
    Terminate(Termination),
}

/// The delivery on its way: what to do when it arrives, or does not.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) cold: bool,
    /// The wakes among its orders, which come first and in this order.
    pub(super) wakes: Vec<PendingWake>,
    pub(super) ids: Vec<RefreshTaskId>,
}

/// The scheduler's whole state.
///
/// Order of calls: any input, each with a time that never decreases; then [`SchedulerMachine::poll`] until it returns
/// `None`; then wait for the next input or for [`SchedulerMachine::deadline`], and poll again.
///
/// ```
/// use std::sync::Arc;
/// use bgsession_reference::contract::{AppState, Conditions, Policy, SessionId, Time};
/// use bgsession_reference::scheduler::{Output, SchedulerMachine};
/// use bgsession_reference::throttle::SlidingWindow;
///
/// let policy = Arc::new(Policy::default());
/// let budget = Box::new(SlidingWindow::new(policy.budget_window));
/// let mut machine = SchedulerMachine::new(policy, budget, Conditions::default(), AppState::NotRunning);
/// machine.request_wake(&SessionId::new("feed")?);
/// assert!(matches!(machine.poll(Time::ZERO), Some(Output::Deliver(orders)) if orders.len() == 1));
/// # Ok::<(), bgsession_reference::contract::EmptyIdentifier>(())
/// ```
pub struct SchedulerMachine {
    pub(super) policy: Arc<Policy>,
    pub(super) throttle: Box<dyn Throttle>,
    pub(super) conditions: Conditions,
    pub(super) app: AppState,
    /// After a force quit, until the user opens the app.
    pub(super) suppressed: bool,
    /// The app has been asked to suspend and has not said so yet.
    suspending: bool,
    /// A task's time is over, and the app is suspended for it as soon as the delivery under way has arrived.
    overrun: bool,
    /// Since when it has been suspended, if it is.
    asleep_since: Option<Time>,
    pub(super) refresh: Option<Slot>,
    pub(super) snapshot: Option<Slot>,
    pub(super) wakes: Wakes,
    pub(super) triggers: VecDeque<RefreshKind>,
    /// Moments of the Bluetooth alerts of the last day; never more than the policy's number.
    alerts: VecDeque<Time>,
    open: OpenTasks,
    pub(super) flight: Option<Flight>,
    resolved: VecDeque<(Vec<WaiterId>, WakeOutcome)>,
}

impl fmt::Debug for SchedulerMachine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SchedulerMachine")
            .field("app", &self.app)
            .field("refresh", &self.refresh)
            .field("snapshot", &self.snapshot)
            .field("wakes", &self.wakes)
            .field("open", &self.open)
            .finish_non_exhaustive()
    }
}

impl SchedulerMachine {
    /// A scheduler with nothing to do, for an app in the state `app`.
    #[must_use]
    pub fn new(
        policy: Arc<Policy>,
        throttle: Box<dyn Throttle>,
        conditions: Conditions,
        app: AppState,
    ) -> Self {
        let open = OpenTasks::new(policy.cpu_allowance);
        Self {
            policy,
            throttle,
            conditions,
            app,
            suppressed: false,
            suspending: false,
            overrun: false,
            asleep_since: None,
            refresh: None,
            snapshot: None,
            wakes: Wakes::default(),
            triggers: VecDeque::new(),
            alerts: VecDeque::new(),
            open,
            flight: None,
            resolved: VecDeque::new(),
        }
    }

    /// The app's one refresh request; replaces the last.
    ///
    /// # Errors
    ///
    /// [`ScheduleError::BadDate`] for the distant future, which never comes.
    pub fn schedule_refresh(
        &mut self,
        preferred: Time,
        user_info: Option<UserInfo>,
    ) -> Result<(), ScheduleError> {
        if preferred == Time::DISTANT_FUTURE {
            return Err(ScheduleError::BadDate { preferred, reason: "the distant future never comes" });
        }
        // SCH-07: one slot, the newest request is the one that counts.
        self.refresh = Some(Slot::new(preferred, user_info));
        Ok(())
    }

    /// The app's one snapshot request; replaces the last. The distant future asks for none.
    pub fn schedule_snapshot(&mut self, preferred: Time, user_info: Option<UserInfo>) {
        self.snapshot = (preferred != Time::DISTANT_FUTURE).then(|| Slot::new(preferred, user_info));
    }

    /// A session wants the app. The answer comes as [`Output::Resolve`] with the number returned here.
    pub fn request_wake(&mut self, session: &SessionId) -> WaiterId {
        // SCH-27: nothing, until the user is back.
        if self.suppressed {
            let waiter = self.wakes.new_waiter();
            self.resolved.push_back((vec![waiter], WakeOutcome::Suppressed));
            return waiter;
        }
        self.wakes.request(session, self.policy.over_budget_wakes)
    }

    /// A session does not want the app any more. A wake already on its way still comes, but is not tried again.
    pub fn withdraw_wake(&mut self, session: &SessionId) {
        for wake in self.flight.iter_mut().flat_map(|flight| &mut flight.wakes) {
            wake.withdrawn |= wake.session == *session;
        }
        let waiters = self.wakes.withdraw(session);
        if !waiters.is_empty() {
            self.resolved.push_back((waiters, WakeOutcome::Withdrawn));
        }
    }

    /// The scheduler stops: everyone who waits is told.
    pub fn stop(&mut self) {
        let mut waiters = self.wakes.withdraw_all();
        if let Some(flight) = &mut self.flight {
            waiters.extend(flight.wakes.drain(..).flat_map(|wake| wake.waiters));
        }
        self.suppressed = true;
        self.resolved.push_back((waiters, WakeOutcome::Suppressed));
    }

    /// The app's process, the conditions or the system's wishes have changed.
    pub fn device_changed(&mut self, change: &DeviceChange, now: Time) {
        match change {
            DeviceChange::App(change) => self.app_changed(*change, now),
            DeviceChange::Conditions(conditions) => {
                if conditions.class != self.conditions.class {
                    self.forget_budget_answers(now);
                }
                self.conditions = *conditions;
            }
            DeviceChange::Trigger(trigger) => self.triggered(trigger.kind.clone(), now),
        }
    }

    fn app_changed(&mut self, change: AppChange, now: Time) {
        let (state, effect) = step(self.app, change);
        self.overrun = false;
        if state == AppState::Suspended && self.app != AppState::Suspended {
            // What is over by now is over.
            self.open.drop_overrun(now);
            self.asleep_since = Some(now);
        } else if state != AppState::Suspended
            && let Some(since) = self.asleep_since.take()
        {
            self.open.resume(now.since(since));
        }
        self.app = state;
        self.suspending = false;
        match effect {
            Effect::Nothing => {}
            Effect::ComeToFront => {
                self.suppressed = false;
                // SCH-26: the user's visit restores every opportunity.
                self.alerts.clear();
            }
            Effect::LeaveFront => self.open.leave_front(self.policy.expiration_lead, now),
            Effect::ForgetTasks => self.open.forget_all(),
            Effect::ForgetAndSuppress => {
                self.open.forget_all();
                self.suppressed = true;
                self.triggers.clear();
                let waiters = self.wakes.withdraw_all();
                self.resolved.push_back((waiters, WakeOutcome::Suppressed));
            }
        }
    }

    /// Another allotment: what the budget said for the old one no longer counts.
    fn forget_budget_answers(&mut self, now: Time) {
        for slot in [&mut self.refresh, &mut self.snapshot].into_iter().flatten() {
            slot.not_before = slot.not_before.min(now);
        }
        for wake in &mut self.wakes.pending {
            wake.not_before = wake.not_before.min(now);
        }
    }

    fn triggered(&mut self, kind: RefreshKind, now: Time) {
        // SCH-19: session wakes have their own causes, and a trigger is none of them.
        let foreign = matches!(kind, RefreshKind::UrlSession(_));
        if foreign || self.suppressed || self.triggers.len() >= MOST_TRIGGERS {
            return;
        }
        if kind == RefreshKind::BluetoothAlert {
            while self.alerts.front().is_some_and(|&then| then + DAY <= now) {
                self.alerts.pop_front();
            }
            // SCH-26: each opportunity comes back a day after its own use.
            let most = usize::try_from(self.policy.bluetooth_alerts_per_day).unwrap_or(usize::MAX);
            // An alert over the day's number is dropped: it would be stale when its turn came.
            if self.alerts.len() >= most {
                return;
            }
            self.alerts.push_back(now);
        }
        self.triggers.push_back(kind);
    }

    /// These tasks were made for the last [`Output::Deliver`], in the order of its orders.
    pub fn minted(&mut self, tasks: &[SystemTask]) {
        let Some(flight) = &mut self.flight else { return };
        flight.ids = tasks.iter().map(SystemTask::id).collect();
        let cold = flight.cold;
        for task in tasks {
            self.open.hand_over(task.clone(), cold);
        }
    }

    /// The last [`Output::Deliver`] is over: `begun` if the app's `handle` has begun with the tasks.
    pub fn delivered(&mut self, begun: bool, now: Time) {
        let Some(flight) = self.flight.take() else { return };
        if begun {
            self.open.begin(&flight.ids, &self.policy.allowances, now);
        } else {
            // SCH-06: a task that was lost is never handed over again; its session gets a new one.
            for id in &flight.ids {
                self.open.close(*id);
            }
        }
        for (at, wake) in flight.wakes.into_iter().enumerate() {
            match (begun, flight.ids.get(at)) {
                (true, Some(id)) => self.resolved.push_back((wake.waiters, WakeOutcome::Handled(*id))),
                _ if wake.withdrawn => self.resolved.push_back((wake.waiters, WakeOutcome::Withdrawn)),
                _ if self.suppressed => self.resolved.push_back((wake.waiters, WakeOutcome::Suppressed)),
                // SCH-15: a wake is never lost. The pause keeps an app that dies at once from becoming a loop.
                _ => self.wakes.put_back(wake, self.policy.over_budget_wakes, now + AFTER_A_LOSS),
            }
        }
    }

    /// The app has completed a task.
    pub fn completed(&mut self, kind: &RefreshKind, report: &CompletionReport, now: Time) {
        // SCH-05: a repeated completion completes nothing, neither this task nor another.
        if report.repeated {
            return;
        }
        self.open.close(report.task);
        let interval = self.policy.snapshot_interval;
        if let Some(slot) = slots::after_completion(kind, &report.completion, interval, now) {
            self.snapshot = slot;
        }
    }

    /// The app's process has used so much CPU time by now. To be told before each
    /// [`SchedulerMachine::poll`], [`SchedulerMachine::delivered`] and [`SchedulerMachine::device_changed`].
    pub const fn measured(&mut self, cpu_time: Duration) {
        self.open.measure(cpu_time);
    }

    /// What is to be done now, one thing at a time; `None` when there is nothing.
    pub fn poll(&mut self, now: Time) -> Option<Output> {
        while let Some((waiters, outcome)) = self.resolved.pop_front() {
            if !waiters.is_empty() {
                return Some(Output::Resolve(waiters, outcome));
            }
        }
        if let Some(output) = self.enforce(now) {
            return Some(output);
        }
        // What was asked of the app must have happened first: a task handed over now would be taken for one of those
        // that end with it.
        if self.flight.is_none() && !self.suspending {
            let orders = self.take_due(now);
            // SCH-01: a set is never empty.
            if !orders.is_empty() {
                return Some(Output::Deliver(orders));
            }
            // SCH-04: not while any task is open or on its way, and at once when none is.
            if self.app == AppState::Background && self.open.is_empty() {
                self.suspending = true;
                return Some(Output::Suspend);
            }
        }
        None
    }

    /// When to poll again if nothing else happens before.
    #[must_use]
    pub fn deadline(&self) -> Time {
        let mut next = Time::DISTANT_FUTURE;
        if self.app == AppState::Background {
            next = self.open.next(self.policy.expiration_lead);
        }
        if self.flight.is_some() || self.suppressed || self.suspending {
            return next;
        }
        // What is due but held back waits for an input, not for a moment.
        let held = self.is_held();
        let disregards = self.policy.foreground_refresh == ForegroundRefresh::Disregard;
        let refresh_held = held || (disregards && self.app.is_foreground());
        next = next.min(slots::next(self.refresh.as_ref(), refresh_held));
        next = next.min(slots::next(self.snapshot.as_ref(), held));
        if held { next } else { next.min(self.wakes.next()) }
    }

    fn enforce(&mut self, now: Time) -> Option<Output> {
        if self.app != AppState::Background {
            return None;
        }
        if self.flight.is_none() && std::mem::take(&mut self.overrun) {
            self.suspending = true;
            return Some(Output::Suspend);
        }
        match self.open.due(self.policy.expiration_lead, now) {
            Due::Nothing => None,
            Due::Expire(task) => Some(Output::Expire(task)),
            // SCH-25: the reason is a code of its own, and always an end: there is none for a suspension.
            Due::CpuUsedUp => {
                self.suspending = true;
                Some(Output::Terminate(Termination::Cpu))
            }
            Due::Overrun => match self.policy.at_allowance {
                // What is under way would be stuck in an app that is suspended before it has come up.
                AtAllowance::Suspend if self.flight.is_some() => {
                    self.overrun = true;
                    None
                }
                AtAllowance::Suspend => {
                    self.suspending = true;
                    Some(Output::Suspend)
                }
                AtAllowance::Terminate => {
                    self.suspending = true;
                    // SCH-17: an app that got no CPU time is not to blame.
                    let starved = self.conditions.starved;
                    Some(Output::Terminate(if starved { Termination::Starved } else { Termination::Wall }))
                }
            },
        }
    }
}

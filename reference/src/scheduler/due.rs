//! What goes into the next delivery: what is due, allowed by the conditions and admitted by the budget.

use super::machine::{Flight, Order, SchedulerMachine};
use super::wakes::PendingWake;
use crate::contract::{Admission, AppState, Charge, ForegroundRefresh, RefreshKind, SnapshotReason, Time};

impl SchedulerMachine {
    /// SCH-16: battery low, or a workout or navigation runs: budgeted tasks wait.
    pub(super) const fn is_held(&self) -> bool {
        self.conditions.low_power || self.conditions.busy
    }

    /// May a task with this charge be delivered now?
    fn admit(&mut self, charge: Charge, now: Time) -> Admission {
        let per_hour = self.policy.per_hour(charge, self.conditions.class);
        match self.throttle.admit(charge, per_hour, now) {
            Admission::Admitted => Admission::Admitted,
            // A throttle that names a moment in the past would make a loop without end.
            Admission::NotBefore(later) => Admission::NotBefore(later.max(now + Time::TICK)),
        }
    }

    /// Takes everything that is due and admitted: one set.
    pub(super) fn take_due(&mut self, now: Time) -> Vec<Order> {
        let mut orders = Vec::new();
        if self.suppressed {
            return orders;
        }
        let wakes = self.take_wakes(now, &mut orders);
        self.take_refresh(now, &mut orders);
        self.take_snapshot(now, &mut orders);
        self.take_triggers(&mut orders);
        if !orders.is_empty() {
            let cold = self.app == AppState::NotRunning;
            self.flight = Some(Flight { cold, wakes, ids: Vec::new() });
        }
        orders
    }

    fn take_wakes(&mut self, now: Time, orders: &mut Vec<Order>) -> Vec<PendingWake> {
        let mut taken: Vec<PendingWake> = Vec::new();
        if self.is_held() {
            return taken;
        }
        for mut wake in std::mem::take(&mut self.wakes.pending) {
            // SCH-20: a task is for exactly one session, and a set has at most one for each.
            let twice = taken.iter().any(|other| other.session == wake.session);
            if wake.not_before <= now && !twice {
                match self.admit(Charge::UrlSession, now) {
                    Admission::Admitted => {
                        let kind = RefreshKind::UrlSession(wake.session.clone());
                        orders.push(Order { kind, user_info: None });
                        taken.push(wake);
                        continue;
                    }
                    // SCH-14, SCH-15: over budget is later, never lost.
                    Admission::NotBefore(later) => wake.not_before = later,
                }
            }
            self.wakes.pending.push(wake);
        }
        taken
    }

    fn take_refresh(&mut self, now: Time, orders: &mut Vec<Order>) {
        let held = self.is_held();
        // SCH-09: never before its date.
        let Some(slot) = self.refresh.as_mut().filter(|slot| slot.is_due(now)) else {
            return;
        };
        if self.app.is_foreground() && self.policy.foreground_refresh == ForegroundRefresh::Disregard {
            // SCH-12: what falls due in front is disregarded; what fell due before and was held back waits on.
            if !slot.overdue {
                self.refresh = None;
            }
            return;
        }
        slot.overdue = true;
        if held || slot.not_before > now {
            return;
        }
        let admission = self.admit(Charge::ApplicationRefresh, now);
        let Some(mut slot) = self.refresh.take() else {
            return;
        };
        match admission {
            Admission::Admitted => {
                orders.push(Order { kind: RefreshKind::ApplicationRefresh, user_info: slot.user_info });
            }
            Admission::NotBefore(later) => {
                slot.not_before = later;
                self.refresh = Some(slot);
            }
        }
    }

    fn take_snapshot(&mut self, now: Time, orders: &mut Vec<Order>) {
        let held = self.is_held();
        let Some(slot) = self.snapshot.as_mut().filter(|slot| slot.is_due(now)) else {
            return;
        };
        slot.overdue = true;
        if held || slot.not_before > now {
            return;
        }
        let admission = self.admit(Charge::Snapshot, now);
        let Some(mut slot) = self.snapshot.take() else {
            return;
        };
        match admission {
            Admission::Admitted => {
                let kind = RefreshKind::Snapshot(SnapshotReason::AppScheduled);
                orders.push(Order { kind, user_info: slot.user_info });
            }
            Admission::NotBefore(later) => {
                slot.not_before = later;
                self.snapshot = Some(slot);
            }
        }
    }

    /// SCH-08, SCH-13: what the system starts is free and touches no slot.
    fn take_triggers(&mut self, orders: &mut Vec<Order>) {
        orders.extend(self.triggers.drain(..).map(|kind| Order { kind, user_info: None }));
    }
}

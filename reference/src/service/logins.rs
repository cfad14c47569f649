//! The credentials that a session knows.

use super::address::Origin;
use super::auth::{Login, Offer};

/// A login within its session.
pub(super) type LoginId = u32;

/// Few: one for each realm that the app has answered for, and those on trial.
#[derive(Debug, Default)]
pub(super) struct Logins {
    entries: Vec<(LoginId, Login)>,
    next: LoginId,
}

impl Logins {
    pub(super) fn add(&mut self, login: Login) -> LoginId {
        self.next += 1;
        self.entries.push((self.next, login));
        self.next
    }

    pub(super) fn get_mut(&mut self, id: LoginId) -> Option<&mut Login> {
        self.entries.iter_mut().find(|(other, _)| *other == id).map(|(_, login)| login)
    }

    /// The latest one that may be sent to this origin without being asked for.
    ///
    /// SES-27, and users' demand: never to another scheme, host or port.
    pub(super) fn shared_for(&self, origin: &Origin) -> Option<LoginId> {
        let mut latest_first = self.entries.iter().rev();
        latest_first.find(|(_, login)| login.shared && login.origin == *origin).map(|(id, _)| *id)
    }

    /// One that answers one of these offers, and which offer: known to the session, and not the one just refused.
    pub(super) fn matching<'a>(
        &self,
        origin: &Origin,
        offers: impl Iterator<Item = &'a Offer>,
        refused: Option<LoginId>,
    ) -> Option<LoginId> {
        let known = |offer: &Offer| {
            let fits = |(id, login): &&(LoginId, Login)| {
                login.shared && Some(*id) != refused && login.origin == *origin && login.space == offer.space
            };
            self.entries.iter().rev().find(fits).map(|(id, _)| *id)
        };
        offers.into_iter().find_map(known)
    }

    /// The server has taken it: other transfers may use it, if the app said so. It replaces an older one.
    pub(super) fn accept(&mut self, id: LoginId) {
        let Some(login) = self.get_mut(id) else { return };
        if login.shared || !login.keep {
            return;
        }
        login.shared = true;
        let (origin, space) = (login.origin.clone(), login.space.clone());
        for (other, login) in &mut self.entries {
            if *other != id && login.origin == origin && login.space == space {
                login.shared = false;
            }
        }
    }

    /// The server has refused it: nobody else tries it.
    pub(super) fn refuse(&mut self, id: LoginId) {
        if let Some(login) = self.get_mut(id) {
            login.shared = false;
            login.keep = false;
        }
    }

    /// The process that gave them is gone, and what it gave for the session goes with it. A transfer that logged in
    /// keeps its own.
    pub(super) fn forget_session(&mut self) {
        for (_, login) in &mut self.entries {
            login.shared = false;
            login.keep = false;
        }
    }

    /// Drops those that neither the session nor any of these transfers needs.
    pub(super) fn keep_only(&mut self, used: impl Fn(LoginId) -> bool) {
        self.entries.retain(|(id, login)| login.shared || used(*id));
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

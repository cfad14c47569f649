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
    /// SES-31: never to another scheme, host or port.
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

#[cfg(test)]
mod tests {
    use super::super::auth::offers;
    use super::*;
    use crate::contract::{Credential, Persistence, Response};

    fn origin() -> Origin {
        Origin { secure: false, host: "a.test".into(), port: 80 }
    }

    fn offer(realm: &str) -> Offer {
        let headers = vec![("www-authenticate".to_owned(), format!("Basic realm=\"{realm}\""))];
        offers(&Response { status: 401, url: String::new(), headers }, &origin()).remove(0)
    }

    fn login(realm: &str, persistence: Persistence) -> Login {
        let credential = Credential::Password { user: "u".to_owned(), password: "p".to_owned(), persistence };
        Login::new(offer(realm), origin(), credential).expect("a password answers it")
    }

    /// Two for the realm `r` and one for `q`, none of them taken yet.
    fn three() -> (Logins, [LoginId; 3]) {
        let mut logins = Logins::default();
        let ids = ["r", "r", "q"].map(|realm| logins.add(login(realm, Persistence::ForSession)));
        (logins, ids)
    }

    #[test]
    fn one_is_shared_when_the_server_has_taken_it_and_takes_the_place_of_an_older_one() {
        let (mut logins, [first, second, other]) = three();
        assert_eq!(logins.shared_for(&origin()), None);
        logins.accept(other);
        logins.accept(second);
        logins.accept(first);
        let matching = |logins: &Logins, realm| logins.matching(&origin(), [offer(realm)].iter(), None);
        assert_eq!((matching(&logins, "r"), matching(&logins, "q")), (Some(first), Some(other)));
        logins.refuse(first);
        assert_eq!((matching(&logins, "r"), matching(&logins, "q")), (None, Some(other)));
        logins.accept(first);
        assert_eq!(matching(&logins, "r"), None, "nobody tries it again");
    }

    #[test]
    fn one_that_is_not_to_be_kept_is_never_shared() {
        let mut logins = Logins::default();
        let once = logins.add(login("r", Persistence::None));
        logins.accept(once);
        assert_eq!(logins.shared_for(&origin()), None);
    }

    #[test]
    fn with_the_process_goes_what_it_gave_for_the_session() {
        let (mut logins, [first, ..]) = three();
        logins.accept(first);
        logins.forget_session();
        assert_eq!(logins.shared_for(&origin()), None);
        logins.accept(first);
        assert_eq!(logins.shared_for(&origin()), None);
    }

    #[test]
    fn what_nobody_needs_is_dropped() {
        let (mut logins, [first, second, other]) = three();
        logins.accept(first);
        logins.keep_only(|id| id == second);
        assert!(logins.get_mut(first).is_some() && logins.get_mut(second).is_some());
        assert!(logins.get_mut(other).is_none() && !logins.is_empty());
        logins.refuse(first);
        logins.keep_only(|_| false);
        assert!(logins.is_empty());
    }
}

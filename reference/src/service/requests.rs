//! What goes on the wire, and how much at a time.

use super::env::{Env, ExchangeId, Outgoing, Output};
use super::phase::Event;
use super::session::Session;
use crate::contract::TransferId;

impl Session {
    /// Starts as many as may be on the wire at once. SES-32: the configuration has a say in that.
    pub(super) fn start_queued(&mut self, env: &mut Env) {
        let most = self.config.maximum_connections_per_host.min(env.policy.connections_per_host).max(1);
        // Bounded by the line: every turn takes one out of it.
        while let Some(id) = self.line.next(most) {
            self.start(id, env);
        }
    }

    fn start(&mut self, id: TransferId, env: &mut Env) {
        self.go(id, Event::Start, env);
        let timeout = self.config.request_timeout;
        let Some(t) = self.transfers.get_mut(&id) else {
            return;
        };
        t.attempt += 1;
        if t.limited.take().is_some() {
            env.limiter.released(env.now);
        }
        t.wire_over = false;
        t.sent = 0;
        t.until = env.now + timeout;
        let request = self.outgoing(id, env);
        self.arm(id, env);
        if let (Some(request), Some(t)) = (request, self.transfers.get(&id)) {
            let exchange = ExchangeId { session: self.key, transfer: id, attempt: t.attempt };
            env.outputs.push(Output::Exchange(exchange, request));
        }
    }

    /// The request that goes out now.
    fn outgoing(&mut self, id: TransferId, env: &mut Env) -> Option<Outgoing> {
        let t = self.transfers.get_mut(&id)?;
        let (method, url) = (t.method(), t.url().to_owned());
        let with_body = t.hop.as_ref().is_none_or(|hop| hop.with_body);
        let crossed = t.hop.as_ref().is_some_and(|hop| hop.crossed);
        let resume_point = if t.has_own_range() { None } else { t.partial.resume_point() };
        t.asked_offset = resume_point.map(|(offset, _)| offset);
        let range = resume_point.map(|(offset, validator)| (offset, validator.as_str().to_owned()));
        // SES-27: a credential goes to the origin it was given for, and to no other.
        let given = t
            .login
            .given
            .filter(|login| self.logins.get_mut(*login).is_some_and(|login| login.origin == t.origin));
        let login = given.or_else(|| self.logins.shared_for(&t.origin));
        let nonce = if login.is_some() { env.next_serial() } else { 0 };
        let field = login
            .and_then(|login| self.logins.get_mut(login))
            .and_then(|login| login.field(method, &url, nonce));
        t.login.sent = field.as_ref().and(login);
        let request = t.request();
        let goes_along = |name: &str| {
            // What the app itself sent as a secret stays with the origin that it named; a login takes its place.
            let secret = matches!(name, "authorization" | "proxy-authorization" | "cookie");
            let secret = (secret && crossed) || (name == "authorization" && field.is_some());
            let of_body = !with_body && name.starts_with("content-");
            !secret && !of_body
        };
        let mut headers: Vec<_> =
            request.headers.iter().filter(|(name, _)| goes_along(name)).cloned().collect();
        if let Some(field) = field {
            headers.push(("authorization".to_owned(), field));
        }
        if let Some((offset, validator)) = range {
            headers.push(("range".to_owned(), format!("bytes={offset}-")));
            headers.push(("if-range".to_owned(), validator));
        }
        // SES-34: the file, whole, with each request that is to have a body.
        let upload = t.upload.clone().filter(|_| with_body);
        let tls = t.login.tls.or(&self.tls, &t.origin);
        t.login.tls_sent.clone_from(&tls);
        Some(Outgoing { method, url, headers, upload, tls })
    }
}

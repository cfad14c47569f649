//! The line for connections: who waits for one, and how many are in use.

use std::collections::BTreeMap;

use super::address::Origin;
use crate::contract::TransferId;

/// Who waits stands in a line for each server: those for a busy one are not looked at again and again.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// A handful: one for each server that is in use or waited for.
    servers: Vec<Server>,
    last_ticket: u64,
}

#[derive(Debug)]
struct Server {
    origin: Origin,
    /// Connections in use.
    busy: u32,
    waiting: BTreeMap<u64, TransferId>,
}

impl Line {
    /// A place behind everybody, whatever server he waits for. Whoever comes back brings the ticket that he has.
    pub(super) const fn ticket(&mut self) -> u64 {
        self.last_ticket += 1;
        self.last_ticket
    }

    fn server(&mut self, origin: &Origin) -> &mut Server {
        let at = self.servers.iter().position(|server| server.origin == *origin).unwrap_or_else(|| {
            self.servers.push(Server { origin: origin.clone(), busy: 0, waiting: BTreeMap::new() });
            self.servers.len() - 1
        });
        &mut self.servers[at]
    }

    /// Changes what there is of a server, and forgets it if nobody uses it and nobody waits for it.
    fn change(&mut self, origin: &Origin, change: impl FnOnce(&mut Server)) {
        if let Some(at) = self.servers.iter().position(|server| server.origin == *origin) {
            let server = &mut self.servers[at];
            change(server);
            if server.busy == 0 && server.waiting.is_empty() {
                self.servers.swap_remove(at);
            }
        }
    }

    /// Waits for a connection to a server.
    pub(super) fn join(&mut self, origin: &Origin, ticket: u64, id: TransferId) {
        self.server(origin).waiting.insert(ticket, id);
    }

    /// Waits no longer.
    pub(super) fn leave(&mut self, origin: &Origin, ticket: u64) {
        self.change(origin, |server| {
            server.waiting.remove(&ticket);
        });
    }

    /// Uses a connection.
    pub(super) fn connect(&mut self, origin: &Origin) {
        self.server(origin).busy += 1;
    }

    /// Gives a connection back.
    pub(super) fn disconnect(&mut self, origin: &Origin) {
        self.change(origin, |server| server.busy = server.busy.saturating_sub(1));
    }

    /// Whoever has waited longest for a server with fewer connections than `most`.
    pub(super) fn next(&self, most: u32) -> Option<TransferId> {
        let free = self.servers.iter().filter(|server| server.busy < most);
        let first =
            free.filter_map(|server| server.waiting.first_key_value()).min_by_key(|(ticket, _)| **ticket);
        first.map(|(_, id)| *id)
    }

    /// Nobody waits any more: a connection that becomes free now is for nobody.
    pub(super) fn clear(&mut self) {
        for server in &mut self.servers {
            server.waiting.clear();
        }
        self.servers.retain(|server| server.busy > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(host: &str) -> Origin {
        Origin { secure: false, host: host.to_owned(), port: 80 }
    }

    #[test]
    fn whoever_came_first_goes_first_whatever_server_he_waits_for() {
        let mut line = Line::default();
        let tickets: Vec<u64> = (0..3).map(|_| line.ticket()).collect();
        for (at, host) in [(2, "a.test"), (1, "b.test"), (0, "a.test")] {
            line.join(&origin(host), tickets[at], TransferId::new(at as u64));
        }
        let mut order = Vec::new();
        while let Some(id) = line.next(1) {
            let at = usize::try_from(id.get()).unwrap();
            line.leave(&origin(["a.test", "b.test", "a.test"][at]), tickets[at]);
            order.push(at);
        }
        assert_eq!(order, [0, 1, 2]);
    }

    #[test]
    fn when_nobody_waits_any_more_what_is_in_use_still_is() {
        let mut line = Line::default();
        line.connect(&origin("a.test"));
        for host in ["a.test", "b.test"] {
            let ticket = line.ticket();
            line.join(&origin(host), ticket, TransferId::new(1));
        }
        line.clear();
        assert_eq!(line.next(9), None);
        assert_eq!(line.servers.len(), 1, "one that nobody uses is forgotten");
        let ticket = line.ticket();
        line.join(&origin("a.test"), ticket, TransferId::new(2));
        assert_eq!(line.next(1), None, "its connection has not been given back");
        line.disconnect(&origin("a.test"));
        assert_eq!(line.next(1), Some(TransferId::new(2)));
    }
}

//! What a history says of transfers: their exchanges, their messages and what the app did about them.

use std::time::Duration;

use super::course::{Exchange, Pause, Transfer};
use super::facts::{Delivery, Facts, Place};
use crate::contract::{AuthenticationMethod, ResourceTimer, SessionId, TransferId};
use crate::history::{Answer, Event, ExchangeOutcome, Message, MessageId, ShownIdentity, Space, TransferKey};

impl Transfer<'_> {
    fn resume(&mut self, place: Place) {
        // What has been cancelled is not to be worked on any more, whatever the app says.
        if self.cancelled.is_some() {
            return;
        }
        self.holds = self.holds.saturating_sub(1);
        if self.holds > 0 {
            return;
        }
        if let Some(pause) = self.pauses.last_mut().filter(|pause| pause.to.is_none()) {
            pause.to = Some(place);
            if self.pauses.len() == 1 {
                self.resumed = place;
            }
        }
    }

    fn told(&mut self, delivery: usize, message: &Message) {
        self.messages.push(delivery);
        // What was rejected was not the last space after all.
        if matches!(message, Message::DidReceiveChallenge { .. }) && !self.rejected.is_empty() {
            self.given_up = None;
        }
    }

    /// Notes that the app has rejected this way to log in. Was it the last one that was offered?
    fn reject(&mut self, space: Space) -> bool {
        if !self.rejected.contains(&space) {
            self.rejected.push(space);
        }
        let offers = self.exchanges.last().map_or(&[][..], |exchange| &exchange.offers);
        offers.iter().all(|offer| self.rejected.contains(offer))
    }

    fn suspend(&mut self, place: Place) {
        self.holds += 1;
        match self.pauses.last_mut().filter(|pause| pause.to.is_none()) {
            Some(pause) => pause.depth = pause.depth.max(self.holds),
            None => self.pauses.push(Pause { from: place, to: None, depth: 1 }),
        }
    }
}

impl<'a> Facts<'a> {
    fn created(&mut self, place: Place, event: &'a Event) {
        let Event::TransferCreated {
            key,
            kind,
            earliest,
            resource_timeout,
            request_timeout,
            description,
            url,
            torn,
            continues,
            bytes,
        } = event
        else {
            return;
        };
        let delegated = self.sessions.iter().any(|known| *known.id == key.session && known.decides);
        self.index.transfers.insert(key, self.transfers.len());
        self.transfers.push(Transfer {
            key,
            kind: *kind,
            created: place,
            continues: continues.is_some(),
            bytes: *bytes,
            torn: *torn,
            resumed: place,
            pauses: vec![Pause { from: place, to: None, depth: 1 }],
            holds: 1,
            request: None,
            request_timeout: Duration::from_millis(*request_timeout),
            earliest: *earliest,
            resource_timeout: Duration::from_millis(*resource_timeout),
            timed_from_begin: self.policy.resource_timer == ResourceTimer::FromEarliestBegin,
            cancelled: None,
            cancels: Vec::new(),
            quit: None,
            description: description.as_deref(),
            exchanges: Vec::new(),
            versions: Vec::new(),
            url,
            requests: Vec::new(),
            delegated,
            decided: None,
            given_up: None,
            rejected: Vec::new(),
            vague_login: None,
            disposed: None,
            converted: None,
            messages: Vec::new(),
        });
    }

    pub(super) fn read_transfer(&mut self, place: Place, event: &'a Event) {
        match event {
            Event::TransferCreated { .. } => self.created(place, event),
            Event::RequestSent { key: Some(key), .. } => self.request_sent(place, key, event),
            Event::ExchangeEnded { .. } => self.exchange_ended(place, event),
            Event::MessageBegan { id, session, transfer, second, message } => {
                self.delivery(place, *id, (session, *transfer), *second, message);
            }
            _ => self.read_call(place, event),
        }
    }

    fn delivery(
        &mut self,
        began: Place,
        id: MessageId,
        (session, transfer): (&'a SessionId, Option<TransferId>),
        second: bool,
        message: &'a Message,
    ) {
        let index = self.deliveries.len();
        self.deliveries.push(Delivery {
            began,
            session,
            transfer,
            message,
            end: None,
            answered: None,
            answer: None,
            gave: None,
            instead: None,
            moved: None,
            uses: Vec::new(),
            answers: Vec::new(),
            looks: Vec::new(),
            second,
        });
        self.index.deliveries.insert(id, index);
        if let Some(transfer) = transfer {
            let key = TransferKey { session: session.clone(), transfer };
            self.known_transfer(&key, |transfer| transfer.told(index, message));
        }
    }

    fn read_call(&mut self, place: Place, event: &'a Event) {
        match event {
            Event::TransferResumed { key } => self.known_transfer(key, |transfer| transfer.resume(place)),
            Event::TransferSuspended { key } => self.known_transfer(key, |transfer| transfer.suspend(place)),
            Event::TransferCancelled { key, .. } => self.known_transfer(key, |transfer| {
                transfer.cancelled.get_or_insert(place);
                transfer.cancels.push((place, None));
            }),
            Event::CancelReturned { key, .. } => self.known_transfer(key, |transfer| {
                if let Some((_, returned)) = transfer.cancels.last_mut() {
                    *returned = Some(place);
                }
            }),
            Event::MessageReturned { id } => self.returned(place, *id),
            Event::MessageInterrupted { id } => {
                self.known_delivery(*id, |delivery| delivery.end = Some((place, false)))
            }
            Event::Answered { id, answer, credential, request } => {
                self.answered(place, *id, *answer, credential.as_deref());
                self.known_delivery(*id, |delivery| delivery.instead = request.as_deref());
            }
            Event::ResponseHead { exchange, status, challenge, redirects, short, offers } => {
                self.known_exchange(*exchange, |exchange| {
                    exchange.offers.clone_from(offers);
                    exchange.head = Some((place, *status, *challenge));
                    (exchange.redirects, exchange.short) = (*redirects, *short);
                });
                if *challenge {
                    self.challenged(place, *exchange);
                }
            }
            _ => self.read_file(place, event),
        }
    }

    fn exchange_ended(&mut self, place: Place, event: &'a Event) {
        let Event::ExchangeEnded { exchange, outcome, received, digest, last_byte } = event else { return };
        self.known_exchange(*exchange, |exchange| {
            exchange.end = Some((place, *outcome, *received, *digest));
            exchange.last_byte = *last_byte;
        });
        if let Some(method) = asked_over_tls(*outcome) {
            let offers = vec![Space { method, realm: None }];
            self.known_exchange(*exchange, |exchange| exchange.offers = offers);
            self.challenged(place, *exchange);
        }
    }

    fn request_sent(&mut self, place: Place, key: &TransferKey, event: &'a Event) {
        let Event::RequestSent { exchange, range, request, body, credential, trusts, identity, .. } = event
        else {
            return;
        };
        self.sent(place, *exchange, key, request, (*range, credential.is_some()));
        let decided = *identity != ShownIdentity::Undecided;
        self.known_exchange(*exchange, |sent| {
            (sent.trusts, sent.decided, sent.body) = (*trusts, decided, *body);
        });
    }

    fn sent(
        &mut self,
        place: Place,
        exchange: u32,
        key: &TransferKey,
        request: &'a str,
        (from, credential): (Option<u64>, bool),
    ) {
        let Some(index) = self.index.transfers.get(key).copied() else { return };
        let transfer = &mut self.transfers[index];
        let repeats = transfer.request.replace(request) == Some(request);
        transfer.rejected.clear();
        transfer.requests.push(request);
        self.index.exchanges.insert(exchange, (index, transfer.exchanges.len()));
        transfer.exchanges.push(Exchange {
            sent: place,
            repeats,
            redirects: false,
            short: false,
            method: request.split(' ').next().unwrap_or_default().to_owned(),
            body: None,
            from,
            credential,
            offers: Vec::new(),
            head: None,
            end: None,
            last_byte: None,
            trusts: false,
            decided: false,
        });
    }

    /// A server wants to be convinced, in one of the ways that it offers.
    fn challenged(&mut self, place: Place, exchange: u32) {
        let Some((transfer, at)) = self.index.exchanges.get(&exchange).copied() else { return };
        let transfer = &mut self.transfers[transfer];
        let session = self.sessions.iter().find(|session| *session.id == transfer.key.session);
        let plain = session.is_none_or(|session| session.challenges.1);
        if !plain || transfer.exchanges[at].offers.iter().any(|space| space.method.is_session_level()) {
            transfer.vague_login.get_or_insert(place);
            // Whoever asks whether a login was given up must take it for possible from here on.
            transfer.given_up.get_or_insert(place);
        }
    }

    fn read_file(&mut self, place: Place, event: &'a Event) {
        match event {
            Event::Resource { key, size, digest } => {
                self.known_transfer(key, |transfer| transfer.versions.push((place, *size, *digest)));
            }
            Event::FileUsed { id } => self.known_delivery(*id, |delivery| delivery.uses.push(place)),
            Event::FileMoved { id } => self.known_delivery(*id, |delivery| delivery.moved = Some(place)),
            Event::FileLooked { id, size, digest } => {
                let found = size.zip(*digest);
                self.known_delivery(*id, |delivery| delivery.looks.push((place, found)));
            }
            _ => self.read_app(place, event),
        }
    }

    fn returned(&mut self, place: Place, id: MessageId) {
        let Some(index) = self.index.deliveries.get(&id) else { return };
        let delivery = &mut self.deliveries[*index];
        delivery.end = Some((place, true));
        if matches!(delivery.message, Message::DidBecomeInvalid) {
            let session = delivery.session;
            self.session_mut(session, true).gone.push(place);
        }
    }

    fn answered(&mut self, place: Place, id: MessageId, answer: Answer, gave: Option<&'a str>) {
        let Some(index) = self.index.deliveries.get(&id).copied() else {
            return;
        };
        let delivery = &mut self.deliveries[index];
        delivery.answered = Some(place);
        delivery.answer = Some(answer);
        delivery.answers.push((place, answer));
        delivery.gave = gave;
        let (session, space) = (delivery.session.clone(), delivery.space());
        if let Some(transfer) = delivery.transfer {
            self.known_transfer(&TransferKey { session, transfer }, |transfer| {
                let gives_up = match answer {
                    Answer::PerformDefaultHandling
                    | Answer::UseNoCredential
                    | Answer::CancelAuthenticationChallenge => true,
                    // The next space is asked about, if there is one.
                    Answer::RejectProtectionSpace => space.is_none_or(|space| transfer.reject(space)),
                    _ => false,
                };
                if gives_up {
                    transfer.given_up = Some(place);
                }
                match answer {
                    Answer::ContinueLoading | Answer::UseNewRequest => {
                        transfer.decided.get_or_insert(place);
                    }
                    Answer::Cancel => {
                        transfer.cancelled.get_or_insert(place);
                    }
                    Answer::Allow | Answer::BecomeDownload => transfer.disposed = Some((place, answer)),
                    _ => {}
                }
            });
        }
    }

    fn known_transfer(&mut self, key: &TransferKey, note: impl FnOnce(&mut Transfer<'a>)) {
        if let Some(index) = self.index.transfers.get(key) {
            note(&mut self.transfers[*index]);
        }
    }

    fn known_exchange(&mut self, id: u32, note: impl FnOnce(&mut Exchange)) {
        if let Some((transfer, exchange)) = self.index.exchanges.get(&id) {
            note(&mut self.transfers[*transfer].exchanges[*exchange]);
        }
    }

    fn known_delivery(&mut self, id: MessageId, note: impl FnOnce(&mut Delivery<'a>)) {
        if let Some(index) = self.index.deliveries.get(&id) {
            note(&mut self.deliveries[*index]);
        }
    }
}

/// The question of TLS that ended an exchange, if one did.
const fn asked_over_tls(outcome: ExchangeOutcome) -> Option<AuthenticationMethod> {
    match outcome {
        ExchangeOutcome::Untrusted => Some(AuthenticationMethod::ServerTrust),
        ExchangeOutcome::CertificateWanted => Some(AuthenticationMethod::ClientCertificate),
        _ => None,
    }
}

//! What the app was told of a transfer.

use super::course::Transfer;
use super::facts::Delivery;
use super::{Facts, Place};
use crate::history::{EndKind, Message};

impl<'a> Facts<'a> {
    /// The deliveries about a transfer.
    pub(crate) fn messages_of<'b>(
        &'b self,
        transfer: &'b Transfer<'_>,
    ) -> impl Iterator<Item = &'b Delivery<'a>> + use<'a, 'b> {
        transfer.messages.iter().map(|index| &self.deliveries[*index])
    }

    /// Where the transfer's last message was acknowledged first: where it began, if the log does not tell of returns.
    pub(crate) fn acknowledged(&self, transfer: &Transfer<'_>) -> Option<Place> {
        let unsaid = |delivery: &Delivery<'_>| delivery.end.is_none() && !self.tells("message_returned");
        let returned = |delivery: &Delivery<'_>| {
            delivery.returned().or_else(|| unsaid(delivery).then_some(delivery.began))
        };
        self.messages_of(transfer).filter(|delivery| delivery.is_final()).find_map(returned)
    }

    /// Its last message, and how that says that it ended.
    pub(crate) fn last_word(&self, transfer: &Transfer<'_>) -> Option<(Place, EndKind)> {
        self.messages_of(transfer).find_map(|delivery| match delivery.message {
            Message::DidComplete { end, .. } => Some((delivery.began, *end)),
            _ => None,
        })
    }
}

//! Sets apart what most rules are not about: transfers that do not outlive the app's time.

use super::course::Transfer;
use super::facts::Facts;
use crate::contract::TransferKind;

impl Facts<'_> {
    /// To be done when everything has been read.
    pub(super) fn set_apart(&mut self) {
        if self.sessions.iter().any(|session| session.in_process) {
            self.set_own_apart();
        }
        if self.transfers.iter().any(|transfer| transfer.kind == TransferKind::Data) {
            self.set_data_apart();
        }
    }

    /// The app's own sessions and transfers.
    fn set_own_apart(&mut self) {
        let all = std::mem::take(&mut self.sessions);
        (self.own_sessions, self.sessions) = all.into_iter().partition(|session| session.in_process);
        let own = |t: &Transfer<'_>| self.own_sessions.iter().any(|session| *session.id == t.key.session);
        let all = std::mem::take(&mut self.transfers);
        (self.own_transfers, self.transfers) = all.into_iter().partition(own);
    }

    /// Data transfers that became downloads are downloads like others; the rest is set apart.
    fn set_data_apart(&mut self) {
        for index in 0..self.transfers.len() {
            let converted = super::data::converted(self, &self.transfers[index]);
            self.transfers[index].converted = converted;
        }
        let all = std::mem::take(&mut self.transfers);
        (self.data, self.transfers) =
            all.into_iter().partition(|t| t.kind == TransferKind::Data && t.converted.is_none());
    }
}

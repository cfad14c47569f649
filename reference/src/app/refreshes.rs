//! What the user asked for last, to be asked for again now and then.

use std::time::Duration;

use crate::contract::{FilePath, Launch, Request, SessionId};

/// Between two refreshes. The documents ask for no more than four in an hour.
const INTERVAL: Duration = Duration::from_secs(30 * 60);
/// After so many refreshes without the user having been there, it stops asking.
const UNSEEN: usize = 3;
/// What was asked for last: the session and the address, one on each line.
const LATEST: &str = "app/latest";
/// One byte for each refresh since then.
const REFRESHES: &str = "app/refreshes";
/// No address is that long.
const LONGEST: usize = 1 << 16;

/// Keeps that, and asks for the next refresh.
#[derive(Clone, Debug)]
pub(super) struct Refreshes {
    launch: Launch,
}

impl Refreshes {
    pub(super) const fn new(launch: Launch) -> Self {
        Self { launch }
    }

    fn read(&self, file: &str) -> Vec<u8> {
        self.launch.storage.read(&FilePath::new(file), 0, LONGEST).unwrap_or_default()
    }

    /// The user wants these.
    pub(super) fn wanted(&self, session: &SessionId, requests: &[Request]) {
        let storage = &self.launch.storage;
        if let Some(request) = requests.last() {
            let latest = format!("{session}\n{}", request.url);
            // If it can not be kept, there is nothing to refresh.
            let _ = storage.create(&FilePath::new(REFRESHES));
            let _ = storage.create(&FilePath::new(LATEST));
            let _ = storage.append(&FilePath::new(LATEST), latest.as_bytes());
        }
    }

    /// An application refresh has come: asks for the next one, if the user has been there lately. What is to be downloaded
    /// now.
    pub(super) async fn again(&self) -> Option<(SessionId, String)> {
        if self.read(REFRESHES).len() >= UNSEEN {
            return None;
        }
        // A full disk makes it ask too often; the system sees to its budget.
        let _ = self.launch.storage.append(&FilePath::new(REFRESHES), b".");
        let next = self.launch.clock.now() + INTERVAL;
        // What the user has switched off does not come.
        let _ = self.launch.scheduler.schedule_background_refresh(next, None).await;
        let text = String::from_utf8(self.read(LATEST)).ok()?;
        let (session, url) = text.split_once('\n')?;
        Some((SessionId::new(session).ok()?, url.to_owned()))
    }
}

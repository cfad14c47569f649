//! Files that are not what or where they should be: SES-05.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use bgsession_conformance::Subject;
use bgsession_reference::contract::{
    AppState, Delegate, Device, DeviceChange, FilePath, Response, SessionId, TransferId,
};

use super::Mutant;
use crate::parts::{Almost, AlmostDelegate, with_delegate_and_service};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::new("leaves-files-behind", &["SES-05"], |name| files(name, Slip::LeavesACopy)),
    Mutant::new("files-go-with-the-process", &["SES-05"], |name| files(name, Slip::GoneWithTheProcess)),
    Mutant::new("hands-over-half-the-file", &["SES-05"], |name| files(name, Slip::Half)),
    Mutant::new("removes-what-the-app-moved", &["SES-05"], |name| files(name, Slip::RemovesByContent)),
];

/// What is done wrong with a file.
#[derive(Clone, Copy, PartialEq)]
enum Slip {
    /// The app is shown a copy, and only the original is removed.
    LeavesACopy,
    /// It is kept in memory that a relaunch clears.
    GoneWithTheProcess,
    /// The last bytes are still in a buffer.
    Half,
    /// It is removed by its handle, which follows it wherever it goes.
    RemovesByContent,
}

fn files(name: &str, slip: Slip) -> Subject {
    with_delegate_and_service(name, move |device| {
        let runs = Arc::new(AtomicU32::new(0));
        let (ended, device) = (Arc::clone(&runs), device.clone());
        let wrap = move |app| {
            let slipping = Slipping { app, slip, device: device.clone(), runs: Arc::clone(&runs) };
            Arc::new(Almost(slipping)) as Arc<dyn Delegate>
        };
        let told = move |change: &DeviceChange| {
            if matches!(change, DeviceChange::App(change) if change.state() == AppState::NotRunning) {
                ended.fetch_add(1, Ordering::Relaxed);
            }
        };
        (Box::new(wrap), Box::new(told))
    })
}

struct Slipping {
    app: Arc<dyn Delegate>,
    slip: Slip,
    device: Device,
    /// Runs of the process that have ended.
    runs: Arc<AtomicU32>,
}

impl Slipping {
    fn copy(&self, from: &FilePath, share: impl FnOnce(usize) -> usize) -> FilePath {
        let storage = &self.device.storage;
        let to = FilePath::new(format!("{from}.copy"));
        let len = storage.len(from).ok().and_then(|len| usize::try_from(len).ok()).unwrap_or(0);
        let bytes = storage.read(from, 0, share(len)).unwrap_or_default();
        let _ = storage.create(&to);
        let _ = storage.append(&to, &bytes);
        to
    }
}

#[async_trait]
impl AlmostDelegate for Slipping {
    fn inner(&self) -> &dyn Delegate {
        &*self.app
    }

    async fn did_finish_downloading(
        &self,
        of: &SessionId,
        transfer: TransferId,
        response: &Response,
        at: &FilePath,
    ) {
        let storage = &self.device.storage;
        let (mut shown, mut copy) = (at.clone(), None);
        match self.slip {
            Slip::LeavesACopy => shown = self.copy(at, |len| len),
            Slip::Half => {
                shown = self.copy(at, |len| len / 2);
                copy = Some(shown.clone());
            }
            Slip::GoneWithTheProcess if self.runs.load(Ordering::Relaxed) > 0 => drop(storage.remove(at)),
            Slip::GoneWithTheProcess | Slip::RemovesByContent => {}
        }
        self.app.did_finish_downloading(of, transfer, response, &shown).await;
        if let Some(copy) = copy {
            let _ = storage.remove(&copy);
        }
        if self.slip == Slip::RemovesByContent && storage.len(at).is_err() {
            // Where the kit's app moves its files to.
            let moved = (0..100).map(|turn| FilePath::new(format!("app/kept-{turn}")));
            moved.filter(|file| storage.len(file).is_ok()).for_each(|file| drop(storage.remove(&file)));
        }
    }
}

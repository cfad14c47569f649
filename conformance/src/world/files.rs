//! What the app does with the files that it is given, and whether they are still there later.

use std::sync::Arc;
use std::time::Duration;

use super::app::App;
use crate::contract::{FilePath, Spawn};
use crate::history::{Event, MessageId};
use crate::scenario::Keep;

/// So long after the callback the app looks for the file again.
const LATER: Duration = Duration::from_secs(60);

/// A file that the app was given, and where it is or was.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    id: MessageId,
    at: FilePath,
}

impl App {
    /// Size and digest of a file; `None` if it can not be read.
    pub(crate) fn look_at(&self, location: &FilePath) -> (Option<u64>, Option<u64>) {
        let Some(system) = self.system() else { return (None, None) };
        let storage = &system.device.storage;
        let Ok(size) = storage.len(location) else {
            return (None, None);
        };
        let bytes = usize::try_from(size)
            .map_err(std::io::Error::other)
            .and_then(|len| storage.read(location, 0, len));
        match bytes {
            Ok(bytes) => (Some(bytes.len() as u64), Some(bgsession_mock_server::body::hash(&bytes))),
            Err(_) => (None, None),
        }
    }

    /// At the end of the callback that gave it: moves a file or leaves it, as the scenario says.
    pub(crate) fn keep(self: &Arc<Self>, id: MessageId, location: &FilePath) {
        let (files, Some(system)) = (&self.setup.files, self.system()) else { return };
        if files.is_empty() {
            return;
        }
        let turn = self.lock().kept_files.len();
        let mut kept = Kept { id, at: location.clone() };
        if files[turn % files.len()] == Keep::Move {
            let to = FilePath::new(format!("app/kept-{turn}"));
            if system.device.storage.rename(location, &to).is_ok() {
                self.recorder.record(Event::FileMoved { id });
                kept.at = to;
            }
        }
        self.lock().kept_files.push(kept.clone());
        // The kit looks, not the app's process, which may be gone by then.
        let app = Arc::clone(self);
        self.spawner.spawn(Box::pin(async move {
            app.clock.sleep(LATER).await;
            app.look_again(&kept);
        }));
    }

    fn look_again(&self, kept: &Kept) {
        let (size, digest) = self.look_at(&kept.at);
        self.recorder.record(Event::FileLooked { id: kept.id, size, digest });
    }

    /// Looks for every file once more, at the end.
    pub(crate) fn look_at_all(&self) {
        let kept = self.lock().kept_files.clone();
        kept.iter().for_each(|kept| self.look_again(kept));
    }
}

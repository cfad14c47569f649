//! Storage folders: on disk, and in memory.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::contract::{FilePath, Storage};

/// A folder on disk.
///
/// Paths that would lead out of it are refused with [`io::ErrorKind::InvalidInput`].
///
/// ```no_run
/// use bgsession_reference::contract::{FilePath, Storage};
/// use bgsession_reference::storage::DiskStorage;
///
/// let disk = DiskStorage::new("/var/lib/transfers".into());
/// disk.append(&FilePath::new("a/b.part"), b"bytes")?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct DiskStorage {
    root: PathBuf,
}

impl DiskStorage {
    /// The folder at `root`; it is made when the first file is.
    #[must_use]
    pub const fn new(root: PathBuf) -> Self {
        Self { root }
    }

    fn path(&self, file: &FilePath) -> io::Result<PathBuf> {
        let relative = Path::new(file.as_str());
        let inside = relative.components().all(|part| matches!(part, Component::Normal(_)));
        if inside && !file.as_str().is_empty() {
            Ok(self.root.join(relative))
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidInput, "the path leads out of the storage folder"))
        }
    }

    /// Runs `open`, and once more after making the parent folder if that was what was missing.
    fn with_parent(path: &Path, open: impl Fn() -> io::Result<File>) -> io::Result<File> {
        match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if let Some(parent) = path.parent() {
                    fs::create_dir_all(parent)?;
                }
                open()
            }
            other => other,
        }
    }
}

impl Storage for DiskStorage {
    fn create(&self, file: &FilePath) -> io::Result<()> {
        let path = self.path(file)?;
        Self::with_parent(&path, || File::create(&path)).map(drop)
    }

    fn append(&self, file: &FilePath, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(file)?;
        let open = || OpenOptions::new().append(true).create(true).open(&path);
        Self::with_parent(&path, open)?.write_all(bytes)
    }

    fn len(&self, file: &FilePath) -> io::Result<u64> {
        fs::metadata(self.path(file)?).map(|data| data.len())
    }

    fn read(&self, file: &FilePath, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let mut source = File::open(self.path(file)?)?;
        source.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        source.take(u64::try_from(len).unwrap_or(u64::MAX)).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn rename(&self, from: &FilePath, to: &FilePath) -> io::Result<()> {
        let (from, to) = (self.path(from)?, self.path(to)?);
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::rename(from, to)
    }

    fn remove(&self, file: &FilePath) -> io::Result<()> {
        fs::remove_file(self.path(file)?)
    }
}

/// Files in memory, for tests and benchmarks: as large as their contents, gone with the value.
///
/// ```
/// use bgsession_reference::contract::{FilePath, Storage};
/// use bgsession_reference::storage::MemoryStorage;
///
/// let memory = MemoryStorage::default();
/// let file = FilePath::new("a");
/// memory.append(&file, b"01234")?;
/// assert_eq!(memory.read(&file, 1, 2)?, b"12");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct MemoryStorage {
    files: Mutex<BTreeMap<FilePath, Vec<u8>>>,
}

impl MemoryStorage {
    fn files(&self) -> MutexGuard<'_, BTreeMap<FilePath, Vec<u8>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn missing() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl Storage for MemoryStorage {
    fn create(&self, file: &FilePath) -> io::Result<()> {
        self.files().insert(file.clone(), Vec::new());
        Ok(())
    }

    fn append(&self, file: &FilePath, bytes: &[u8]) -> io::Result<()> {
        let mut files = self.files();
        if let Some(content) = files.get_mut(file) {
            content.extend_from_slice(bytes);
        } else {
            files.insert(file.clone(), bytes.to_vec());
        }
        Ok(())
    }

    fn len(&self, file: &FilePath) -> io::Result<u64> {
        let files = self.files();
        let content = files.get(file).ok_or_else(missing)?;
        Ok(u64::try_from(content.len()).unwrap_or(u64::MAX))
    }

    fn read(&self, file: &FilePath, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let files = self.files();
        let content = files.get(file).ok_or_else(missing)?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
        let end = start.saturating_add(len).min(content.len());
        Ok(content[start..end].to_vec())
    }

    fn rename(&self, from: &FilePath, to: &FilePath) -> io::Result<()> {
        let mut files = self.files();
        let content = files.remove(from).ok_or_else(missing)?;
        files.insert(to.clone(), content);
        Ok(())
    }

    fn remove(&self, file: &FilePath) -> io::Result<()> {
        self.files().remove(file).map(drop).ok_or_else(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(storage: &dyn Storage) {
        let (a, b) = (FilePath::new("deep/er/a"), FilePath::new("other/b"));
        assert_eq!(storage.len(&a).unwrap_err().kind(), io::ErrorKind::NotFound);
        storage.append(&a, b"0123").unwrap();
        storage.append(&a, b"45").unwrap();
        assert_eq!(storage.len(&a).unwrap(), 6);
        assert_eq!(storage.read(&a, 4, 10).unwrap(), b"45");
        assert_eq!(storage.read(&a, 9, 10).unwrap(), b"");
        storage.rename(&a, &b).unwrap();
        assert_eq!(storage.remove(&a).unwrap_err().kind(), io::ErrorKind::NotFound);
        storage.create(&b).unwrap();
        assert_eq!(storage.len(&b).unwrap(), 0);
        storage.remove(&b).unwrap();
        assert_eq!(storage.read(&b, 0, 1).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn both_folders_behave_alike() {
        check(&MemoryStorage::default());
        let folder = tempfile::tempdir().unwrap();
        check(&DiskStorage::new(folder.path().join("not/there/yet")));
    }

    #[test]
    fn no_path_leads_out_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let disk = DiskStorage::new(folder.path().to_owned());
        for path in ["../x", "a/../../x", "/etc/x", ""] {
            let refused = disk.create(&FilePath::new(path)).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::InvalidInput, "{path:?}");
        }
    }
}

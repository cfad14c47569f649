//! Stored scenarios: a folder of readable files, replayed before anything is generated.

use std::io;
use std::path::{Path, PathBuf};

use crate::scenario::{Scenario, ScenarioError};
use crate::verdict::Failure;

/// Why a stored scenario can not be used. It is never skipped silently.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegressionError {
    /// The folder or a file can not be read.
    #[error("{path}: {error}")]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A file is no scenario.
    #[error("{path}: {error}; correct it or delete the file")]
    Scenario {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        error: ScenarioError,
    },
}

/// Reads one scenario file.
pub(crate) fn read_file(path: &Path) -> Result<Scenario, RegressionError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| RegressionError::Io { path: path.to_owned(), error })?;
    Scenario::from_json(&text).map_err(|error| RegressionError::Scenario { path: path.to_owned(), error })
}

/// All scenario files of a folder, in the order of their names; none if there is no folder.
pub(super) fn read(folder: &Path) -> Result<Vec<Scenario>, RegressionError> {
    let failed = |error| RegressionError::Io { path: folder.to_owned(), error };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            paths.push(path);
        }
    }
    paths.sort();
    paths.iter().map(|path| read_file(path)).collect()
}

/// Stores the scenario of a failure. The file appears whole or not at all.
pub(super) fn store(folder: &Path, failure: &Failure) -> io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join(format!("{}-{}.json", failure.rule.id, failure.world));
    let part = tempfile::NamedTempFile::new_in(folder)?;
    std::fs::write(part.path(), failure.scenario.to_json(Some(failure.rule.id)))?;
    part.persist(&path)?;
    Ok(path)
}

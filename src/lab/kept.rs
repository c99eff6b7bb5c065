//! A practice pipeline that goes on after the program that started it: how it is found again, and stopped.

use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::practice::LabError;
use super::servers;
use crate::facts::MyFlavor;

/// What is remembered of a kept practice pipeline; passwords are in files beside its pipeline file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Where its servers live.
    pub folder: PathBuf,
    /// Its pipeline file.
    pub pipeline: PathBuf,
    /// PostgreSQL's port on localhost.
    pub source_port: u16,
    /// The target's port on localhost.
    pub target_port: u16,
    /// What the target is.
    pub target: MyFlavor,
    /// Where the simulated AWS answers, while the program that started it runs.
    #[serde(default)]
    pub aws: Option<String>,
}

/// The kept practice pipeline, when one runs.
///
/// # Errors
/// There is no place where it could be remembered.
pub fn status() -> Result<Option<Kept>, LabError> {
    Ok(remembered()?.filter(|kept| servers::is_running(&kept.folder)))
}

/// Stops the kept practice pipeline and removes its folder; `None` when there is none.
///
/// # Errors
/// The folder is still there afterwards.
pub fn down() -> Result<Option<Kept>, LabError> {
    let Some(kept) = remembered()? else { return Ok(None) };
    let was_there = kept.folder.exists();
    servers::clean_up(&kept.folder)?;
    let file = state_file()?;
    match fs::remove_file(&file) {
        // The program that it ran in was faster.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        other => other.map_err(LabError::io("remove", &file))?,
    }
    Ok(was_there.then_some(kept))
}

/// Writes down how to find it again.
pub(super) fn remember(kept: &Kept) -> Result<(), LabError> {
    let file = state_file()?;
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(LabError::io("create", folder))?;
    }
    let text = serde_json::to_string_pretty(kept).unwrap_or_default();
    fs::write(&file, text).map_err(LabError::io("write", &file))
}

fn remembered() -> Result<Option<Kept>, LabError> {
    // A file that is missing or makes no sense remembers nothing.
    Ok(fs::read(state_file()?).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

fn state_file() -> Result<PathBuf, LabError> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    let folder = state.filter(|p| p.is_absolute()).or_else(home).ok_or(LabError::NoStateFolder)?;
    Ok(folder.join("cdc-doctor").join("lab.json"))
}

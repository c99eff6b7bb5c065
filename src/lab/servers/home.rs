//! The folder that throw-away servers live in, and the guardian that removes it.

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::certificates::{Authority, KeyPair};
use super::error::ServerError;
use super::process::Account;

const GUARDIAN: &str = include_str!("../../../assets/lab/guardian.sh");
const MARK: &str = ".cdc-doctor-servers";

/// A temporary folder with a certificate authority, in which servers are started.
///
/// A guardian process reads from a pipe that only this program holds. When the pipe closes (the `Home` was dropped,
/// or the program ended, by a signal or not) the guardian stops the servers and removes the folder.
#[derive(Debug)]
pub struct Home {
    path: PathBuf,
    authority: Authority,
    guardian: Mutex<Option<(Child, ChildStdin)>>,
    kept: AtomicBool,
}

impl Home {
    /// Makes the folder under the system's temporary directory (`TMPDIR`).
    ///
    /// # Errors
    /// The folder or the guardian cannot be made.
    pub fn new() -> Result<Self, ServerError> {
        let path = temporary_folder()?;
        // Servers run under other users than root, and must be able to pass through.
        fs::set_permissions(&path, Permissions::from_mode(0o711)).map_err(doing("open up", &path))?;
        File::create(path.join(MARK)).map_err(doing("write into", &path))?;
        let mut child = guardian(&path, Stdio::piped())?;
        let pipe = child.stdin.take().ok_or_else(|| no_pipe(&path))?;
        let authority = Authority::new(&path.join("ca.pem"))?;
        let guardian = Mutex::new(Some((child, pipe)));
        Ok(Self { path, authority, guardian, kept: AtomicBool::new(false) })
    }

    /// The folder. What is put there goes when the servers go.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The certificate of the authority that signed all servers' certificates (PEM).
    #[must_use]
    pub fn ca_file(&self) -> &Path {
        self.authority.file()
    }

    /// Leaves the servers running when this program ends. [`clean_up`] on the folder stops them.
    ///
    /// # Errors
    /// The guardian could not be dismissed.
    pub fn keep(&self) -> Result<(), ServerError> {
        self.kept.store(true, Ordering::Release);
        let Some((mut child, mut pipe)) =
            self.guardian.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
        else {
            return Ok(());
        };
        pipe.write_all(b"keep\n").map_err(doing("dismiss the guardian of", &self.path))?;
        drop(pipe);
        child.wait().map_err(doing("dismiss the guardian of", &self.path))?;
        Ok(())
    }

    pub(super) fn is_kept(&self) -> bool {
        self.kept.load(Ordering::Acquire)
    }

    /// A server certificate for `localhost` and 127.0.0.1.
    pub(super) fn issue(&self) -> Result<KeyPair, ServerError> {
        self.authority.issue()
    }

    /// A copy of an installation that everybody can run, as `name`; `programs` is its `bin`, and so is what is returned.
    pub(super) fn copy_of(&self, programs: &Path, name: &str) -> Result<PathBuf, ServerError> {
        let copy = self.path.join(name);
        if !copy.exists() {
            let root = programs.parent().unwrap_or(programs);
            let parts = ["bin", "lib", "share"].map(|part| root.join(part));
            let whole = tempfile::tempdir_in(&self.path).map_err(doing("make a folder in", &self.path))?;
            run(Command::new("cp").arg("-R").args(parts.iter().filter(|part| part.exists())).arg(whole.path()))?;
            run(Command::new("chmod").args(["-R", "go+rX"]).arg(whole.path()))?;
            // It gets its name when it is complete, unless another server's start was faster.
            let renamed = fs::rename(whole.path(), &copy);
            if !copy.exists() {
                renamed.map_err(doing("rename", whole.path()))?;
            }
        }
        Ok(copy.join("bin"))
    }

    /// A new subfolder that only `account` can look into.
    pub(super) fn room(&self, name: &str, account: &Account) -> Result<PathBuf, ServerError> {
        let (room, mut number) = (self.path.join(name), 1);
        let mut path = room.clone();
        while path.exists() {
            number += 1;
            path = room.with_file_name(format!("{name}-{number}"));
        }
        fs::create_dir(&path).map_err(doing("create", &path))?;
        fs::set_permissions(&path, Permissions::from_mode(0o700)).map_err(doing("protect", &path))?;
        account.own_path(&path)?;
        Ok(path)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Some((mut child, pipe)) =
            self.guardian.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner).take()
        {
            drop(pipe);
            let _ = child.wait();
        }
    }
}

/// Stops the servers of a kept [`Home`] and removes its folder; a folder that is no such home is left alone.
///
/// # Errors
/// The shell could not be run, or the folder is still there afterwards.
pub fn clean_up(folder: &Path) -> Result<(), ServerError> {
    let mut child = guardian(folder, Stdio::null())?;
    child.wait().map_err(doing("clean up", folder))?;
    if folder.join(MARK).exists() {
        return Err(doing("remove", folder)(std::io::Error::other("it is still there; is it another user's?")));
    }
    Ok(())
}

/// True while the folder is there and at least one of its servers runs.
#[must_use]
pub fn is_running(folder: &Path) -> bool {
    let Ok(rooms) = fs::read_dir(folder) else { return false };
    rooms.flatten().filter_map(|room| fs::read_to_string(room.path().join("pid")).ok()).any(|pid| {
        let pid = pid.trim();
        !pid.is_empty()
            && pid.bytes().all(|b| b.is_ascii_digit())
            && super::process::shell(&format!("kill -0 {pid}")).is_ok()
    })
}

fn guardian(folder: &Path, stdin: Stdio) -> Result<Child, ServerError> {
    Command::new("sh")
        .arg("-c")
        .arg(GUARDIAN)
        .arg("cdc-doctor-guardian")
        .arg(folder)
        .current_dir("/")
        .stdin(stdin)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // A group of its own, so that Ctrl-C in the terminal does not reach it.
        .process_group(0)
        .spawn()
        .map_err(doing("start the guardian of", folder))
}

/// A folder that the servers' users can reach, and whose name stays when the `TempDir` guard goes: the guardian
/// removes it.
fn temporary_folder() -> Result<PathBuf, ServerError> {
    let preferred = std::env::temp_dir();
    let base = [preferred.as_path(), Path::new("/tmp"), Path::new("/var/tmp")]
        .into_iter()
        .find(|base| Account::everyone_reaches(base))
        .unwrap_or(&preferred);
    let folder = tempfile::Builder::new()
        .prefix("cdc-doctor-")
        .tempdir_in(base)
        .map_err(doing("make a temporary folder in", base))?;
    let path = folder.keep();
    fs::canonicalize(&path).map_err(doing("find", &path))
}

fn doing(verb: &str, path: &Path) -> impl FnOnce(std::io::Error) -> ServerError + use<> {
    ServerError::io(format!("{verb} {}", path.display()))
}

fn no_pipe(path: &Path) -> ServerError {
    doing("talk to the guardian of", path)(std::io::Error::other("no pipe"))
}

/// Runs a short command to its end.
fn run(command: &mut Command) -> Result<(), ServerError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(ServerError::io(format!("run {program}")))?;
    if output.status.success() {
        return Ok(());
    }
    let log = crate::text::safe(&String::from_utf8_lossy(&output.stderr));
    Err(ServerError::Failed { program, status: output.status.to_string(), log })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_an_installation_can_be_run_by_everybody() {
        let home = Home::new().unwrap();
        let hidden = tempfile::tempdir().unwrap();
        for part in ["bin", "lib", "else"] {
            fs::create_dir(hidden.path().join(part)).unwrap();
            fs::write(hidden.path().join(part).join("file"), part).unwrap();
        }
        fs::set_permissions(hidden.path().join("bin/file"), Permissions::from_mode(0o700)).unwrap();
        let programs = home.copy_of(&hidden.path().join("bin"), "copy").unwrap();
        assert!(Account::everyone_reaches(&programs));
        assert_eq!(fs::metadata(programs.join("file")).unwrap().permissions().mode() & 0o777, 0o755);
        assert_eq!(fs::read(programs.with_file_name("lib").join("file")).unwrap(), b"lib");
        assert!(!programs.with_file_name("else").exists(), "only what belongs to an installation is copied");
        assert_eq!(home.copy_of(&hidden.path().join("bin"), "copy").unwrap(), programs);
    }
}

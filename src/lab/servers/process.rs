//! Running a server's programs: as which user, with which log, until ready, until stopped.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::error::ServerError;

/// A cold start on a busy machine takes seconds; more than this means that something is wrong.
const START_LIMIT: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(20);

/// Writes its own process id where the guardian looks, then becomes the program. When the folder is already gone the
/// write fails and nothing is started.
const LAUNCH: &str = r#"umask 077 && echo $$ > "$0/pid" && exec "$@""#;

/// The user that a server runs as: database servers refuse to run as root.
#[derive(Debug, Clone)]
pub(super) struct Account {
    /// `None`: as this program's own user.
    switch_to: Option<(String, u32, u32)>,
}

impl Account {
    /// Our own user, or, when that is root, the first of `names` that exists.
    pub(super) fn first_of(names: &[&str], what: &'static str) -> Result<Self, ServerError> {
        if !is_root() {
            return Ok(Self { switch_to: None });
        }
        let found = names.iter().find_map(|name| Some(((*name).to_owned(), id("-u", name)?, id("-g", name)?)));
        match found {
            Some(user) => Ok(Self { switch_to: Some(user) }),
            None => Err(ServerError::Missing {
                what,
                looked: format!("the users {}; as root it must run as one of them", names.join(", ")),
                install: format!("create one: useradd --system {}", names.first().unwrap_or(&"nobody")),
            }),
        }
    }

    /// Root itself, for servers that agree to that when told so.
    pub(super) fn own() -> Self {
        Self { switch_to: None }
    }

    /// The name to switch to, where there is a switch.
    pub(super) fn name(&self) -> Option<&str> {
        self.switch_to.as_ref().map(|(name, ..)| name.as_str())
    }

    /// Hands a file or folder over.
    pub(super) fn own_path(&self, path: &Path) -> Result<(), ServerError> {
        match &self.switch_to {
            Some((name, uid, gid)) => chown(path, Some(*uid), Some(*gid))
                .map_err(ServerError::io(format!("give {} to user {name}", path.display()))),
            None => Ok(()),
        }
    }

    /// Writes a file that only this account can read.
    pub(super) fn write_private(&self, path: &Path, text: &str) -> Result<(), ServerError> {
        use std::io::Write;
        use std::os::unix::fs::OpenOptionsExt;
        let mut options = File::options();
        let doing = format!("write {}", path.display());
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(path);
        file.and_then(|mut f| f.write_all(text.as_bytes())).map_err(ServerError::io(doing))?;
        self.own_path(path)
    }

    /// True when this account can pass through to `path`.
    pub(super) fn reaches(&self, path: &Path) -> bool {
        self.switch_to.is_none() || Self::everyone_reaches(path)
    }

    /// True when `path` exists and, should servers run under another user, every folder on the way lets others pass.
    pub(super) fn everyone_reaches(path: &Path) -> bool {
        let Ok(real) = fs::canonicalize(path) else { return false };
        !is_root() || real.ancestors().all(|p| fs::metadata(p).is_ok_and(|m| m.mode() & 0o001 != 0))
    }

    fn apply(&self, command: &mut Command) {
        if let Some((_, uid, gid)) = &self.switch_to {
            command.uid(*uid).gid(*gid);
        }
    }
}

/// A server's process and its room: the folder that holds its data, certificate, `pid` and `log`.
#[derive(Debug)]
pub(super) struct Process {
    server: &'static str,
    room: PathBuf,
    account: Account,
    child: Mutex<Option<Child>>,
}

impl Process {
    pub(super) fn new(server: &'static str, room: PathBuf, account: Account) -> Self {
        Self { server, room, account, child: Mutex::new(None) }
    }

    pub(super) fn room(&self) -> &Path {
        &self.room
    }

    pub(super) fn account(&self) -> &Account {
        &self.account
    }

    pub(super) fn log_path(&self) -> PathBuf {
        self.room.join("log")
    }

    /// Runs a set-up program to its end.
    pub(super) fn run<S: AsRef<OsStr>>(&self, words: &[S]) -> Result<(), ServerError> {
        let mut child = self.spawn(words)?;
        let status = child.wait().map_err(ServerError::io(format!("wait for {}", name_of(words))))?;
        self.forget_pid();
        if status.success() {
            return Ok(());
        }
        Err(ServerError::Failed { program: name_of(words), status: status.to_string(), log: self.log_tail() })
    }

    /// Starts the server and waits until `ready`, asked with its process id, says so.
    pub(super) fn start<S: AsRef<OsStr>>(&self, words: &[S], ready: impl Fn(u32) -> bool) -> Result<(), ServerError> {
        let mut slot = self.slot();
        let mut child = self.spawn(words)?;
        let begun = Instant::now();
        while !ready(child.id()) {
            if let Some(status) = ended(&mut child) {
                self.forget_pid();
                return Err(self.not_up(format!("it ended with {status}")));
            }
            if begun.elapsed() > START_LIMIT {
                let _ = child.kill();
                let _ = child.wait();
                self.forget_pid();
                return Err(self.not_up(format!("not ready after {} s", START_LIMIT.as_secs())));
            }
            sleep(POLL);
        }
        *slot = Some(child);
        Ok(())
    }

    /// Sends `signal` and waits; kills what has not ended after `limit`.
    pub(super) fn stop(&self, signal: &str, limit: Duration) {
        let Some(mut child) = self.slot().take() else { return };
        let begun = Instant::now();
        let sent = shell(&format!("kill -s {signal} {}", child.id())).is_ok();
        while ended(&mut child).is_none() {
            if !sent || begun.elapsed() > limit {
                let _ = child.kill();
                let _ = child.wait();
                break;
            }
            sleep(POLL);
        }
        self.forget_pid();
    }

    /// As if the machine had taken it away: SIGKILL, nothing is flushed or said.
    pub(super) fn kill(&self) {
        if let Some(mut child) = self.slot().take() {
            let _ = child.kill();
            let _ = child.wait();
            self.forget_pid();
        }
    }

    /// The end of the log.
    pub(super) fn log_tail(&self) -> String {
        let bytes = fs::read(self.log_path()).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).collect();
        let start = lines.len().saturating_sub(15);
        lines.get(start..).unwrap_or_default().iter().map(|l| format!("  {}\n", crate::text::safe(l))).collect()
    }

    fn spawn<S: AsRef<OsStr>>(&self, words: &[S]) -> Result<Child, ServerError> {
        let log_path = self.log_path();
        let open = || File::options().create(true).append(true).open(&log_path);
        let log = open().map_err(ServerError::io(format!("write {}", log_path.display())))?;
        let copy = log.try_clone().map_err(ServerError::io(format!("write {}", log_path.display())))?;
        let mut command = Command::new("sh");
        command.arg("-c").arg(LAUNCH).arg(&self.room).args(words);
        command.env_clear().envs(environment(&self.room)).current_dir(&self.room);
        command.stdin(Stdio::null()).stdout(log).stderr(copy);
        // A group of its own: Ctrl-C in the terminal is for this program, which then stops the server.
        command.process_group(0);
        self.account.apply(&mut command);
        command.spawn().map_err(ServerError::io(format!("run {}", name_of(words))))
    }

    fn forget_pid(&self) {
        let _ = fs::remove_file(self.room.join("pid"));
    }

    fn not_up(&self, why: String) -> ServerError {
        ServerError::NotUp { server: self.server, why, log_path: self.log_path(), log: self.log_tail() }
    }

    fn slot(&self) -> MutexGuard<'_, Option<Child>> {
        // The slot is right even if a thread panicked while it held the lock.
        self.child.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// What a server may know of our environment: English messages, and no `PG…` or `MYSQL_…` variable.
fn environment(room: &Path) -> Vec<(&'static str, OsString)> {
    let mut all = vec![
        ("LC_ALL", OsString::from("C")),
        ("HOME", room.into()),
        ("TMPDIR", room.into()),
        ("PATH", std::env::var_os("PATH").unwrap_or_else(|| "/usr/sbin:/usr/bin:/sbin:/bin".into())),
    ];
    all.extend(std::env::var_os("LD_LIBRARY_PATH").map(|path| ("LD_LIBRARY_PATH", path)));
    all
}

/// A port that is free now. Somebody else may take it before the server does; starting is then tried again.
pub(super) fn free_port() -> Result<u16, ServerError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(ServerError::io("find a free port"))?;
    Ok(listener.local_addr().map_err(ServerError::io("find a free port"))?.port())
}

/// Runs `start` with free ports until one was not taken by somebody else in the meantime.
pub(super) fn with_free_port<T>(start: impl Fn(u16) -> Result<T, ServerError>) -> Result<T, ServerError> {
    let mut last = start(free_port()?);
    for _ in 0..4 {
        match &last {
            Err(ServerError::NotUp { log, .. }) if log.to_lowercase().contains("address already in use") => {
                last = start(free_port()?);
            }
            _ => break,
        }
    }
    last
}

/// Runs a line of shell, silently.
pub(super) fn shell(line: &str) -> Result<(), ()> {
    let mut command = Command::new("sh");
    command.arg("-c").arg(line).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if command.status().is_ok_and(|status| status.success()) { Ok(()) } else { Err(()) }
}

/// A password that nobody else on this machine can guess: the servers listen on loopback, which all users share.
pub(in crate::lab) fn random_password() -> Result<secrecy::SecretString, ServerError> {
    use std::io::Read;
    let mut bytes = [0_u8; 16];
    let read = File::open("/dev/urandom").and_then(|mut f| f.read_exact(&mut bytes));
    read.map_err(ServerError::io("read /dev/urandom"))?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect::<String>().into())
}

fn ended(child: &mut Child) -> Option<ExitStatus> {
    child.try_wait().ok().flatten()
}

pub(in crate::lab) fn is_root() -> bool {
    static ROOT: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *ROOT.get_or_init(|| output("id", &["-u"]).is_some_and(|id| id == "0"))
}

fn id(which: &str, user: &str) -> Option<u32> {
    output("id", &[which, user])?.parse().ok()
}

/// What a short command prints, when it succeeds.
pub(super) fn output(program: impl AsRef<OsStr>, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn name_of<S: AsRef<OsStr>>(words: &[S]) -> String {
    words.first().map_or_else(String::new, |word| word.as_ref().to_string_lossy().into_owned())
}

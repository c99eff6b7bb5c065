//! The built program in a pseudo-terminal.

use std::io::{Read, Write};
use std::num::NonZero;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::support::Project;

/// Longer than anything takes; a hang becomes a failure that shows the screen.
const LIMIT: Duration = Duration::from_secs(90);

/// A running session and its screen.
pub struct Session {
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
    writer: Box<dyn Write + Send>,
    screen: Arc<(Mutex<vt100::Parser>, Condvar)>,
    raw: Arc<Mutex<Vec<u8>>>,
    before: String,
}

impl Session {
    /// Starts the program without a subcommand in the project's folder.
    pub fn start(project: &Project, columns: u16, rows: u16) -> Self {
        Self::start_with(project, &[], columns, rows)
    }

    /// Starts it with these arguments.
    pub fn start_with(project: &Project, args: &[&str], columns: u16, rows: u16) -> Self {
        let pair = native_pty_system().openpty(size(columns, rows)).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_cdc-doctor"));
        command.args(args);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CDC_DOCTOR_") || name.starts_with("LC_"))
        {
            command.env_remove(name);
        }
        // No test reaches AWS: its endpoint is in the pipeline file, and where it is missing nobody answers.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
            command.env_remove(name);
        }
        command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        command.env_remove("NO_COLOR");
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        project.variables().iter().for_each(|(name, value)| command.env(name, value));
        command.cwd(project.folder());
        let before = modes(pair.master.as_ref());
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let screen = Arc::new((Mutex::new(vt100::Parser::new(cells(rows), cells(columns), 0)), Condvar::new()));
        let raw = Arc::new(Mutex::new(Vec::new()));
        follow(pair.master.try_clone_reader().unwrap(), Arc::clone(&screen), Arc::clone(&raw));
        let writer = pair.master.take_writer().unwrap();
        Self { master: pair.master, child, writer, screen, raw, before }
    }

    /// Presses keys.
    pub fn keys(&mut self, keys: &str) -> &mut Self {
        self.writer.write_all(keys.as_bytes()).unwrap();
        self.writer.flush().unwrap();
        self
    }

    /// Waits until the screen says this.
    pub fn wait(&mut self, text: &str) -> &mut Self {
        self.until(&format!("{text:?}"), |screen| screen.contains(text))
    }

    /// Waits until the screen no longer says this.
    pub fn wait_gone(&mut self, text: &str) -> &mut Self {
        self.until(&format!("no {text:?}"), |screen| !screen.contains(text))
    }

    fn until(&mut self, what: &str, there: impl Fn(&str) -> bool) -> &mut Self {
        let (screen, changed) = &*self.screen;
        let deadline = Instant::now() + LIMIT;
        let mut guard = screen.lock().unwrap();
        while !there(&guard.screen().contents()) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited for {what}; the screen says:\n{}", guard.screen().contents());
            guard = changed.wait_timeout(guard, left).unwrap().0;
        }
        drop(guard);
        self
    }

    /// Presses the left button on the first place where the screen says this.
    pub fn click(&mut self, text: &str) -> &mut Self {
        self.wait(text);
        let contents = self.screen.0.lock().unwrap().screen().contents();
        let (row, line) = contents.lines().enumerate().find(|(_, l)| l.contains(text)).unwrap();
        let column = line[..line.find(text).unwrap()].chars().count();
        self.keys(&format!("\x1b[<0;{};{}M\x1b[<0;{};{}m", column + 1, row + 1, column + 1, row + 1))
    }

    /// All that was written to the terminal so far.
    pub fn raw(&self) -> String {
        String::from_utf8_lossy(&self.raw.lock().unwrap()).into_owned()
    }

    /// Makes the terminal another size.
    pub fn resize(&mut self, columns: u16, rows: u16) -> &mut Self {
        self.screen.0.lock().unwrap().screen_mut().set_size(cells(rows), cells(columns));
        self.master.resize(size(columns, rows)).unwrap();
        self
    }

    /// Sends a signal.
    pub fn signal(&self, name: &str) {
        let pid = self.child.process_id().unwrap().to_string();
        let sent = std::process::Command::new("kill").args(["-s", name, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end and gives the exit status; the terminal must be as it was before.
    pub fn end(mut self) -> u32 {
        let deadline = Instant::now() + LIMIT;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > deadline {
                let _ = self.child.kill();
                panic!("it does not end; the screen says:\n{}", self.screen.0.lock().unwrap().screen().contents());
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let after = modes(self.master.as_ref());
        assert_eq!(after, self.before, "line modes");
        self.until_main_screen();
        status.exit_code()
    }

    /// The last bytes may still be on their way when the program has ended.
    fn until_main_screen(&self) {
        let (screen, changed) = &*self.screen;
        let deadline = Instant::now() + LIMIT;
        let mut guard = screen.lock().unwrap();
        while guard.screen().alternate_screen() || guard.screen().hide_cursor() {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the terminal was not given back");
            guard = changed.wait_timeout(guard, left).unwrap().0;
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

fn cells(n: u16) -> NonZero<u16> {
    NonZero::new(n).unwrap()
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

/// Echo, line editing and the rest, to compare.
fn modes(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios())
}

/// Reads what the program draws into the screen, until it ends.
fn follow(mut reader: Box<dyn Read + Send>, screen: Arc<(Mutex<vt100::Parser>, Condvar)>, raw: Arc<Mutex<Vec<u8>>>) {
    std::thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while let Ok(n @ 1..) = reader.read(&mut buffer) {
            raw.lock().unwrap().extend_from_slice(&buffer[..n]);
            // A test that failed leaves the lock poisoned, and nobody reads the screen any more.
            let Ok(mut parser) = screen.0.lock() else { return };
            parser.process(&buffer[..n]);
            drop(parser);
            screen.1.notify_all();
        }
        screen.1.notify_all();
    });
}

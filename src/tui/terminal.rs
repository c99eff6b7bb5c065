//! The terminal while a session has it: raw mode, the other screen, and the way back, whatever happens.

use std::io::{self, BufWriter, Stdout, Write as _};
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::clipboard::CopyToClipboard;
use ratatui::crossterm::event::{DisableMouseCapture, EnableMouseCapture};
use ratatui::crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use ratatui::crossterm::{cursor, execute, queue};

use tokio::sync::Notify;

use super::model::Model;
use super::view;

/// A session has the terminal.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// A panic took it away from the session.
static LOST: AtomicBool = AtomicBool::new(false);
static TAKEN_AWAY: Notify = Notify::const_new();
static HOOK: Once = Once::new();

/// The terminal of a running session; gives it back when dropped.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
}

impl Screen {
    /// Takes the terminal. From here on a panic in any thread gives it back before it is reported.
    pub fn take() -> io::Result<Self> {
        HOOK.call_once(|| {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                if give_back() {
                    LOST.store(true, Ordering::SeqCst);
                    TAKEN_AWAY.notify_one();
                }
                before(info);
            }));
        });
        enable_raw_mode()?;
        TAKEN.store(true, Ordering::SeqCst);
        let backend = CrosstermBackend::new(BufWriter::with_capacity(64 * 1024, io::stdout()));
        let screen = Self {
            terminal: Terminal::new(backend).inspect_err(|_| {
                give_back();
            })?,
        };
        execute!(io::stdout(), EnterAlternateScreen, EnableMouseCapture, cursor::Hide)?;
        Ok(screen)
    }

    /// Draws the model; the terminal shows the frame at once or not at all.
    pub fn draw(&mut self, model: &Model) -> io::Result<()> {
        if LOST.load(Ordering::SeqCst) {
            return Ok(());
        }
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.draw(|frame| view::draw(frame, model))?;
        execute!(self.terminal.backend_mut(), EndSynchronizedUpdate)?;
        self.terminal.backend_mut().flush()
    }

    /// Asks the terminal to take a text to the clipboard (OSC 52). Terminals that cannot, or may not, say nothing.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        execute!(self.terminal.backend_mut(), CopyToClipboard::to_clipboard_from(text))
    }

    /// Columns and rows.
    pub fn size(&self) -> io::Result<(u16, u16)> {
        self.terminal.size().map(|s| (s.width, s.height))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Waits until a panic in any thread took the terminal away.
pub async fn taken_away() {
    TAKEN_AWAY.notified().await;
}

/// Gives the terminal back, once; true when this call did it.
fn give_back() -> bool {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return false;
    }
    // There is nobody left to tell of a failure here.
    let _ = execute!(io::stdout(), EndSynchronizedUpdate, DisableMouseCapture, LeaveAlternateScreen, cursor::Show);
    let _ = disable_raw_mode();
    true
}

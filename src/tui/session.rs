//! The loop that joins terminal, model and effects.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt;
use ratatui::crossterm::event::{Event, EventStream, KeyEventKind, MouseEventKind};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::effects::Runner;
use super::message::{Effect, Message};
use super::model::Model;
use super::terminal::{self, Screen};
use super::theme::Look;
use super::update;
use crate::pipeline::secrets::Passwords;

/// No more than 30 frames a second.
const FRAME: Duration = Duration::from_millis(33);
/// How often clocks move on while something runs.
const TICK: Duration = Duration::from_millis(100);

/// How the session looks.
#[derive(Debug, Clone, Copy, Default)]
pub struct TuiOptions {
    /// No colours.
    pub no_color: bool,
    /// Nothing beyond ASCII.
    pub ascii: bool,
    /// Colours for a light background.
    pub light: bool,
}

impl TuiOptions {
    /// As the environment asks: `NO_COLOR`; a locale that is not UTF-8 (no locale at all says nothing);
    /// `CDC_DOCTOR_THEME` set to `light` or `dark`, else the background that a terminal names in `COLORFGBG`.
    #[must_use]
    pub fn from_env() -> Self {
        let set = |name| std::env::var(name).ok().filter(|v| !v.is_empty());
        let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG"));
        let ascii = locale.is_some_and(|l| !l.to_uppercase().replace('-', "").contains("UTF8"));
        // Such as 0;15 or 0;default;15: the last is the background, 7 and from 9 on a light one.
        let pale = |colours: String| {
            matches!(colours.rsplit(';').next(), Some("7" | "9" | "10" | "11" | "12" | "13" | "14" | "15"))
        };
        let light = match set("CDC_DOCTOR_THEME").as_deref() {
            Some(theme) => theme == "light",
            None => set("COLORFGBG").is_some_and(pale),
        };
        Self { no_color: set("NO_COLOR").is_some(), ascii, light }
    }
}

/// Why a session could not go on.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// Input or output is no terminal.
    #[error("the interactive session needs a terminal; `cdc-doctor check` and `cdc-doctor sync` need none")]
    NoTerminal,
    /// The terminal failed.
    #[error("the terminal cannot be used: {0}; `cdc-doctor check` needs none")]
    Terminal(#[from] io::Error),
    /// A panic somewhere, already reported.
    #[error("the session ended by a bug in the program, reported above")]
    Bug,
}

/// Runs the session on a pipeline file until the user leaves. The terminal is as before afterwards, whatever happened.
///
/// # Errors
/// Where there is no terminal, it fails, or a task panicked.
pub async fn run(path: &Path, passwords: Passwords, options: TuiOptions) -> Result<(), TuiError> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(TuiError::NoTerminal);
    }
    let mut stops = [signal(SignalKind::terminate())?, signal(SignalKind::hangup())?, signal(SignalKind::interrupt())?];
    let mut screen = Screen::take()?;
    let look = Look { no_color: options.no_color, ascii: options.ascii, light: options.light };
    let mut model =
        Model::new(path.to_owned(), look, screen.size()?, jiff::Timestamp::now(), jiff::tz::TimeZone::system());
    let first = update::start(&mut model);
    screen.draw(&model)?;

    let (out, mut inbox) = mpsc::channel(256);
    let mut runner = Runner::new(path.to_owned(), passwords, out);
    first.into_iter().for_each(|effect| runner.run(effect));
    let mut keys = EventStream::new();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut drawn = Instant::now();
    let mut changed = false;
    loop {
        let [terminate, hangup, interrupt] = &mut stops;
        let message = tokio::select! {
            () = sleep_until(drawn + FRAME), if changed => {
                screen.draw(&model)?;
                drawn = Instant::now();
                changed = false;
                continue;
            }
            () = terminal::taken_away() => return Err(TuiError::Bug),
            Some(message) = inbox.recv() => message,
            event = keys.next() => match event {
                Some(event) => match translate(&event?) {
                    Some(message) => message,
                    None => continue,
                },
                None => Message::Terminate,
            },
            _ = next(terminate) => Message::Terminate,
            _ = next(hangup) => Message::Terminate,
            _ = next(interrupt) => Message::Terminate,
            _ = ticks.tick(), if model.moving() => Message::Tick(jiff::Timestamp::now()),
        };
        // What begins with this message begins now, not when something last moved.
        update::update(&mut model, Message::Tick(jiff::Timestamp::now()));
        let mut waiting = Some(message);
        while let Some(message) = waiting {
            for effect in update::update(&mut model, message) {
                match effect {
                    Effect::Quit => return Ok(()),
                    Effect::Copy(text) => screen.copy(&text)?,
                    effect => runner.run(effect),
                }
            }
            waiting = inbox.try_recv().ok();
        }
        changed = true;
    }
}

async fn next(signal: &mut Signal) -> Option<()> {
    signal.recv().await
}

/// What of the terminal's events matters.
fn translate(event: &Event) -> Option<Message> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => Some(Message::Key(*key)),
        Event::Mouse(mouse) if !matches!(mouse.kind, MouseEventKind::Moved | MouseEventKind::Drag(_)) => {
            Some(Message::Mouse(*mouse))
        }
        Event::Resize(width, height) => Some(Message::Resize(*width, *height)),
        _ => None,
    }
}

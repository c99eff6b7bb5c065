//! Asking. Esc is the way back to the question before, Ctrl-C leaves; both come out as errors, so that `?` ends a
//! question that was not answered.

use inquire::validator::{ErrorMessage, Validation};
use inquire::{Confirm, InquireError, Select, Text};

use super::dialogue::SetupError;
use super::draft::Draft;
use crate::text::{fit, safe};

/// Why a question has no answer.
#[derive(Debug)]
pub enum Left {
    /// To the question before.
    Back,
    /// Leave the setup; what was answered is kept.
    Quit,
    /// It cannot go on.
    Failed(SetupError),
}

impl From<InquireError> for Left {
    fn from(error: InquireError) -> Self {
        match error {
            InquireError::OperationCanceled => Self::Back,
            InquireError::OperationInterrupted => Self::Quit,
            other => Self::Failed(SetupError::Terminal(other.to_string())),
        }
    }
}

impl From<SetupError> for Left {
    fn from(error: SetupError) -> Self {
        Self::Failed(error)
    }
}

/// Longer lines are cut in lists.
const WIDTH: usize = 100;
/// What stands behind each help line.
const KEYS: &str = "esc goes back, ctrl-c keeps a draft";

fn help(text: &str) -> String {
    if text.is_empty() { KEYS.to_owned() } else { format!("{text} · {KEYS}") }
}

/// A line of text. `check` says what is wrong with it, and what to type.
pub fn text(
    question: &str,
    default: Option<&str>,
    hint: &str,
    check: impl Fn(&str) -> Result<(), String> + Clone + 'static,
) -> Result<String, Left> {
    let hint = help(hint);
    let prompt = Text::new(question).with_help_message(&hint).with_validator(validator(check));
    let answer = match default {
        Some(default) => prompt.with_default(default).prompt()?,
        None => prompt.prompt()?,
    };
    Ok(answer.trim().to_owned())
}

/// A line that is changed from what it says now; it may be emptied.
pub fn edit(
    question: &str,
    now: &str,
    hint: &str,
    check: impl Fn(&str) -> Result<(), String> + Clone + 'static,
) -> Result<String, Left> {
    let hint = help(hint);
    let prompt = Text::new(question).with_help_message(&hint).with_initial_value(now);
    Ok(prompt.with_validator(validator(check)).prompt()?.trim().to_owned())
}

/// One of several; gives its place.
pub fn select(question: &str, options: &[String], start: usize, hint: &str) -> Result<usize, Left> {
    let hint = help(hint);
    let shown: Vec<String> = options.iter().map(|o| fit(&safe(o), WIDTH)).collect();
    let start = start.min(shown.len().saturating_sub(1));
    let picked = Select::new(question, shown).with_starting_cursor(start).with_help_message(&hint).raw_prompt()?;
    Ok(picked.index)
}

/// Yes or no.
pub fn confirm(question: &str, default: bool, hint: &str) -> Result<bool, Left> {
    let hint = help(hint);
    Ok(Confirm::new(question).with_default(default).with_help_message(&hint).prompt()?)
}

/// A word beside the questions.
pub fn say(line: &str) {
    eprintln!("  {}", safe(line));
}

fn validator(
    check: impl Fn(&str) -> Result<(), String> + Clone + 'static,
) -> impl Fn(&str) -> Result<Validation, inquire::CustomUserError> + Clone + 'static {
    move |typed: &str| {
        Ok(match check(typed.trim()) {
            Ok(()) => Validation::Valid,
            Err(why) => Validation::Invalid(ErrorMessage::Custom(safe(&why))),
        })
    }
}

/// What the file takes for a key, once it is written as `written` says.
pub fn taken<F>(
    draft: &Draft,
    key: String,
    written: F,
) -> impl Fn(&str) -> Result<(), String> + Clone + 'static + use<F>
where
    F: Fn(&str) -> String + Clone + 'static,
{
    let draft = draft.clone();
    move |typed: &str| {
        something(typed)?;
        draft.clone().set(&key, &written(typed)).map_err(|why| why.to_string())
    }
}

/// Something must be typed.
pub fn something(typed: &str) -> Result<(), String> {
    if typed.is_empty() { Err("Type something, or press esc to go back.".to_owned()) } else { Ok(()) }
}

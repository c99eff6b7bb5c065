//! `cdc-doctor fix`: the findings' remedies as one plan, shown, agreed to, applied.

use super::check::{print, unknown_word};
use super::{Answer, Context, Failure};
use crate::checks::registry;
use crate::diagnose::{self, Outcome};
use crate::facts;
use crate::fixes::apply::{Applied, StepEvent};
use crate::fixes::{self, Action, Fix, Permits, Plan};
use crate::pipeline::Pipeline;
use crate::pipeline::secrets::Passwords;
use crate::text::safe;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only what these checks found: codes or names [default: all that failed]
    #[arg(value_name = "CODE")]
    checks: Vec<String>,
    /// Show the plan and change nothing
    #[arg(long, conflicts_with_all = ["yes", "undo"])]
    plan: bool,
    /// Apply without asking
    #[arg(long)]
    yes: bool,
    /// Allow steps that reboot a database server
    #[arg(long)]
    allow_reboot: bool,
    /// Allow steps that delete or change stored rows
    #[arg(long)]
    allow_data_loss: bool,
    /// Take the last applied plan back
    #[arg(long, conflicts_with = "checks")]
    undo: bool,
}

impl Args {
    /// Show the plan for everything, and ask.
    pub(super) fn ask() -> Self {
        Self { yes: false, ..Self::yes(&[]) }
    }

    /// Apply without asking what these checks found.
    pub(super) fn yes(checks: &[&str]) -> Self {
        Self {
            checks: checks.iter().map(|c| (*c).to_owned()).collect(),
            plan: false,
            yes: true,
            allow_reboot: false,
            allow_data_loss: false,
            undo: false,
        }
    }

    /// Also steps that reboot a database.
    pub(super) fn with_reboot(self) -> Self {
        Self { allow_reboot: true, ..self }
    }

    /// Also steps that change stored rows.
    pub(super) fn with_data_loss(self) -> Self {
        Self { allow_data_loss: true, ..self }
    }
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<Answer, Failure> {
    for word in &args.checks {
        registry::find(word).ok_or_else(|| unknown_word(word))?;
    }
    let pipeline = context.pipeline()?;
    let passwords = context.passwords(&pipeline)?;
    if args.undo {
        return undo(&args, context, &pipeline, &passwords).await;
    }
    let facts = facts::collect(&pipeline, &passwords, &|_| {}).await;
    let judgements = diagnose::judge(registry::ALL, &facts);
    let wanted = |code: &str, name: &str| {
        args.checks.is_empty()
            || args.checks.iter().any(|w| w.eq_ignore_ascii_case(code) || w.eq_ignore_ascii_case(name))
    };
    let mut fixes: Vec<(String, Fix)> = Vec::new();
    for judgement in judgements.iter().filter(|j| wanted(j.check.code, j.check.name)) {
        if let Outcome::Fail(findings) = &judgement.outcome {
            fixes.extend(findings.iter().filter_map(|f| f.fix.clone()).map(|f| (judgement.check.code.to_owned(), f)));
        }
    }
    let mut plan = Plan::new(fixes);
    show(&plan, context);
    if plan.steps.is_empty() {
        return Ok(nothing_to_apply(&plan, &judgements));
    }
    if args.plan {
        return Ok(Answer::Done);
    }
    if !args.yes {
        choose(&mut plan, context)?;
        if !agree(context, "Apply this plan?")? {
            eprintln!("nothing was changed");
            return Ok(Answer::Done);
        }
    }
    let permits = Permits { reboot: args.allow_reboot, data_loss: args.allow_data_loss };
    let applied = fixes::apply::run(&plan, &pipeline, &passwords, permits, &mut tell)
        .await
        .map_err(|e| Failure::job(color_eyre::Report::new(e)))?;
    eprintln!("{}\nto look again: cdc-doctor check     to take it back: cdc-doctor fix --undo", told(&applied, "done"));
    Ok(Answer::Done)
}

fn nothing_to_apply(plan: &Plan, judgements: &[diagnose::Judgement]) -> Answer {
    let failed = judgements.iter().any(|j| matches!(j.outcome, Outcome::Fail(_)));
    if !plan.notes.is_empty() {
        eprintln!("nothing here can be applied by cdc-doctor: the notes say what to do by hand");
    } else if failed {
        eprintln!("nothing to apply for what was asked; cdc-doctor check says what failed");
    } else {
        eprintln!("nothing to fix");
    }
    if plan.notes.is_empty() { Answer::Done } else { Answer::Findings }
}

/// The plan within the terminal's width. Statements are wrapped at spaces, so that they can still be copied.
fn show(plan: &Plan, context: &Context) {
    let width = context.style().width;
    let hang = " ".repeat(13);
    let mut out = String::new();
    for line in plan.to_text().lines() {
        let options = textwrap::Options::new(width)
            .subsequent_indent(&hang)
            .break_words(false)
            .word_splitter(textwrap::WordSplitter::NoHyphenation)
            .word_separator(textwrap::WordSeparator::AsciiSpace);
        out.push_str(&textwrap::fill(line, options));
        out.push('\n');
    }
    print(&out);
}

/// Asks for each step that has more than one sensible value.
fn choose(plan: &mut Plan, context: &Context) -> Result<(), Failure> {
    for at in 0..plan.steps.len() {
        let Action::EditPipeline { key, value, .. } = &plan.steps[at].step.action else { continue };
        let choices = plan.choices(at);
        if choices.is_empty() {
            continue;
        }
        need_terminal(context)?;
        let shown: Vec<String> = choices.iter().map(|c| safe(c)).collect();
        let start = choices.iter().position(|c| *c == *value).unwrap_or(0);
        let picked = inquire::Select::new(&format!("{key}:"), shown)
            .with_starting_cursor(start)
            .raw_prompt()
            .map_err(|e| Failure::job(format!("{e}; nothing was changed")))?;
        let value = choices[picked.index].clone();
        plan.choose(at, &value).map_err(|e| Failure::job(color_eyre::Report::new(e)))?;
    }
    Ok(())
}

fn agree(context: &Context, question: &str) -> Result<bool, Failure> {
    need_terminal(context)?;
    inquire::Confirm::new(question)
        .with_default(false)
        .prompt()
        .map_err(|e| Failure::job(format!("{e}; nothing was changed")))
}

fn need_terminal(context: &Context) -> Result<(), Failure> {
    if context.interactive {
        return Ok(());
    }
    Err(Failure::usage("nobody can be asked here: standard input is no terminal; nothing was changed")
        .hint("cdc-doctor fix --yes applies the plan as shown"))
}

fn tell(event: StepEvent) {
    match event {
        StepEvent::Begun { step, total, action } => eprintln!("[{}/{total}] {}", step + 1, safe(&action)),
        StepEvent::Done { took, .. } => eprintln!("      ✓ {:.1} s", took.as_secs_f64()),
        StepEvent::Failed { why, .. } => eprintln!("      ✗ {}", safe(&why)),
        StepEvent::Kept { why, .. } => eprintln!("      · left as it is: {}", safe(&why)),
    }
}

fn told(applied: &Applied, word: &str) -> String {
    let (n, journal) = (applied.done.len(), applied.journal.display());
    format!("{n} {} {word}, written down in {journal}", if n == 1 { "step" } else { "steps" })
}

async fn undo(args: &Args, context: &Context, pipeline: &Pipeline, passwords: &Passwords) -> Result<Answer, Failure> {
    if !args.yes && !agree(context, "Take the last applied plan back?")? {
        eprintln!("nothing was changed");
        return Ok(Answer::Done);
    }
    let undone = fixes::apply::undo(pipeline, passwords, &mut tell)
        .await
        .map_err(|e| Failure::job(color_eyre::Report::new(e)))?;
    eprintln!("{}", told(&undone, "taken back"));
    Ok(Answer::Done)
}

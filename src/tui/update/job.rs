//! What runs beside the screens: begun, ended by Esc, and what is shown when it is over.

use super::super::confirm::{Confirm, Guarded};
use super::super::job::{Job, JobKind};
use super::super::message::{Effect, JobEnd};
use super::super::model::Model;
use super::super::page::Page;
use super::super::words;
use super::checks;
use crate::diagnose;
use crate::facts::{CanaryEnd, CanaryRun};
use crate::report::Style;
use crate::verify::{self, Comparison, Outcome};

/// Begins a job that changes nothing, or one row of its own.
pub fn start(model: &mut Model, kind: JobKind) -> Vec<Effect> {
    let Some(pipeline) = model.pipeline.clone() else {
        model.notice = Some("The pipeline file cannot be used yet.".into());
        return Vec::new();
    };
    if let Some(job) = &model.job {
        model.notice = Some(format!("{}: esc ends that first.", job.kind.words()));
        return Vec::new();
    }
    begin(model, kind);
    vec![Effect::Job(kind, Box::new(pipeline))]
}

/// Shows it as begun.
pub fn begin(model: &mut Model, kind: JobKind) {
    model.job = Some(Job::new(kind, model.now));
}

/// Compares both sides.
pub fn verify(model: &mut Model) -> Vec<Effect> {
    start(model, JobKind::Verify)
}

/// Sends a row through the pipeline, where something carries it.
pub fn canary(model: &mut Model) -> Vec<Effect> {
    if model.pipeline.as_ref().is_some_and(|p| !p.sync.mode.has_cdc()) {
        model.notice = Some("A canary needs a mode that follows changes; the mode here is full-load.".into());
        return Vec::new();
    }
    start(model, JobKind::Canary)
}

/// Reads what would be taken back; the answer becomes a question.
pub fn ask_undo(model: &mut Model) -> Vec<Effect> {
    if model.sync.busy() {
        model.notice = Some("A sync is running: stop it before something is changed below it.".into());
        return Vec::new();
    }
    start(model, JobKind::ReadUndo)
}

/// Ends it, where that leaves nothing half done.
pub fn cancel(model: &mut Model) -> Vec<Effect> {
    match &model.job {
        Some(job) if job.kind.cancels() => {
            let kind = job.kind;
            model.job = None;
            model.notice = Some(match kind {
                JobKind::Provision => {
                    model.provision.error =
                        Some("Ended by you. What was begun goes on in AWS; p reads what is there.".into());
                    "Ended. What was begun goes on in AWS.".into()
                }
                kind => format!("{}: ended.", kind.words()),
            });
            vec![Effect::CancelJob]
        }
        Some(job) => {
            model.notice = Some(format!("{}: this is not left half done; it ends soon.", job.kind.words()));
            Vec::new()
        }
        None => Vec::new(),
    }
}

/// Leaving now would leave something half done.
pub fn holds(model: &Model) -> bool {
    model.job.as_ref().is_some_and(|job| matches!(job.kind, JobKind::Undo | JobKind::Provision))
}

/// It is over. A word of a job that was ended by somebody comes too late and is not shown.
pub fn over(model: &mut Model, end: JobEnd) -> Vec<Effect> {
    if let JobEnd::Written(result) = end {
        model.notice = Some(match result {
            Ok(path) => format!("Written: {}", path.display()),
            Err(why) => why,
        });
        return Vec::new();
    }
    if let JobEnd::Halted(result) = end {
        if let Err(why) = result {
            model.sync.paused = false;
            model.page = Some(Page::new("The task was not halted", &why));
        }
        return Vec::new();
    }
    if model.job.take().is_none() {
        return Vec::new();
    }
    match end {
        JobEnd::Verified(result) => model.page = Some(verified(result)),
        JobEnd::Canary(run) => canary_over(model, *run),
        JobEnd::Undoable(result) => undoable(model, result),
        JobEnd::Undone(result) => {
            let failed = result.is_err();
            let text = match result {
                Ok(lines) => lines.join("\n"),
                Err(why) => why,
            };
            model.page = Some(Page::new(if failed { "Not taken back" } else { "Taken back" }, &text));
            model.checks.moved = false;
            return leave_or(model, checks::run);
        }
        JobEnd::Planned(result) => {
            let now = model.now;
            model.provision.planned(now, result.map(|plan| *plan));
        }
        JobEnd::Provisioned(result) => {
            model.provision.done = result.is_ok();
            model.provision.error = result.err();
            return leave_or(model, checks::run);
        }
        JobEnd::Written(_) | JobEnd::Halted(_) => {}
    }
    Vec::new()
}

fn leave_or(model: &mut Model, go_on: fn(&mut Model) -> Vec<Effect>) -> Vec<Effect> {
    if model.leaving { vec![Effect::Quit] } else { go_on(model) }
}

fn undoable(model: &mut Model, result: Result<Vec<String>, String>) {
    match (result, model.pipeline.clone()) {
        (Ok(steps), Some(pipeline)) => {
            model.confirm = Some(Confirm::new(Guarded::Undo { pipeline: Box::new(pipeline), steps }));
        }
        (Err(why), _) => model.notice = Some(why),
        (Ok(_), None) => {}
    }
}

fn verified(result: Result<Box<Comparison>, String>) -> Page {
    match result {
        Ok(comparison) => {
            let title = match comparison.outcome() {
                Outcome::Equal => "Source and target are equal",
                Outcome::Different => "Source and target differ",
                Outcome::Incomplete => "Not everything could be compared",
            };
            Page::new(title, &verify::text(&comparison, Style { color: false, width: 100, verbose: true }))
        }
        Err(why) => Page::new("Not compared", &why),
    }
}

/// The check about the canary judges it as `check --canary` does; here each change is told with its delay.
fn canary_over(model: &mut Model, run: CanaryRun) {
    let mut lines = vec![format!("{} → {}", run.source, run.target), words::canary(&run)];
    if let CanaryEnd::Followed(legs) = &run.end {
        lines.clear();
        lines.push(format!("{} → {}", run.source, run.target));
        for leg in legs {
            let (sign, delay) = match leg.delay_ms {
                Some(ms) if leg.changed.is_empty() => ("✓", format!("{ms} ms, as it was sent")),
                Some(ms) => ("✗", format!("{ms} ms, and not as it was sent")),
                None => ("✗", format!("not on the target within {} s", run.limit_seconds)),
            };
            lines.push(format!("{sign} {:<7} {delay}", leg.change.as_str()));
            lines.extend(
                leg.changed.iter().map(|v| format!("    {}: sent {}, arrived {}", v.column, v.sent, v.arrived)),
            );
            lines.extend(leg.said.iter().map(|said| format!("    the target says: {said}")));
        }
    }
    model.page = Some(Page::new("Canary", &lines.join("\n")));
    if let Some(facts) = &model.checks.facts {
        let mut facts = facts.as_ref().clone();
        facts.canary = Some(run);
        let canary = crate::checks::registry::find("RUN-018").map(|check| diagnose::judge(&[check], &facts));
        for judged in canary.into_iter().flatten() {
            if let Some(old) = model.checks.judgements.iter_mut().find(|j| j.check.code == judged.check.code) {
                *old = judged;
            }
        }
        model.checks.facts = Some(std::sync::Arc::new(facts));
        model.checks.relist();
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use ratatui::crossterm::event::KeyCode;

    use super::super::super::message::{Message, Part};
    use super::super::super::testing::{self, keys, press};
    use super::super::{context, update};
    use super::*;
    use crate::facts::{CanaryChange, CanaryLeg};
    use crate::pipeline::SyncMode;
    use crate::tui::keys::Context;

    fn healthy() -> Model {
        let mut model = testing::judged(80, 24, testing::healthy(), testing::healthy_facts());
        if let Some(pipeline) = &mut model.pipeline {
            pipeline.sync.mode = SyncMode::FullLoadAndCdc;
        }
        model
    }

    fn over(model: &mut Model, end: JobEnd) -> Vec<Effect> {
        update(model, Message::JobOver(end))
    }

    fn page(model: &Model) -> String {
        model.page.as_ref().map_or_else(String::new, |p| format!("{}: {}", p.title, p.lines.join(" / ")))
    }

    #[test]
    fn one_job_at_a_time_and_esc_ends_it() {
        let mut model = healthy();
        assert!(matches!(&keys(&mut model, "v")[..], [Effect::Job(JobKind::Verify, _)]));
        update(&mut model, Message::JobSays("1 of 3 tables".into()));
        assert!(testing::screen(&model).contains("Comparing both sides: 1 of 3 tables"));
        assert!(keys(&mut model, "c").is_empty() && model.notice.is_some());
        assert_eq!(press(&mut model, KeyCode::Esc), [Effect::CancelJob]);
        over(&mut model, JobEnd::Verified(Err("stopped".into())));
        assert!(model.page.is_none(), "a word that comes too late is not shown");
    }

    #[test]
    fn why_nothing_was_compared_lands_on_the_screen() {
        let mut model = healthy();
        keys(&mut model, "v");
        over(&mut model, JobEnd::Verified(Err("no route to host".into())));
        assert_eq!(page(&model), "Not compared: no route to host");
        assert_eq!(context(&model), Context::Page);
        press(&mut model, KeyCode::Esc);
        assert!(model.page.is_none());
    }

    #[test]
    fn a_canary_tells_each_change_and_what_was_not_as_sent() {
        let mut model = healthy();
        assert!(matches!(&keys(&mut model, "c")[..], [Effect::Job(JobKind::Canary, _)]));
        let leg = |change, delay_ms| CanaryLeg { change, delay_ms, changed: Vec::new(), said: None };
        let legs = vec![leg(CanaryChange::Insert, Some(12)), leg(CanaryChange::Update, None)];
        let run = CanaryRun {
            source: "public.c".into(),
            target: "charts.c".into(),
            limit_seconds: 30,
            end: CanaryEnd::Followed(legs),
        };
        over(&mut model, JobEnd::Canary(Box::new(run)));
        let text = page(&model);
        assert!(text.contains("✓ insert  12 ms, as it was sent"), "{text}");
        assert!(text.contains("✗ update  not on the target within 30 s"), "{text}");
    }

    #[test]
    fn a_canary_needs_a_mode_that_follows() {
        let mut model = testing::judged(80, 24, testing::healthy(), testing::healthy_facts());
        assert!(keys(&mut model, "c").is_empty() && model.job.is_none() && model.notice.is_some());
    }

    #[test]
    fn taking_back_shows_the_steps_first_and_is_not_ended_in_the_middle() {
        let mut model = healthy();
        assert!(matches!(&keys(&mut model, "u")[..], [Effect::Job(JobKind::ReadUndo, _)]));
        over(&mut model, JobEnd::Undoable(Ok(vec!["source: DROP TABLE t".into()])));
        assert_eq!(context(&model), Context::Question);
        assert!(testing::screen(&model).contains("source: DROP TABLE t"));
        assert!(matches!(&keys(&mut model, "y")[..], [Effect::Confirmed(_)]));
        assert!(press(&mut model, KeyCode::Esc).is_empty() && model.job.is_some());
        assert!(keys(&mut model, "q").is_empty(), "leaving asks");
        press(&mut model, KeyCode::Esc);
        assert!(update(&mut model, Message::Terminate).is_empty(), "nor does Ctrl-C leave it half done");
        model.leaving = false;
        let effects = over(&mut model, JobEnd::Undone(Ok(vec!["✓ source: DROP TABLE t".into()])));
        assert_eq!(effects, [Effect::Check { run: 2, part: Part::All }]);
        assert!(page(&model).starts_with("Taken back: ✓ source"));
    }

    #[test]
    fn nothing_to_take_back_is_a_word_only() {
        let mut model = healthy();
        keys(&mut model, "u");
        over(&mut model, JobEnd::Undoable(Err("nothing was applied".into())));
        assert!(model.confirm.is_none() && model.notice.as_deref() == Some("nothing was applied"));
    }

    #[test]
    fn a_report_is_written_beside_the_file() {
        let mut model = testing::judged(80, 24, testing::story(), testing::facts());
        let effects = keys(&mut model, "w");
        let [Effect::Write { path, text }] = &effects[..] else { panic!("{effects:?}") };
        assert_eq!(path, &PathBuf::from("cdc-doctor.report-20261122-120431.txt"));
        assert!(text.contains("TLS-001") && !text.contains('\x1b'));
        over(&mut model, JobEnd::Written(Err("Cannot write x: disk full.".into())));
        assert_eq!(model.notice.as_deref(), Some("Cannot write x: disk full."));
    }
}

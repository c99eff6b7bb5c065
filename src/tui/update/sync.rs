//! The sync: starting, stopping, its end.

use super::super::confirm::{Confirm, Guarded};
use super::super::keys::Command;
use super::super::message::{Effect, SyncFailure};
use super::super::model::{Model, Screen};
use super::super::sync_run::State;
use super::{available, checks, moved, page};
use crate::pipeline::EngineKind;
use crate::sync::Totals;

/// Starts what the pipeline says.
pub fn start(model: &mut Model) -> Vec<Effect> {
    let Some(pipeline) = model.pipeline.clone().filter(|_| available(model, Command::Start)) else {
        return Vec::new();
    };
    if pipeline.sync.engine == EngineKind::S3 {
        model.notice = Some("The engine \"s3\" does not run yet: set engine = \"direct\" or \"dms\" in [sync].".into());
        return Vec::new();
    }
    begin(model);
    vec![Effect::Sync(Box::new(pipeline))]
}

/// Shows the run that begins.
pub fn begin(model: &mut Model) {
    model.screen = Screen::Sync;
    model.sync.begin(model.now);
}

/// Asks before stopping.
pub fn ask_stop(model: &mut Model) {
    if model.sync.busy() {
        model.confirm = Some(Confirm::new(if model.managed() { Guarded::LeaveTask } else { Guarded::StopSync }));
    }
}

/// Asks before deleting rows.
pub fn ask_truncate(model: &mut Model) {
    if let (true, Some(pipeline)) = (model.sync.truncate_helps(), &model.pipeline) {
        model.confirm = Some(Confirm::new(Guarded::TruncateAndLoad(Box::new(pipeline.clone()))));
    }
}

/// The engine ended. The checks look again, since the target is another one now.
pub fn ended(model: &mut Model, at: jiff::Timestamp, result: Result<Totals, SyncFailure>) -> Vec<Effect> {
    model.now = at;
    model.sync.ended = Some(at);
    model.sync.paused &= result.is_ok();
    model.sync.state = match result {
        Ok(totals) => State::Done(totals),
        Err(why) => State::Failed(why),
    };
    if matches!(&model.confirm, Some(c) if c.is_about_running_sync()) {
        model.confirm = None;
    }
    if model.leaving { vec![Effect::Quit] } else { checks::run(model) }
}

/// A command on the list of tables.
pub fn list(model: &mut Model, command: Command) -> Vec<Effect> {
    match command {
        Command::Sort => {
            model.sync.order = model.sync.order.next();
            model.sync.cursor = 0;
            model.sync.relist();
            model.notice = Some(format!("Ordered by {}.", model.sync.order.label()));
        }
        Command::Reload => ask_reload(model),
        command => {
            let last = model.sync.rows.len().saturating_sub(1);
            model.sync.cursor = moved(model.sync.cursor, last, page(model), command);
        }
    }
    Vec::new()
}

/// A pause is a stop that is meant to go on: only what is followed can do so without loss.
pub fn can_pause(model: &Model) -> bool {
    model.pipeline.as_ref().is_some_and(|p| p.sync.mode.has_cdc()) && model.sync.state == State::Running
}

/// Halts the sync, or lets it go on from where it is.
pub fn pause(model: &mut Model) -> Vec<Effect> {
    if model.sync.paused && !model.sync.busy() {
        return start(model);
    }
    if !can_pause(model) {
        model.notice = Some(if model.sync.busy() {
            "A full load alone cannot be paused: it would have to begin again. x stops it.".into()
        } else {
            "Nothing is running: s starts the sync.".into()
        });
        return Vec::new();
    }
    let Some(pipeline) = model.pipeline.clone() else { return Vec::new() };
    model.sync.stop();
    model.sync.paused = true;
    if pipeline.sync.engine == EngineKind::Dms {
        return vec![Effect::Halt(Box::new(pipeline))];
    }
    vec![Effect::Confirmed(Confirm::pause())]
}

/// The chosen table, where it can be loaded again.
pub fn reloadable(model: &Model) -> Option<String> {
    let follows = model.pipeline.as_ref().is_some_and(|p| p.sync.mode.has_cdc());
    let table = model.sync.chosen()?;
    (follows && !model.sync.busy()).then(|| format!("{}.{}", table.schema, table.table))
}

fn ask_reload(model: &mut Model) {
    match (reloadable(model), model.pipeline.clone()) {
        (Some(table), Some(pipeline)) => {
            model.confirm = Some(Confirm::new(Guarded::Reload { pipeline: Box::new(pipeline), table }));
        }
        _ if model.sync.busy() => {
            model.notice = Some("Stop the sync first (x): a table is loaded again as a run begins.".into());
        }
        _ => {
            model.notice = Some("Only a run that follows changes can load one table again; t loads all anew.".into());
        }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    use super::super::super::message::{Message, Part};
    use super::super::super::testing::{self, keys, press};
    use super::super::{context, update};
    use super::*;
    use crate::sync::{Progress, TableProgress};
    use crate::tui::keys::Context;

    fn healthy() -> Model {
        testing::judged(80, 24, testing::healthy(), testing::healthy_facts())
    }

    fn running() -> Model {
        let mut model = healthy();
        keys(&mut model, "s");
        model
    }

    fn refused() -> SyncFailure {
        SyncFailure { reason: "charts.weekly_chart has 3 rows".into(), resume: None, truncate_helps: true }
    }

    #[test]
    fn s_starts_once() {
        let mut model = healthy();
        assert_eq!(keys(&mut model, "s"), [Effect::Sync(Box::new(testing::pipeline()))]);
        assert_eq!((model.screen, &model.sync.state), (Screen::Sync, &State::Running));
        assert!(keys(&mut model, "s").is_empty());
    }

    #[test]
    fn another_engine_is_refused_in_words() {
        let mut model = healthy();
        if let Some(p) = &mut model.pipeline {
            p.sync.engine = EngineKind::S3;
        }
        assert!(keys(&mut model, "s").is_empty());
        assert!(model.notice.is_some() && model.sync.state == State::Idle);
    }

    #[test]
    fn stopping_asks_first() {
        let mut model = running();
        assert!(keys(&mut model, "x").is_empty());
        assert_eq!(context(&model), Context::Question);
        keys(&mut model, "n");
        assert_eq!(model.sync.state, State::Running);
        keys(&mut model, "x");
        let effects = press(&mut model, KeyCode::Enter);
        assert!(matches!(&effects[..], [Effect::Confirmed(c)] if *c.action() == Guarded::StopSync));
        assert_eq!(model.sync.state, State::Stopping);
    }

    #[test]
    fn quitting_while_it_runs_stops_it_first() {
        let mut model = running();
        assert!(keys(&mut model, "q").is_empty());
        let effects = keys(&mut model, "y");
        assert!(matches!(&effects[..], [Effect::Confirmed(c)] if *c.action() == Guarded::StopAndQuit));
        let end = Message::SyncEnded(testing::start(), Err(refused()));
        assert_eq!(update(&mut model, end), [Effect::Quit]);
    }

    #[test]
    fn ctrl_c_stops_and_a_second_one_does_not_wait() {
        let mut model = running();
        let ctrl_c = Message::Key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL));
        assert!(matches!(&update(&mut model, ctrl_c.clone())[..], [Effect::Confirmed(_)]));
        assert_eq!(model.sync.state, State::Stopping);
        assert_eq!(update(&mut model, ctrl_c), [Effect::Quit]);
    }

    #[test]
    fn a_refusal_offers_to_empty_the_tables_after_a_typed_word() {
        let mut model = running();
        assert!(keys(&mut model, "t").is_empty() && model.confirm.is_none(), "not before it was refused");
        update(&mut model, Message::SyncEnded(testing::start(), Err(refused())));
        keys(&mut model, "t");
        assert_eq!(context(&model), Context::Typed);
        assert!(press(&mut model, KeyCode::Enter).is_empty(), "nothing typed");
        keys(&mut model, "truncate");
        let effects = press(&mut model, KeyCode::Enter);
        assert!(matches!(&effects[..], [Effect::Confirmed(c)] if matches!(c.action(), Guarded::TruncateAndLoad(_))));
        assert_eq!(model.sync.state, State::Running);
    }

    #[test]
    fn the_end_closes_its_questions_and_looks_again() {
        let mut model = running();
        keys(&mut model, "x");
        let run = model.checks.run;
        let effects = update(&mut model, Message::SyncEnded(testing::start(), Ok(Totals::default())));
        assert_eq!(effects, [Effect::Check { run: run + 1, part: Part::All }]);
        assert!(model.confirm.is_none());
        assert_eq!(model.sync.state, State::Done(Totals::default()));
    }

    #[test]
    fn the_cursor_stays_in_the_list_of_tables() {
        let mut model = running();
        let tables = vec![TableProgress::default(); 3];
        update(&mut model, Message::SyncProgress(Progress { tables, ..Progress::default() }));
        keys(&mut model, "jjjjj");
        assert_eq!(model.sync.cursor, 2);
        keys(&mut model, "g");
        assert_eq!(model.sync.cursor, 0);
    }

    fn following() -> Model {
        let mut model = healthy();
        if let Some(pipeline) = &mut model.pipeline {
            pipeline.sync.mode = crate::pipeline::SyncMode::FullLoadAndCdc;
        }
        keys(&mut model, "s");
        let table = |name: &str, rows_done| TableProgress {
            schema: "public".into(),
            table: name.into(),
            rows_done,
            ..TableProgress::default()
        };
        let tables = vec![table("b", 5), table("a", 9), table("c", 7)];
        update(&mut model, Message::SyncProgress(Progress { tables, ..Progress::default() }));
        model
    }

    fn end(model: &mut Model) {
        update(model, Message::SyncEnded(testing::start(), Ok(Totals::default())));
    }

    fn shown(model: &Model) -> Vec<&str> {
        model.sync.rows.iter().map(|&i| model.sync.progress.tables[i].table.as_str()).collect()
    }

    #[test]
    fn a_pause_goes_on_where_it_stopped() {
        let mut model = following();
        let effects = keys(&mut model, " ");
        assert!(matches!(&effects[..], [Effect::Confirmed(c)] if *c.action() == Guarded::StopSync));
        end(&mut model);
        assert!(testing::screen(&model).contains("paused: space lets it go on"));
        assert!(matches!(&keys(&mut model, " ")[..], [Effect::Sync(_)]));
        assert!(!model.sync.paused);
    }

    #[test]
    fn a_full_load_alone_cannot_be_paused() {
        let mut model = running();
        assert!(keys(&mut model, " ").is_empty());
        assert_eq!(model.sync.state, State::Running);
    }

    #[test]
    fn a_task_of_dms_is_halted_in_aws() {
        let mut model = following();
        testing::with_dms(&mut model);
        assert!(matches!(&keys(&mut model, " ")[..], [Effect::Halt(_)]));
    }

    #[test]
    fn tables_are_ordered_and_filtered() {
        let mut model = following();
        assert_eq!(shown(&model), ["b", "a", "c"]);
        keys(&mut model, "oo");
        assert_eq!(shown(&model), ["a", "b", "c"]);
        keys(&mut model, "o");
        assert_eq!(shown(&model), ["a", "c", "b"], "the most rows first");
        keys(&mut model, "/.b");
        assert_eq!(shown(&model), ["b"]);
        press(&mut model, KeyCode::Esc);
        assert_eq!(shown(&model).len(), 3);
    }

    #[test]
    fn a_table_is_loaded_again_once_nothing_runs_and_after_a_question() {
        let mut model = following();
        assert!(keys(&mut model, "L").is_empty() && model.confirm.is_none());
        end(&mut model);
        keys(&mut model, "jL");
        assert_eq!(context(&model), Context::Question);
        let effects = press(&mut model, KeyCode::Enter);
        let [Effect::Confirmed(confirmed)] = &effects[..] else { panic!("{effects:?}") };
        assert!(matches!(confirmed.action(), Guarded::Reload { table, .. } if table == "public.a"));
    }

    #[test]
    fn a_task_that_is_not_watched_is_not_called_stopped() {
        let mut model = following();
        testing::with_dms(&mut model);
        let progress = Progress { phase: crate::sync::Phase::Streaming, ..model.sync.progress.clone() };
        update(&mut model, Message::SyncProgress(progress));
        keys(&mut model, "xy");
        end(&mut model);
        assert!(testing::screen(&model).contains("the task goes on in AWS"), "{}", testing::screen(&model));
    }
}

//! Plans applied to real servers and taken back.

use std::sync::atomic::{AtomicBool, Ordering};

use cdc_doctor::fixes::apply::{Applied, StepEvent, run, run_until, undo};
use cdc_doctor::fixes::journal::path_of;
use cdc_doctor::fixes::{Action, ApplyError, Cost, Fix, Mode, Permits, Plan, Step};
use cdc_doctor::pipeline::Pipeline;
use cdc_doctor::pipeline::secrets::Passwords;
use mysql_async::prelude::Queryable;

use crate::support::{Project, Source, Target, block_on, both_targets, source};

/// A pipeline file, its passwords and both databases.
struct Case<'a> {
    project: Project,
    source: Source,
    target: &'a Target,
}

impl<'a> Case<'a> {
    fn new(target: &'a Target) -> Self {
        let source = source();
        source.run("CREATE TABLE t (id int NOT NULL)");
        target.run("CREATE TABLE t (id int, x int)");
        Self { project: Project::new(&source, target), source, target }
    }

    fn pipeline(&self) -> Pipeline {
        Pipeline::parse(&self.project.path(), &self.project.text()).unwrap()
    }

    fn passwords(&self) -> Passwords {
        Passwords {
            source: Some(self.source.password.clone().into()),
            target: Some(self.target.password.clone().into()),
        }
    }

    fn apply(&self, plan: &Plan, events: &mut Vec<StepEvent>) -> Result<Applied, ApplyError> {
        let (pipeline, passwords) = (self.pipeline(), self.passwords());
        block_on(run(plan, &pipeline, &passwords, Permits::default(), &mut |event| events.push(event)))
    }

    fn undo(&self) -> Result<Applied, ApplyError> {
        let (pipeline, passwords) = (self.pipeline(), self.passwords());
        block_on(undo(&pipeline, &passwords, &mut |_| {}))
    }

    /// Primary keys of table t on the source and on the target.
    fn keys(&self) -> (i64, i64) {
        block_on(async {
            let sql = "SELECT count(*) FROM pg_constraint WHERE conrelid = 't'::regclass AND contype = 'p'";
            let source = self.source.client().await.query_one(sql, &[]).await.unwrap().get(0);
            let sql = "SELECT count(*) FROM information_schema.table_constraints WHERE table_schema = database() \
                       AND table_name = 't' AND constraint_type = 'PRIMARY KEY'";
            let target: Option<i64> = self.target.conn().await.query_first(sql).await.unwrap();
            (source, target.unwrap())
        })
    }

    fn journal(&self) -> String {
        std::fs::read_to_string(path_of(&self.project.path())).unwrap()
    }
}

fn plan(steps: Vec<Step>) -> Plan {
    Plan::new([("TBL-001".to_owned(), Fix::new(Mode::Confirm, "", steps))])
}

fn source_key() -> Step {
    Step::new(Cost::Lock, Action::source("ALTER TABLE t ADD CONSTRAINT t_key PRIMARY KEY (id)"))
        .undo(Action::source("ALTER TABLE t DROP CONSTRAINT t_key"))
}

fn target_key() -> Step {
    Step::new(Cost::Lock, Action::target("ALTER TABLE t ADD PRIMARY KEY (id)"))
        .undo(Action::target("ALTER TABLE t DROP PRIMARY KEY"))
}

fn edit(key: &str, value: &str) -> Step {
    Step::new(Cost::None, Action::edit(key, value))
}

#[test]
fn a_plan_is_applied_and_taken_back_run_by_run() {
    both_targets(|target| {
        let case = Case::new(target);
        // The first run mends what the second one needs: the source's database.
        let right = case.source.endpoint.database.clone();
        case.project.edit(&format!("database = \"{right}\""), "database = \"charts-source\" # the RDS identifier");
        let broken = case.project.text();

        let mut events = Vec::new();
        let applied = case.apply(&plan(vec![edit("source.database", &right), source_key()]), &mut events).unwrap();
        assert_eq!(applied.pipeline.source.database, right, "later steps use the file as it is then");
        assert!(matches!(events[0], StepEvent::Begun { step: 0, total: 2, .. }), "{events:?}");
        assert!(matches!(events[3], StepEvent::Done { step: 1, .. }), "{events:?}");
        assert_eq!(case.project.text(), broken.replace("charts-source", &right), "comments stay");
        case.apply(&plan(vec![target_key()]), &mut events).unwrap();
        assert_eq!(case.keys(), (1, 1));

        assert_eq!(case.undo().unwrap().done, ["target: ALTER TABLE t DROP PRIMARY KEY"]);
        assert_eq!(case.keys(), (1, 0), "the last run only");
        let undone = case.undo().unwrap();
        assert_eq!(undone.done.len(), 2);
        assert!(undone.done[0].starts_with("source: "), "the last step first: {:?}", undone.done);
        assert_eq!(case.keys(), (0, 0));
        assert_eq!(case.project.text(), broken);
        assert!(matches!(case.undo(), Err(ApplyError::NothingToUndo)));
        for password in [&case.source.password, &case.target.password] {
            use secrecy::ExposeSecret;
            assert!(!case.journal().contains(password.expose_secret()));
        }
    });
}

#[test]
fn the_first_failure_stops_and_says_how_to_go_on() {
    both_targets(|target| {
        let case = Case::new(target);
        let mut events = Vec::new();
        let wrong = Step::new(Cost::None, Action::target("ALTER TABLE no_such_table ADD PRIMARY KEY (id)"));
        let error = case.apply(&plan(vec![source_key(), wrong, target_key()]), &mut events).unwrap_err();
        let ApplyError::Stopped(stopped) = &error else { panic!("{error}") };
        assert_eq!((stopped.step, stopped.total, stopped.done.len(), stopped.left.len()), (2, 3, 1, 2));
        assert!(stopped.why.contains("no_such_table") && stopped.why.contains("1146"), "{error}");
        assert!(stopped.resume.ends_with(" fix TBL-001"), "{error}");
        assert!(matches!(events.last(), Some(StepEvent::Failed { step: 1, .. })), "{events:?}");
        assert_eq!(case.keys(), (1, 0), "what came after was not done");
        case.undo().unwrap();
        assert_eq!(case.keys(), (0, 0), "what was done can be taken back");
    });
}

#[test]
fn what_is_wrong_beforehand_changes_nothing() {
    both_targets(|target| {
        let case = Case::new(target);
        let before = case.project.text();
        let mut lossy = Step::new(Cost::None, Action::target("DELETE FROM t"));
        lossy.data_loss = true;
        let reboot = Step::new(Cost::Reboot, Action::target("SELECT 1"));
        for (last, expected) in [
            (lossy, "Permit it with --allow-data-loss"),
            (reboot, "Permit it with --allow-reboot"),
            (edit("source.tls", "on"), "[source] tls is \"on\""),
            (edit("source.slot", "x"), "is no key of a pipeline file"),
            (edit("sync.engine", "dms"), "needs a section [dms]"),
        ] {
            let error = case.apply(&plan(vec![source_key(), last]), &mut Vec::new()).unwrap_err().to_string();
            assert!(error.contains("nothing was changed") && error.contains(expected), "{error}");
        }
        assert_eq!(case.keys(), (0, 0));
        assert_eq!(case.project.text(), before);
        assert!(!path_of(&case.project.path()).exists());
    });
}

#[test]
fn undo_leaves_what_has_no_way_back_and_what_was_changed_since() {
    both_targets(|target| {
        let case = Case::new(target);
        let one_way = Step::new(Cost::None, Action::target("CREATE TABLE kept (id int)"));
        let steps = vec![one_way, edit("sync.parallel", "8"), edit("source.tls", "require")];
        case.apply(&plan(steps), &mut Vec::new()).unwrap();
        case.project.edit("tls = \"require\"", "tls = \"verify-ca\"");
        let undone = case.undo().unwrap();
        assert_eq!(undone.done, ["pipeline file: take sync.parallel out"]);
        assert_eq!(undone.kept.len(), 2);
        assert!(undone.kept[0].ends_with("the file was changed since"), "{:?}", undone.kept);
        assert!(undone.kept[1].ends_with("there is no way back"), "{:?}", undone.kept);
        assert!(case.project.text().contains("verify-ca") && !case.project.text().contains("parallel"));
        assert!(matches!(case.undo(), Err(ApplyError::NothingToUndo)), "a run is taken back once");
    });
}

#[test]
fn a_held_table_is_given_up_before_it_blocks_everyone() {
    let target = crate::support::target(cdc_doctor::facts::MyFlavor::MariaDb);
    let case = Case::new(&target);
    let (pipeline, passwords) = (case.pipeline(), case.passwords());
    let error = block_on(async {
        let holder = case.source.client().await;
        holder.batch_execute("BEGIN; LOCK TABLE t IN ACCESS SHARE MODE").await.unwrap();
        let plan = plan(vec![source_key()]);
        run(&plan, &pipeline, &passwords, Permits::default(), &mut |_| {}).await.unwrap_err().to_string()
    });
    assert!(error.contains("55P03") && error.contains("try again"), "{error}");
    assert_eq!(case.keys(), (0, 0));
}

#[test]
fn the_target_database_may_be_made_by_the_plan() {
    both_targets(|target| {
        let case = Case::new(target);
        let name = crate::support::unique("made");
        let steps = vec![
            edit("target.database", &name),
            Step::new(Cost::None, Action::target(format!("CREATE DATABASE {name}")))
                .undo(Action::target(format!("DROP DATABASE {name}"))),
        ];
        case.apply(&plan(steps), &mut Vec::new()).unwrap();
        case.undo().unwrap();
        assert_eq!(case.pipeline().target.database, target.endpoint.database);
    });
}

#[test]
fn a_plan_that_is_ended_finishes_its_step_and_begins_no_other() {
    both_targets(|target| {
        let case = Case::new(target);
        let (pipeline, passwords) = (case.pipeline(), case.passwords());
        let enough = AtomicBool::new(false);
        // Somebody presses the key while the first step runs.
        let mut observe = |event| {
            if matches!(event, StepEvent::Begun { step: 0, .. }) {
                enough.store(true, Ordering::Relaxed);
            }
        };
        let plan = plan(vec![source_key(), target_key()]);
        let ended = block_on(run_until(&enough, &plan, &pipeline, &passwords, Permits::default(), &mut observe));
        let Err(ApplyError::Stopped(stopped)) = ended else { panic!("{ended:?}") };
        assert_eq!((stopped.step, stopped.total), (2, 2));
        assert_eq!(case.keys(), (1, 0));
        case.undo().unwrap();
        assert_eq!(case.keys(), (0, 0));
    });
}

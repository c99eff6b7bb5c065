//! What happened outside: time, terminal, checks.

use super::super::message::{Effect, Judged, Message};
use super::super::model::{Model, Seen};
use super::{command, fix, job, sync};

pub fn happened(model: &mut Model, message: Message) -> Vec<Effect> {
    match message {
        Message::Key(_) | Message::Mouse(_) => {}
        Message::Memory(bytes) => model.sync.memory = Some(bytes),
        Message::JobSays(says) => {
            if let Some(job) = &mut model.job {
                job.says = says;
            }
        }
        Message::JobOver(end) => return job::over(model, end),
        Message::Told(told) => model.provision.told(&told),
        Message::Resize(width, height) => model.size = (width, height),
        Message::Tick(now) => {
            model.now = now;
            model.sync.sample(now);
        }
        Message::Terminate => return command::interrupt(model),
        Message::Pipeline(run, read) if run == model.checks.run => match read {
            Ok(pipeline) => {
                model.pipeline = Some(*pipeline);
                model.pipeline_error = None;
            }
            Err(why) => {
                model.pipeline_error = Some(why);
                model.checks.running_since = None;
            }
        },
        Message::Pipeline(..) => {}
        Message::Judged(judged) => self::judged(model, judged),
        Message::Step(place, state) => fix::step(model, place, state),
        Message::Applied(result) => return fix::over(model, result),
        Message::SyncEvent(at, event) => model.sync.event(at, event),
        Message::SyncProgress(progress) => model.sync.counted(progress),
        Message::SyncEnded(at, result) => return sync::ended(model, at, result),
    }
    Vec::new()
}

fn judged(model: &mut Model, judged: Judged) {
    let checks = &mut model.checks;
    if judged.run != checks.run {
        return;
    }
    checks.judgements = judged.judgements;
    if judged.done {
        checks.last = Some((judged.facts.taken_at, judged.elapsed));
        checks.running_since = None;
    }
    checks.seen = Seen::of(&judged.facts);
    checks.facts = Some(judged.facts);
    checks.relist();
    if judged.done {
        model.schema.show(judged.schema);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::super::super::testing;
    use super::super::{self as update_module, update};
    use super::*;
    use crate::diagnose::Outcome;

    fn word(run: u64, done: bool) -> Message {
        let facts = Arc::new(testing::facts());
        Message::Judged(Judged {
            run,
            facts,
            judgements: testing::healthy(),
            schema: None,
            elapsed: Duration::from_secs(1),
            done,
        })
    }

    #[test]
    fn a_run_is_live_until_its_last_word() {
        let mut model = testing::model(80, 24);
        update(&mut model, word(1, false));
        assert!(model.moving() && model.checks.last.is_none());
        assert!(model.checks.judgements.iter().all(|j| j.outcome == Outcome::Pass));
        update(&mut model, word(1, true));
        assert!(!model.moving());
        assert_eq!(model.checks.last, Some((testing::start(), Duration::from_secs(1))));
    }

    #[test]
    fn the_late_word_of_an_older_run_is_ignored() {
        let mut model = testing::judged(80, 24, testing::story(), testing::facts());
        update_module::start(&mut model);
        update(&mut model, word(1, true));
        assert!(model.moving());
        assert!(matches!(model.checks.judgements[0].outcome, Outcome::Fail(_)));
    }

    #[test]
    fn a_broken_file_ends_the_run_and_keeps_what_was_seen() {
        let mut model = testing::judged(80, 24, testing::story(), testing::facts());
        update_module::start(&mut model);
        update(&mut model, Message::Pipeline(2, Err("line 4".into())));
        assert!(!model.moving());
        assert_eq!(model.pipeline_error.as_deref(), Some("line 4"));
        assert!(model.pipeline.is_some() && model.checks.facts.is_some());
        update(&mut model, Message::Pipeline(2, Ok(Box::new(testing::pipeline()))));
        assert_eq!(model.pipeline_error, None);
    }

    #[test]
    fn size_and_time_are_taken_over() {
        let mut model = testing::model(80, 24);
        update(&mut model, Message::Resize(100, 30));
        assert_eq!(model.size, (100, 30));
        let later = testing::start() + jiff::SignedDuration::from_secs(3);
        update(&mut model, Message::Tick(later));
        assert_eq!(model.now, later);
    }
}

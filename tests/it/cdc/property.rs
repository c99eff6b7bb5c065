//! Whatever is written on the source, however often the program is interrupted: in the end both sides are equal.

use std::time::Duration;

use cdc_doctor::facts::MyFlavor;

use super::child::Sync;
use super::compare;
use super::field::{self, Field};
use super::generate::Schema;
use super::random::Random;
use super::seeds::{Told, seeds};
use super::writers::{Pace, Writers};
use crate::support;

/// Seeds that once failed; they always run.
const KNOWN: &[u64] = &[1];

/// Fresh seeds of an ordinary run.
const FRESH: usize = 2;

#[test]
fn random_changes_arrive_on_mariadb() {
    seeds(KNOWN, FRESH).for_each(|seed| arrive(seed, MyFlavor::MariaDb));
}

#[test]
fn random_changes_arrive_on_mysql() {
    seeds(KNOWN, FRESH).for_each(|seed| arrive(seed, MyFlavor::MySql));
}

#[test]
fn random_tables_are_loaded_equal() {
    for seed in seeds(&[1, 2], 1) {
        let _told = Told { seed, test: "cdc::property" };
        let mut r = Random::new(seed);
        let schema = Schema::random(&mut r);
        let source = support::source();
        source.run(&schema.sql());
        let pace = Pace { sessions: 2, transactions: Some(60), pause: Duration::from_millis(1), large: 1500 };
        let tally = Writers::start(&source, &schema, &mut r, pace).finish();
        assert!(tally.committed > tally.refused, "the sessions were in each other's way: {tally:?}");
        support::both_targets(|target| {
            let ran = support::Project::new(&source, target).run(&["sync", "--mode", "full-load"]);
            assert_eq!(ran.status, 0, "{ran}");
            compare::assert_equal(&source, target, &schema.tables);
        });
    }
}

fn arrive(seed: u64, flavor: MyFlavor) {
    let _told = Told { seed, test: "cdc::property" };
    let mut r = Random::new(seed);
    let schema = Schema::random(&mut r);
    let field = Field::new(field::small_memory(), support::target(flavor));
    field.source.run(&schema.sql());
    for round in 0..if r.percent(30) { 2 } else { 1 } {
        let pace =
            Pace { sessions: r.between(1, 3), transactions: Some(60), pause: Duration::from_millis(30), large: 1500 };
        let writers = Writers::start(&field.source, &schema, &mut r, pace);
        for _ in 0..r.between(1 - round, 3) {
            interrupt(&field, &mut r);
        }
        let tally = writers.finish();
        assert!(tally.committed > tally.refused, "the sessions were in each other's way: {tally:?}");
        field.catch_up_and_compare(&schema.tables);
    }
}

/// Lets the program work for a while, then ends it, the hard way or the soft one.
fn interrupt(field: &Field, r: &mut Random) {
    let mut sync = Sync::start(&field.project, &[]);
    let phases = [&["prepare"][..], &["full-load", "streaming"], &["streaming"]];
    let reached = sync.until_phase(r.pick(&phases)) && sync.work(Duration::from_millis(r.below(700)));
    if !reached {
        panic!("the run ended by itself; {}", sync.finish());
    }
    if r.percent(50) {
        sync.kill();
    } else {
        let ended = sync.terminate();
        // The status of a run that did not do all of its job, or of one that was just done.
        assert!(matches!(ended.status, Some(0 | 3)), "{ended}");
    }
}

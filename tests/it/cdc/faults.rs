//! Nothing that breaks on the way loses, doubles or changes a row: the program is killed again and again while both
//! servers crash and restart and the network stalls, crawls and breaks between them.

use std::time::Duration;

use cdc_doctor::facts::MyFlavor;
use cdc_doctor::lab::servers::{MySqlOptions, MySqlServer, Postgres};

use super::child::Sync;
use super::field::{self, Field};
use super::generate::Schema;
use super::ledger::Ledger;
use super::proxy::{Network, Proxy};
use super::random::Random;
use super::seeds::{Told, seeds};
use super::writers::{Pace, Writers};
use crate::support::Target;

/// How often the program is killed with each seed.
const KILLS: u64 = 50;

#[test]
fn nothing_is_lost_when_all_breaks_on_mariadb() {
    seeds(&[], 1).for_each(|seed| survive(seed, MyFlavor::MariaDb));
}

#[test]
fn nothing_is_lost_when_all_breaks_on_mysql() {
    seeds(&[], 1).for_each(|seed| survive(seed, MyFlavor::MySql));
}

fn survive(seed: u64, flavor: MyFlavor) {
    let _told = Told { seed, test: "cdc::faults" };
    let mut storm = Storm::new(flavor, Random::new(seed));
    // Half of the kills fall into the full load of each pipeline, which is soon over.
    for _ in 0..2 {
        storm.rage(KILLS / 2);
    }
    storm.end();
}

/// Servers of their own, and the network to them.
struct Storm {
    source: &'static Postgres,
    target: &'static MySqlServer,
    to_source: Proxy,
    to_target: Proxy,
    r: Random,
    /// Where the kills fell.
    reached: Reached,
}

/// What goes wrong beside the kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Nothing,
    Cut,
    CutInTheMiddle,
    Stall,
    Crawl,
    Down,
    SourceCrash,
    SourceRestart,
    TargetCrash,
    TargetRestart,
}

/// Troubles of the network, some of them more often than others.
const NETWORK: &[Trouble] = &[
    Trouble::Cut,
    Trouble::Cut,
    Trouble::CutInTheMiddle,
    Trouble::CutInTheMiddle,
    Trouble::Stall,
    Trouble::Crawl,
    Trouble::Down,
];

/// One of each kind in each round.
const SERVERS: &[Trouble] =
    &[Trouble::SourceCrash, Trouble::TargetCrash, Trouble::SourceRestart, Trouble::TargetRestart];

impl Storm {
    fn new(flavor: MyFlavor, r: Random) -> Self {
        let source: &'static Postgres = Box::leak(Box::new(field::start_small_memory(&[])));
        let mut options = MySqlOptions::new(flavor);
        // What the server has in memory when it is killed is not yet in its log: without this MySQL may not find a
        // table again that was being created or emptied.
        options.settings.push(("innodb-flush-log-at-trx-commit".to_owned(), "1".to_owned()));
        let target = MySqlServer::start(&options).unwrap_or_else(|why| panic!("{why}"));
        let target: &'static MySqlServer = Box::leak(Box::new(target));
        let (to_source, to_target) = (Proxy::to(source.port()), Proxy::to(target.port()));
        Self { source, target, to_source, to_target, r, reached: Reached::default() }
    }

    /// A new pipeline is killed so many times; then everything must be there.
    fn rage(&mut self, kills: u64) {
        let database = crate::support::unique("target");
        self.target.run(None, &format!("CREATE DATABASE {database} CHARACTER SET utf8mb4")).unwrap();
        let target = Target {
            server: self.target,
            endpoint: self.target.endpoint(&database),
            password: self.target.password().clone(),
        };
        let field = Field::new(self.source, target);
        field.through(self.to_source.port(), self.to_target.port());
        let schema = Schema::of_all_shapes(&mut self.r, 4000);
        field.source.run(&schema.sql());
        let pace = Pace { sessions: 2, transactions: None, pause: Duration::from_millis(200), large: 1000 };
        let writers = Writers::start(&field.source, &schema, &mut self.r, pace);
        let ledger = Ledger::open(&field);
        let last_trouble = kills - kills / 5;
        for kill in 0..kills {
            let server = SERVERS.iter().enumerate().find(|(at, _)| (*at as u64 + 1) * last_trouble / 4 == kill + 1);
            let trouble = match server {
                Some((_, trouble)) => *trouble,
                None if self.r.percent(50) => self.r.pick(NETWORK),
                None => Trouble::Nothing,
            };
            self.kill(&field, trouble);
        }
        let tally = writers.stop();
        assert!(tally.committed > kills, "{tally:?}");
        ledger.close(&field, || field.catch_up_and_compare(&schema.tables));
    }

    /// Runs the program into the trouble, and kills it: in the load or the catching up, or later, while it streams.
    fn kill(&mut self, field: &Field, trouble: Trouble) {
        // A table that is loaded already may be wanted again. But MySQL (9.7.4) that is killed while it empties a table may
        // not find it again (1812, "Tablespace is missing"), which no client can mend.
        let emptied = self.target.flavor() == MyFlavor::MySql && trouble == Trouble::TargetCrash;
        let words = if self.r.percent(55) && !emptied {
            &["--reload", self.r.pick(&["public.*", "public.*e*"])][..]
        } else {
            &[]
        };
        let mut sync = Sync::start(&field.project, words);
        let early = self.r.percent(20);
        if early {
            self.make(trouble, &mut sync);
        }
        // Through a network that crawls from the beginning, the writers may be faster than the program for ever.
        let crawls = early && trouble == Trouble::Crawl;
        let streams = self.r.percent(30) && !crawls;
        let phases = if streams { &["streaming"][..] } else { &["full-load", "catch-up"] };
        // A run that ends by itself in trouble is as good as one that waits for better times.
        let mut alive = sync.until_phase(phases);
        if !early && alive {
            alive = sync.work(Duration::from_millis(self.r.below(300)));
            self.make(trouble, &mut sync);
        }
        // A load is soon over: most kills that find one come at once.
        if alive && self.r.percent(40) {
            sync.work(Duration::from_millis(self.r.below(600)));
        }
        self.reached.count(&sync);
        let ended = sync.kill();
        assert!(ended.status.is_none() || ended.status == Some(3), "{ended}");
        assert!(trouble != Trouble::Nothing || ended.status.is_none(), "it ended without a reason; {ended}");
        self.to_source.heal();
        self.to_target.heal();
    }

    /// Makes it, and ends it where the servers are concerned.
    fn make(&mut self, trouble: Trouble, sync: &mut Sync) {
        let proxy = if self.r.percent(50) { &self.to_source } else { &self.to_target };
        let mut moment = || Duration::from_millis(self.r.below(400));
        match trouble {
            Trouble::Nothing => {}
            Trouble::Cut => proxy.cut(),
            Trouble::CutInTheMiddle => proxy.cut_after(u32::try_from(moment().as_millis()).unwrap() * 100),
            Trouble::Crawl => proxy.set(Network::Slow(moment() / 10)),
            Trouble::Stall | Trouble::Down => {
                proxy.set(if trouble == Trouble::Stall { Network::Stalled } else { Network::Down });
                sync.work(moment());
                proxy.heal();
            }
            Trouble::SourceCrash => {
                self.source.kill();
                sync.work(moment());
                self.source.restart().unwrap();
            }
            Trouble::SourceRestart => self.source.restart().unwrap(),
            Trouble::TargetCrash => {
                self.target.kill();
                sync.work(moment());
                self.target.restart().unwrap();
            }
            Trouble::TargetRestart => self.target.restart().unwrap(),
        }
    }

    fn end(self) {
        let Reached { loading, following } = self.reached;
        assert!(loading >= KILLS / 5 && following >= KILLS / 5, "the kills fell elsewhere: {:?}", self.reached);
        self.source.stop();
        self.target.stop();
    }
}

/// Where the kills fell.
#[derive(Debug, Default)]
struct Reached {
    loading: u64,
    following: u64,
}

impl Reached {
    fn count(&mut self, sync: &Sync) {
        if sync.was_in("catch-up") {
            self.following += 1;
        } else if sync.was_in("full-load") {
            self.loading += 1;
        }
    }
}

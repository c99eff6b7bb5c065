//! Everything the screens show. Changed by `update` only.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::confirm::Confirm;
use super::job::Job;
use super::log::Log;
use super::page::Page;
use super::palette::Palette;
use super::plan::{PlanDialog, Stage};
use super::provision_run::ProvisionRun;
use super::rows::{self, Narrow, Row, RowKey};
use super::schema_list::SchemaList;
use super::sync_run::SyncRun;
use super::theme::Look;
use super::widgets::Input;
use crate::checks::{Area, Check, registry};
use crate::diagnose::{Judgement, Outcome};
use crate::facts::{Facts, PgTable};
use crate::fixes::Fix;
use crate::pipeline::{EngineKind, Pipeline};

/// The smallest terminal that screens are drawn for.
pub const SMALLEST: (u16, u16) = (60, 20);

/// The screens, in the order of their tabs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Screen {
    /// The pipeline's hops and what to do next.
    Overview,
    /// What the checks say.
    Checks,
    /// The tables on both sides.
    Schema,
    /// The DMS side.
    Provision,
    /// Rows on their way.
    Sync,
    /// What happened.
    Log,
}

impl Screen {
    /// Those that there are.
    pub const ALL: &[Self] = &[Self::Overview, Self::Checks, Self::Schema, Self::Provision, Self::Sync, Self::Log];

    /// On the tab.
    pub fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Checks => "Checks",
            Self::Schema => "Schema",
            Self::Provision => "Provision",
            Self::Sync => "Sync",
            Self::Log => "Log",
        }
    }
}

/// The whole session.
#[derive(Debug)]
pub struct Model {
    /// What the terminal can show.
    pub look: Look,
    /// Columns and rows.
    pub size: (u16, u16),
    /// For the times of day.
    pub zone: jiff::tz::TimeZone,
    /// The moment that elapsed times are counted to.
    pub now: jiff::Timestamp,
    /// The pipeline file.
    pub path: PathBuf,
    /// What it said when it could last be read.
    pub pipeline: Option<Pipeline>,
    /// Why it cannot be read now.
    pub pipeline_error: Option<String>,
    /// Which screen is up.
    pub screen: Screen,
    /// The checks and how they are shown.
    pub checks: Checks,
    /// The tables on both sides.
    pub schema: SchemaList,
    /// The DMS side.
    pub provision: ProvisionRun,
    /// The sync, whether it runs or not.
    pub sync: SyncRun,
    /// What happened.
    pub log: Log,
    /// What runs beside the screens.
    pub job: Option<Job>,
    /// The filter of the screen is being typed.
    pub filtering: bool,
    /// A text is up.
    pub page: Option<Page>,
    /// The list of commands is up.
    pub palette: Option<Palette>,
    /// The session ends as soon as the sync has stopped.
    pub leaving: bool,
    /// The help is up.
    pub help: bool,
    /// First line of the help.
    pub help_scroll: usize,
    /// The plan of a fix is up.
    pub plan: Option<PlanDialog>,
    /// A question is up.
    pub confirm: Option<Confirm>,
    /// A word about the last key, until the next one.
    pub notice: Option<String>,
}

/// The checks, their outcomes, and what of them is shown.
#[derive(Debug)]
pub struct Checks {
    /// Number of the newest run.
    pub run: u64,
    /// When it began; `None` once it has ended.
    pub running_since: Option<jiff::Timestamp>,
    /// When the last complete run began, and how long it took.
    pub last: Option<(jiff::Timestamp, Duration)>,
    /// What was seen so far.
    pub facts: Option<Arc<Facts>>,
    /// What the overview says of the tables.
    pub seen: Seen,
    /// What it means, in the order of the rule book.
    pub judgements: Vec<Judgement>,
    /// The lines of the list; made from the judgements, what is folded, and the filter.
    pub rows: Vec<Row>,
    /// The chosen line.
    pub cursor: usize,
    /// Somebody has chosen a line; until then it is the first, the worst.
    pub moved: bool,
    /// Lines folded or unfolded against their default.
    pub toggled: BTreeSet<RowKey>,
    /// Words that a check must have.
    pub filter: Input,
    /// The area and kind of outcome that it must have.
    pub narrow: Narrow,
    /// The keys move in the detail pane.
    pub reading: bool,
    /// First line of the detail pane.
    pub scroll: usize,
}

impl Model {
    /// A session that has seen nothing yet.
    pub fn new(path: PathBuf, look: Look, size: (u16, u16), now: jiff::Timestamp, zone: jiff::tz::TimeZone) -> Self {
        Self {
            look,
            size,
            zone,
            now,
            path,
            pipeline: None,
            pipeline_error: None,
            screen: Screen::Overview,
            checks: Checks::new(),
            schema: SchemaList::default(),
            provision: ProvisionRun::default(),
            sync: SyncRun::default(),
            log: Log::default(),
            job: None,
            filtering: false,
            page: None,
            palette: None,
            leaving: false,
            help: false,
            help_scroll: 0,
            plan: None,
            confirm: None,
            notice: None,
        }
    }

    /// Something on the screen changes by itself.
    pub fn moving(&self) -> bool {
        self.checks.running_since.is_some() || self.sync.busy() || self.applying() || self.job.is_some()
    }

    /// The rows go through a task of DMS, which goes on when nobody watches it.
    pub fn managed(&self) -> bool {
        self.pipeline.as_ref().is_some_and(|p| p.sync.engine == EngineKind::Dms)
    }

    /// A plan is being applied.
    pub fn applying(&self) -> bool {
        self.plan.as_ref().is_some_and(|plan| plan.stage == Stage::Applying)
    }

    /// The filter of the screen that is up.
    pub fn filter_mut(&mut self) -> Option<&mut Input> {
        match self.screen {
            Screen::Checks => Some(&mut self.checks.filter),
            Screen::Schema => Some(&mut self.schema.filter),
            Screen::Sync => Some(&mut self.sync.filter),
            Screen::Log => Some(&mut self.log.filter),
            Screen::Overview | Screen::Provision => None,
        }
    }

    /// The terminal is smaller than the screens are drawn for.
    pub fn too_small(&self) -> bool {
        self.size.0 < SMALLEST.0 || self.size.1 < SMALLEST.1
    }
}

impl Checks {
    fn new() -> Self {
        let judgements = registry::ALL.iter().map(|check| Judgement { check, outcome: Outcome::Running }).collect();
        let mut checks = Self {
            run: 0,
            running_since: None,
            last: None,
            facts: None,
            seen: Seen::default(),
            judgements,
            rows: Vec::new(),
            cursor: 0,
            moved: false,
            toggled: BTreeSet::new(),
            filter: Input::default(),
            narrow: Narrow::default(),
            reading: false,
            scroll: 0,
        };
        checks.relist();
        checks
    }

    /// Makes the list anew; a line that somebody has chosen stays chosen where it is still there.
    pub fn relist(&mut self) {
        let chosen = self.rows.get(self.cursor).filter(|_| self.moved).map(|row| row.key(&self.judgements));
        self.rows = rows::list(&self.judgements, &self.toggled, self.filter.text(), self.narrow);
        if let Some(at) = chosen.and_then(|key| self.rows.iter().position(|row| row.key(&self.judgements) == key)) {
            self.cursor = at;
        }
        if !self.moved {
            self.cursor = 0;
        }
        self.cursor = self.cursor.min(self.rows.len().saturating_sub(1));
    }

    /// The judgement that the chosen line is about.
    pub fn chosen(&self) -> Option<&Judgement> {
        match self.rows.get(self.cursor)? {
            Row::Check { index, .. } | Row::Finding { index, .. } | Row::Waiting { index, .. } => {
                self.judgements.get(*index)
            }
            Row::Group { .. } => None,
        }
    }

    /// The fixes of the chosen line: of one finding, or of all findings of a check.
    pub fn chosen_fixes(&self) -> Vec<(&'static str, &Fix)> {
        let Some(j) = self.chosen() else { return Vec::new() };
        match self.rows.get(self.cursor) {
            Some(Row::Finding { finding, .. }) => fixes(j)
                .skip_while(|(i, ..)| i < finding)
                .take_while(|(i, ..)| i == finding)
                .map(|(_, c, f)| (c, f))
                .collect(),
            _ => fixes(j).map(|(_, c, f)| (c, f)).collect(),
        }
    }

    /// The fixes of everything that failed, in the order of the rule book, in which they must be applied.
    pub fn all_fixes(&self) -> Vec<(&'static str, &Fix)> {
        self.judgements.iter().flat_map(fixes).map(|(_, c, f)| (c, f)).collect()
    }

    /// Failed checks, the worst first, else in the order of the rule book.
    pub fn failed(&self) -> impl Iterator<Item = &Judgement> {
        rows::failed(&self.judgements).into_iter().filter_map(|i| self.judgements.get(i))
    }
}

/// The fixes of a failed check: the finding's place, the code, the fix.
pub fn fixes(judgement: &Judgement) -> impl Iterator<Item = (usize, &'static str, &Fix)> {
    let findings = if let Outcome::Fail(findings) = &judgement.outcome { findings.as_slice() } else { &[] };
    let code = judgement.check.code;
    findings.iter().enumerate().filter_map(move |(i, finding)| Some((i, code, finding.fix.as_ref()?)))
}

/// Numbers of tables, counted once when facts arrive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// Selected on the source.
    pub source_tables: Option<usize>,
    /// Their size.
    pub source_bytes: u64,
    /// How many of them exist on the target.
    pub target_tables: Option<usize>,
}

impl Seen {
    /// Counts.
    pub fn of(facts: &Facts) -> Self {
        let Some(source) = facts.source.tables.value() else { return Self::default() };
        let target = facts.target.tables.value().map(|target| {
            let there: HashSet<(&str, &str)> = target.iter().map(|t| (t.schema.as_str(), t.name.as_str())).collect();
            let database = |t: &PgTable| facts.pipeline.target_database(&t.schema);
            source.iter().filter(|t| there.contains(&(database(t), t.name.as_str()))).count()
        });
        Self {
            source_tables: Some(source.len()),
            source_bytes: source.iter().map(|t| u64::try_from(t.bytes).unwrap_or(0)).sum(),
            target_tables: target,
        }
    }
}

/// Parts of the picture on the overview.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hop {
    /// PostgreSQL.
    Source,
    /// What moves the rows, and what is in the middle.
    Engine,
    /// MySQL or MariaDB.
    Target,
}

/// The hop that a check is about. Networks, TLS and logins have checks for both sides; their names say which.
pub fn hop(check: &Check) -> Hop {
    match check.area {
        Area::Tcf | Area::Tsc => Hop::Target,
        Area::Net | Area::Tls | Area::Aut if check.name.contains("target") => Hop::Target,
        Area::Net | Area::Tls | Area::Aut | Area::Src | Area::Tbl | Area::Typ => Hop::Source,
        Area::Dri | Area::Dep | Area::Dtk | Area::Iam | Area::S3 | Area::Glu | Area::Rsk | Area::Run => Hop::Engine,
    }
}

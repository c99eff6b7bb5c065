//! Workers that compare tables, large ones slice by slice, and look into what differs.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::timeout;
use tokio_postgres::types::Type;

use super::confirm;
use super::error::{Broken, VerifyError};
use super::keyless::{self, Whole};
use super::narrow::{self, LISTED, SLICE};
use super::prepare::Job;
use super::report::TableResult;
use super::run::{GRACE, Progress};
use super::sides::Sides;
use super::statement::{self, Buckets, Key, Shape, Slice};
use super::table::Table;
use super::tide::Tide;
use crate::connect::mysql::Like;
use crate::facts::MyFlavor;
use crate::pipeline::Pipeline;
use crate::pipeline::secrets::Passwords;
use crate::sync::Cause;

/// Everything that the workers share.
pub(super) struct Work {
    pipeline: Pipeline,
    passwords: Passwords,
    /// Options for further sessions on the target.
    like: Like,
    flavor: MyFlavor,
    jobs: Vec<Job>,
    tables: Vec<Mutex<Table>>,
    /// The checkpoint of a sync, where there is one.
    pub(super) tide: Option<Tide>,
    queue: Mutex<Queue>,
    changed: Notify,
    /// One long list at a time, however many workers: they are kept in memory.
    long_list: Semaphore,
    progress: watch::Sender<Progress>,
    /// Process numbers on the source, connection numbers on the target.
    sessions: Mutex<(Vec<i32>, Vec<u32>)>,
}

#[derive(Debug, Default)]
struct Queue {
    tasks: VecDeque<Task>,
    /// Tables whose slices are being found: more tasks will come.
    cutting: usize,
}

#[derive(Debug)]
enum Task {
    /// Find the slices of a table.
    Table(usize),
    /// Compare a slice of a table.
    Slice(usize, Slice),
}

impl Work {
    #[expect(clippy::too_many_arguments, reason = "each is needed, and none belongs to another")]
    pub(super) fn new(
        pipeline: &Pipeline,
        passwords: &Passwords,
        like: Like,
        flavor: MyFlavor,
        jobs: Vec<Job>,
        tide: Option<Tide>,
        rows: usize,
        progress: watch::Sender<Progress>,
    ) -> Self {
        // The largest first, so that no worker is left alone with it at the end.
        let mut places: Vec<usize> = (0..jobs.len()).filter(|place| jobs[*place].shape.is_ok()).collect();
        places.sort_by_key(|place| std::cmp::Reverse(jobs[*place].bytes));
        progress.send_modify(|p| p.tables = places.len());
        Self {
            pipeline: pipeline.clone(),
            passwords: passwords.clone(),
            like,
            flavor,
            tables: jobs.iter().map(|job| Mutex::new(Table::new(job, rows))).collect(),
            jobs,
            tide,
            queue: Mutex::new(Queue { tasks: places.into_iter().map(Task::Table).collect(), cutting: 0 }),
            changed: Notify::new(),
            long_list: Semaphore::new(1),
            progress,
            sessions: Mutex::default(),
        }
    }

    /// How many workers there is work for.
    pub(super) fn workers(&self) -> usize {
        let sliced = self.jobs.iter().any(|job| job.sliceable && job.rows >= SLICE);
        let tables = lock(&self.queue).tasks.len();
        if sliced { self.pipeline.sync.parallel } else { self.pipeline.sync.parallel.min(tables) }
    }

    /// The sessions that workers have opened: process numbers on the source, connection numbers on the target.
    pub(super) fn sessions(&self) -> (Vec<i32>, Vec<u32>) {
        lock(&self.sessions).clone()
    }

    /// The results, in the order of the jobs.
    pub(super) fn results(&self) -> Vec<TableResult> {
        let result =
            |(job, table): (&Job, &Mutex<Table>)| std::mem::replace(&mut *lock(table), Table::new(job, 0)).result(job);
        self.jobs.iter().zip(&self.tables).map(result).collect()
    }

    /// One worker. The first must come about, the others help where the servers have sessions for them.
    pub(super) async fn run(self: Arc<Self>, number: usize) -> Result<(), VerifyError> {
        let mut sides = match self.open().await {
            Ok(sides) => sides,
            Err(_) if number > 0 => return Ok(()),
            Err(cause) => {
                return Err(VerifyError::Look { doing: "opening sessions to compare rows", cause: Box::new(cause) });
            }
        };
        while let Some(task) = self.next().await {
            let place = match &task {
                Task::Table(place) | Task::Slice(place, _) => *place,
            };
            match self.one(&mut sides, task).await {
                Ok(()) => {}
                Err(Broken::Table(cause)) => self.table(place).fail(cause.to_string()),
                Err(Broken::Session(cause)) => {
                    return Err(VerifyError::Lost { table: self.jobs[place].label.clone(), cause: Box::new(cause) });
                }
            }
        }
        // A session that is told good-bye leaves no error in the server's log.
        let _ = timeout(GRACE, sides.target.disconnect()).await;
        Ok(())
    }

    async fn open(&self) -> Result<Sides, Cause> {
        let mut sides = Sides::another(&self.pipeline, &self.passwords, self.like.clone()).await?;
        sides.set_up(self.flavor).await?;
        let row = sides.source.query_typed_one("SELECT pg_backend_pid()", &[]).await.map_err(|e| Cause::from(&e))?;
        let mut sessions = lock(&self.sessions);
        sessions.0.push(row.get(0));
        sessions.1.push(sides.target.id());
        drop(sessions);
        Ok(sides)
    }

    /// The next task; none when no more will come.
    async fn next(&self) -> Option<Task> {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            {
                let mut queue = lock(&self.queue);
                if let Some(task) = queue.tasks.pop_front() {
                    queue.cutting += usize::from(matches!(task, Task::Table(_)));
                    return Some(task);
                }
                if queue.cutting == 0 {
                    return None;
                }
            }
            changed.await;
        }
    }

    async fn one(&self, sides: &mut Sides, task: Task) -> Result<(), Broken> {
        match task {
            Task::Table(place) => {
                self.progress.send_modify(|p| p.at.clone_from(&self.jobs[place].label));
                let slices = self.slices(sides, place).await;
                let mut queue = lock(&self.queue);
                queue.cutting -= 1;
                if let Ok(slices) = &slices {
                    self.table(place).begin(slices.len());
                    self.progress.send_modify(|p| p.parts += slices.len());
                    for slice in slices.iter().rev() {
                        queue.tasks.push_front(Task::Slice(place, slice.clone()));
                    }
                }
                drop(queue);
                self.changed.notify_waiters();
                slices.map(drop)
            }
            Task::Slice(place, slice) => {
                let done = if self.table(place).failed() { Ok(()) } else { self.slice(sides, place, &slice).await };
                let last = self.table(place).end_part();
                self.progress.send_modify(|p| {
                    p.parts_done += 1;
                    p.tables_done += usize::from(last);
                });
                done
            }
        }
    }

    /// Slices of a table, of about equal size.
    async fn slices(&self, sides: &Sides, place: usize) -> Result<Vec<Slice>, Broken> {
        let job = &self.jobs[place];
        let whole = vec![Slice::default()];
        let Ok(shape) = &job.shape else { return Ok(whole) };
        let Some(lead) = shape.lead().filter(|_| job.sliceable && job.rows >= SLICE) else { return Ok(whole) };
        let ask =
            "SELECT max(correlation)::float8 FROM pg_stats WHERE schemaname = $1 AND tablename = $2 AND attname = $3";
        let (schema, name) = (&job.source.0, &job.source.1);
        let of = [(schema as _, Type::TEXT), (name as _, Type::TEXT), (&lead.name as _, Type::TEXT)];
        let correlation: Option<f64> = sides.source.query_typed_one(ask, &of).await?.get(0);
        let Some(slicing) = narrow::slicing(job.rows, job.bytes, correlation) else { return Ok(whole) };
        let Some(sql) = statement::cuts(shape, slicing.pieces, slicing.percent) else { return Ok(whole) };
        let rows = sides.source.query_typed(&sql, &[]).await?;
        let cuts: Vec<String> = rows.iter().filter_map(|row| row.get(0)).collect();
        Ok(Slice::between(&narrow::usable(lead, cuts)))
    }

    async fn slice(&self, sides: &mut Sides, place: usize, slice: &Slice) -> Result<(), Broken> {
        let Ok(shape) = &self.jobs[place].shape else { return Ok(()) };
        let (source, target, nulled) = sides.digests(shape, slice).await?;
        self.table(place).digested(&source, &target, nulled);
        self.progress.send_modify(|p| p.rows += source.rows);
        if source == target {
            return Ok(());
        }
        self.progress.send_modify(|p| {
            p.at.clone_from(&self.jobs[place].label);
            p.looking = true;
        });
        let rows = source.rows.max(target.rows);
        let done = if shape.key.is_empty() {
            self.keyless(sides, place, shape).await
        } else if rows <= LISTED {
            self.list(sides, place, shape, slice, None, rows).await
        } else {
            self.part(sides, place, shape, slice, rows).await
        };
        self.progress.send_modify(|p| p.looking = false);
        done
    }

    async fn keyless(&self, sides: &mut Sides, place: usize, shape: &Shape) -> Result<(), Broken> {
        match keyless::decide(sides, shape, self.tide.as_ref()).await? {
            Whole::Equal => {}
            Whole::Different => self.table(place).differs_somewhere(),
            Whole::Undecided => {
                let why = "the source changed it at every look, and it has no key by which to tell rows apart; try \
                           again when it is quiet: cdc-doctor verify";
                self.table(place).fail(why.to_owned());
            }
        }
        Ok(())
    }

    /// Parts a large slice into buckets, and lists those that differ.
    async fn part(
        &self,
        sides: &mut Sides,
        place: usize,
        shape: &Shape,
        slice: &Slice,
        rows: u64,
    ) -> Result<(), Broken> {
        if self.passes_over(place) {
            return Ok(());
        }
        let mask = narrow::mask(rows);
        let (source, target) = sides.buckets(shape, slice, mask).await?;
        let differing = narrow::differing(&source, &target);
        let size = |group: &[u64]| {
            differing.iter().filter(|(bucket, _)| group.binary_search(bucket).is_ok()).map(|(_, rows)| rows).sum()
        };
        for wanted in narrow::groups(&differing) {
            let buckets = Buckets { mask, wanted: &wanted };
            self.list(sides, place, shape, slice, Some(buckets), size(&wanted)).await?;
        }
        Ok(())
    }

    /// Lists a slice, or buckets of it, and looks at the rows that may differ.
    async fn list(
        &self,
        sides: &mut Sides,
        place: usize,
        shape: &Shape,
        slice: &Slice,
        buckets: Option<Buckets<'_>>,
        rows: u64,
    ) -> Result<(), Broken> {
        if self.passes_over(place) {
            return Ok(());
        }
        let suspects = {
            // The semaphore is never closed.
            let _one = if rows > 2 * SLICE { self.long_list.acquire().await.ok() } else { None };
            sides.suspects(shape, slice, buckets).await?
        };
        self.confirm(sides, place, shape, &suspects).await
    }

    async fn confirm(&self, sides: &mut Sides, place: usize, shape: &Shape, suspects: &[Key]) -> Result<(), Broken> {
        for keys in suspects.chunks(confirm::batch(shape)) {
            if self.passes_over(place) {
                return Ok(());
            }
            let confirmed = confirm::confirm(sides, shape, self.tide.as_ref(), keys).await?;
            self.table(place).confirmed(confirmed);
        }
        Ok(())
    }

    /// True when enough differences of the table are known; the table notes that there may be more.
    fn passes_over(&self, place: usize) -> bool {
        let mut table = self.table(place);
        let full = table.full();
        if full {
            table.pass_over();
        }
        full
    }

    fn table(&self, place: usize) -> MutexGuard<'_, Table> {
        lock(&self.tables[place])
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

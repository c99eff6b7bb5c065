//! The replication slot on the source: whose it is, whether it can go on, making and dropping it.

use std::time::Duration;

use tokio_postgres::Client;

use super::checkpoint::StoredRow;
use crate::connect;
use crate::connect::replication::{Replication, ReplicationError};
use crate::quote::{pg_ident, pg_literal};
use crate::sync::error::{Cause, SyncError};
use crate::sync::{Event, Lsn, Reporter};
use crate::text::safe;

/// How to begin anew.
pub(super) const ANEW: &str = "cdc-doctor sync --truncate-target";

/// A slot as the source has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slot {
    plugin: Option<String>,
    database: Option<String>,
    active_pid: Option<i32>,
    wal_status: Option<String>,
    confirmed: Option<Lsn>,
    temporary: bool,
}

/// What is to be done about the slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Plan {
    /// There is none, and none is missed.
    Create,
    /// It goes on; the position from which the source can send, when the target knows none.
    Use(Lsn),
}

/// Asks for the slot.
pub(super) async fn find(client: &Client, name: &str) -> Result<Option<Slot>, SyncError> {
    let ask = "SELECT plugin::text, database::text, active_pid, wal_status::text, confirmed_flush_lsn::text, temporary \
               FROM pg_catalog.pg_replication_slots WHERE slot_name = $1";
    let row = client.query_opt(ask, &[&name]).await.map_err(failed("looking for the replication slot"))?;
    Ok(row.map(|row| Slot {
        plugin: row.get(0),
        database: row.get(1),
        active_pid: row.get(2),
        wal_status: row.get(3),
        confirmed: row.get::<_, Option<&str>>(4).and_then(|text| text.parse().ok()),
        temporary: row.get(5),
    }))
}

fn failed(doing: &str) -> impl FnOnce(tokio_postgres::Error) -> SyncError {
    let doing = doing.to_owned();
    move |e| SyncError::Prepare { doing, cause: Cause::from(&e) }
}

/// Judges the slot by what the target knows of it. Pure.
pub(super) fn judge(
    name: &str,
    slot: Option<&Slot>,
    stored: Option<&StoredRow>,
    source: &str,
    database: &str,
) -> Result<Plan, SyncError> {
    let refuse = |why: String, next: String| Err(SyncError::Slot { why, next });
    let shown = safe(name);
    if let Some(stored) = stored.filter(|s| s.source != source) {
        return refuse(
            format!(
                "the target was filled from another source ({}) than this one ({})",
                safe(&stored.source),
                safe(source)
            ),
            format!("If this is right, load all tables anew: {ANEW}"),
        );
    }
    if let Some(other) = stored.filter(|s| s.slot != name && s.lsn.is_some()) {
        let other = safe(&other.slot);
        return refuse(
            format!("the target follows the slot {other:?}, and the pipeline file names {shown:?}"),
            format!("Set slot = {other:?} in [sync], or load all tables anew: {ANEW}"),
        );
    }
    let Some(slot) = slot else {
        return match stored.and_then(|s| s.lsn) {
            None => Ok(Plan::Create),
            Some(lsn) => refuse(
                format!(
                    "the replication slot {shown:?} is gone from the source, and with it the changes since {lsn}: \
                     dropped, or not taken over by a failover"
                ),
                format!("Load all tables anew: {ANEW}"),
            ),
        };
    };
    let drop = format!("SELECT pg_drop_replication_slot({})", pg_literal(name));
    if slot.plugin.as_deref() != Some("pgoutput") || slot.temporary {
        let is = slot
            .plugin
            .as_deref()
            .map_or_else(|| "a physical one".to_owned(), |p| format!("of the plug-in {}", safe(p)));
        let is = if slot.temporary { "another session's temporary one".to_owned() } else { is };
        return refuse(
            format!("the replication slot {shown:?} is not one for this program: it is {is}, not of pgoutput"),
            format!("Set another slot in [sync], or, if nobody needs it, on the source: {drop}"),
        );
    }
    if slot.database.as_deref() != Some(database) {
        let of = safe(slot.database.as_deref().unwrap_or("none"));
        return refuse(
            format!("the replication slot {shown:?} belongs to the database {of:?}, not to {:?}", safe(database)),
            "Set another slot in [sync]".to_owned(),
        );
    }
    if slot.wal_status.as_deref() == Some("lost") {
        return refuse(
            format!(
                "the source has removed WAL that the slot {shown:?} needed (max_slot_wal_keep_size, \
                 idle_replication_slot_timeout): changes since then are lost"
            ),
            format!("Load all tables anew, after cdc-doctor check --only SRC-014: {ANEW}"),
        );
    }
    let Some(stored) = stored else {
        return refuse(
            format!(
                "there is a replication slot {shown:?} already, and this target has no checkpoint for it: it may \
                 belong to another consumer, which would lose what is read here"
            ),
            format!("Set another slot in [sync], or, if nobody needs it, on the source: {drop}"),
        );
    };
    let confirmed = slot.confirmed.unwrap_or_default();
    match stored.lsn {
        Some(lsn) if confirmed > lsn => refuse(
            format!(
                "the replication slot {shown:?} stands at {confirmed}, and the target only at {lsn}: the changes \
                 between are lost (the target was put back to an earlier state, or somebody else read the slot)"
            ),
            format!("Load all tables anew: {ANEW}"),
        ),
        Some(lsn) => Ok(Plan::Use(lsn)),
        None => Ok(Plan::Use(confirmed)),
    }
}

/// Waits until nobody reads the slot: the source may notice only after a while that a run before this one is gone. The
/// caller holds the lock on the target, so a reader of this program is none that runs.
pub(super) async fn wait_until_free(client: &Client, name: &str) -> Result<(), SyncError> {
    const TRIES: u32 = 60;
    const STALE: u32 = 8;
    for tried in 0..TRIES {
        let Some(Slot { active_pid: Some(pid), .. }) = find(client, name).await? else { return Ok(()) };
        if tried == STALE {
            end_stale_reader(client, pid).await?;
        }
        if tried + 1 == TRIES {
            return Err(SyncError::Slot {
                why: format!(
                    "the replication slot {:?} is read by another session of the source (process {pid})",
                    safe(name)
                ),
                next: format!(
                    "Stop the other consumer, set another slot in [sync], or end that session: SELECT \
                     pg_terminate_backend({pid})"
                ),
            });
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    Ok(())
}

/// Ends a session of this program and login that the source believes to be alive.
async fn end_stale_reader(client: &Client, pid: i32) -> Result<(), SyncError> {
    let end = "SELECT pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity \
               WHERE pid = $1 AND application_name = $2 AND usename = current_user";
    client.execute(end, &[&pid, &connect::APPLICATION_NAME]).await.map_err(failed("ending a stale reader")).map(|_| ())
}

/// A slot that was just made.
#[derive(Debug)]
pub(super) struct Made {
    /// Everything that commits at or behind it is streamed; everything before is in the snapshot.
    pub(super) from: Lsn,
    /// The snapshot's name, good for as long as the session runs no other command.
    pub(super) snapshot: String,
}

/// Makes a slot and exports the snapshot of its starting point. Waits until every transaction that has written and is
/// open now has ended, and says so.
pub(super) async fn create(
    session: &mut Replication,
    client: &Client,
    name: &str,
    temporary: bool,
    version: i32,
    reporter: &Reporter,
) -> Result<Made, SyncError> {
    let temporary = if temporary { "TEMPORARY " } else { "" };
    let export = if version >= 150_000 { "(SNAPSHOT 'export')" } else { "EXPORT_SNAPSHOT" };
    let command = format!("CREATE_REPLICATION_SLOT {} {temporary}LOGICAL pgoutput {export}", pg_ident(name));
    let mut made = std::pin::pin!(session.query(&command));
    let rows = loop {
        match tokio::time::timeout(Duration::from_secs(5), made.as_mut()).await {
            Ok(rows) => {
                break rows.map_err(|e| SyncError::Prepare {
                    doing: format!("making the replication slot {}", safe(name)),
                    cause: Cause::from(&e),
                })?;
            }
            Err(_) => tell_what_is_waited_for(client, reporter).await,
        }
    };
    let field = |place: usize| rows.first().and_then(|r| r.get(place)).and_then(|f| f.as_deref());
    match (field(1).and_then(|text| text.parse().ok()), field(2)) {
        (Some(from), Some(snapshot)) => Ok(Made { from, snapshot: snapshot.to_owned() }),
        _ => Err(SyncError::Prepare {
            doing: format!("making the replication slot {}", safe(name)),
            cause: Cause::Malformed,
        }),
    }
}

async fn tell_what_is_waited_for(client: &Client, reporter: &Reporter) {
    let ask = "SELECT string_agg(what, ', ') FROM ( \
        SELECT format('process %s (%s, %s, for %s s)', pid, usename, state, \
                      round(extract(epoch FROM now() - xact_start))) AS what \
          FROM pg_catalog.pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid() \
        UNION ALL SELECT format('prepared transaction %L', gid) FROM pg_catalog.pg_prepared_xacts LIMIT 5) w";
    let open: Option<String> = match client.query_one(ask, &[]).await {
        Ok(row) => row.get(0),
        Err(_) => None,
    };
    let message = format!(
        "the source makes the slot once every open transaction that has written has ended: {}",
        open.unwrap_or_else(|| "none is visible to this login".to_owned())
    );
    reporter.event(Event::Warning { table: None, message }).await;
}

/// Drops the slot; nothing where it is gone.
pub(super) async fn drop_slot(client: &Client, name: &str) -> Result<(), SyncError> {
    wait_until_free(client, name).await?;
    let drop = "SELECT pg_drop_replication_slot(slot_name) FROM pg_catalog.pg_replication_slots WHERE slot_name = $1";
    client.execute(drop, &[&name]).await.map_err(failed("dropping the replication slot")).map(|_| ())
}

impl From<&ReplicationError> for Cause {
    fn from(error: &ReplicationError) -> Self {
        use crate::sync::error::Side;
        match error {
            ReplicationError::Server { code, message, detail } if !code.starts_with("57P") => Self::Server {
                side: Side::Source,
                code: code.clone(),
                message: safe(message),
                hint: detail.as_deref().map(safe),
            },
            ReplicationError::Server { message, .. } => Self::Lost { side: Side::Source, message: safe(message) },
            ReplicationError::Lost(message) => Self::Lost { side: Side::Source, message: safe(message) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot() -> Slot {
        Slot {
            plugin: Some("pgoutput".into()),
            database: Some("db".into()),
            active_pid: None,
            wal_status: Some("reserved".into()),
            confirmed: Some(Lsn(100)),
            temporary: false,
        }
    }

    fn stored(lsn: Option<u64>) -> StoredRow {
        StoredRow { slot: "s".into(), source: "1/db".into(), lsn: lsn.map(Lsn) }
    }

    fn judged(slot: Option<&Slot>, stored: Option<&StoredRow>) -> Result<Plan, String> {
        judge("s", slot, stored, "1/db", "db").map_err(|e| e.to_string())
    }

    #[test]
    fn our_own_slot_goes_on_and_a_missing_one_is_made() {
        assert_eq!(judged(None, None), Ok(Plan::Create));
        assert_eq!(judged(None, Some(&stored(None))), Ok(Plan::Create));
        assert_eq!(judged(Some(&slot()), Some(&stored(Some(150)))), Ok(Plan::Use(Lsn(150))));
        assert_eq!(judged(Some(&slot()), Some(&stored(None))), Ok(Plan::Use(Lsn(100))));
    }

    #[test]
    fn what_is_not_ours_or_cannot_go_on_is_refused_with_the_reason() {
        let other = |change: fn(&mut Slot)| {
            let mut slot = slot();
            change(&mut slot);
            judged(Some(&slot), Some(&stored(Some(150)))).unwrap_err()
        };
        assert!(other(|s| s.plugin = Some("wal2json".into())).contains("of the plug-in wal2json"));
        assert!(other(|s| s.plugin = None).contains("a physical one"));
        assert!(other(|s| s.temporary = true).contains("temporary"));
        assert!(other(|s| s.database = Some("x".into())).contains("belongs to the database \"x\""));
        assert!(other(|s| s.wal_status = Some("lost".into())).contains("max_slot_wal_keep_size"));
        assert!(other(|s| s.confirmed = Some(Lsn(151))).contains("the changes between are lost"));
        assert!(judged(Some(&slot()), None).unwrap_err().contains("may belong to another consumer"));
        assert!(judged(None, Some(&stored(Some(150)))).unwrap_err().contains("is gone from the source"));
        let mut row = stored(Some(150));
        row.source = "2/db".into();
        assert!(judged(Some(&slot()), Some(&row)).unwrap_err().contains("another source"));
        let row = StoredRow { slot: "t".into(), ..stored(Some(150)) };
        assert!(judged(Some(&slot()), Some(&row)).unwrap_err().contains("follows the slot \"t\""));
    }
}

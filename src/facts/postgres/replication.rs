//! Slots, WAL senders, the publication, and how fast the WAL grows.

use tokio_postgres::types::Type;

use super::super::{Publication, Slot, Span, Unknown, UnknownKind, Wal};
use super::ask::Ask;
use super::server::one;

/// Where the WAL stands: a standby may not ask for where it is written.
const NOW: &str = "CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END";

pub(super) async fn slots(ask: &Ask<'_>, version_num: u32) -> Result<Vec<Slot>, Unknown> {
    let spilled = if version_num >= 140_000 {
        "(SELECT d.spill_bytes FROM pg_catalog.pg_stat_replication_slots d WHERE d.slot_name = s.slot_name)"
    } else {
        "NULL::int8"
    };
    // Each version has other columns; in JSON one that is not there is NULL.
    let sql = format!(
        "SELECT s.slot_name::text, s.plugin::text, s.database::text, s.active, s.active_pid, s.temporary,
                pg_wal_lsn_diff({NOW}, s.restart_lsn)::int8, pg_wal_lsn_diff(s.restart_lsn, '0/0')::int8,
                pg_wal_lsn_diff(s.confirmed_flush_lsn, '0/0')::int8,
                j ->> 'wal_status', (j ->> 'safe_wal_size')::int8, (j ->> 'two_phase')::bool,
                (j ->> 'conflicting')::bool, j ->> 'invalidation_reason',
                extract(epoch FROM clock_timestamp() - (j ->> 'inactive_since')::timestamptz)::float8,
                {spilled}
           FROM pg_catalog.pg_replication_slots s CROSS JOIN LATERAL to_jsonb(s) j ORDER BY 1"
    );
    let rows = ask.fact(&sql).await?;
    Ok(rows
        .iter()
        .map(|row| {
            let lsn = |at: usize| row.get::<_, Option<i64>>(at).map(i64::unsigned_abs);
            Slot {
                name: row.get(0),
                plugin: row.get(1),
                database: row.get(2),
                active: row.get(3),
                active_pid: row.get(4),
                temporary: row.get(5),
                wal_status: row.get(9),
                retained_bytes: row.get(6),
                safe_bytes: row.get(10),
                restart_lsn: lsn(7),
                confirmed_lsn: lsn(8),
                two_phase: row.get(11),
                conflicting: row.get(12),
                invalidation_reason: row.get(13),
                inactive_seconds: row.get(14),
                spilled_bytes: row.get(15),
            }
        })
        .collect())
}

pub(super) async fn wal_senders_used(ask: &Ask<'_>) -> Result<u32, Unknown> {
    // This program's own look at replication goes on at the same time.
    let sql = "SELECT count(*)::int4 FROM pg_catalog.pg_stat_replication WHERE state IS DISTINCT FROM 'startup'";
    Ok(u32::try_from(one(ask.fact(sql).await?)?.get::<_, i32>(0)).unwrap_or_default())
}

pub(super) async fn publication(ask: &Ask<'_>, name: &str) -> Result<Option<Publication>, Unknown> {
    let sql = "
        SELECT p.puballtables, p.pubviaroot, p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate,
               coalesce(t.schemas, '{}'), coalesce(t.names, '{}')
          FROM pg_catalog.pg_publication p
          LEFT JOIN LATERAL (
               SELECT array_agg(schemaname::text ORDER BY schemaname, tablename) AS schemas,
                      array_agg(tablename::text ORDER BY schemaname, tablename) AS names
                 FROM pg_catalog.pg_publication_tables WHERE pubname = p.pubname AND NOT p.puballtables) t ON true
         WHERE p.pubname = $1";
    let rows = ask.limited(ask.rows(sql, &[(&name, Type::TEXT)])).await?;
    Ok(rows.first().map(|row| {
        let kinds = ["insert", "update", "delete", "truncate"].into_iter().enumerate();
        let (schemas, names): (Vec<String>, Vec<String>) = (row.get(6), row.get(7));
        Publication {
            all_tables: row.get(0),
            via_root: row.get(1),
            publishes: kinds.filter(|(at, _)| row.get(2 + at)).map(|(_, kind)| kind.to_owned()).collect(),
            tables: schemas.into_iter().zip(names).collect(),
        }
    }))
}

/// The WAL at one moment.
pub(super) struct Look {
    lsn: u64,
    at: f64,
    total: Option<Span>,
}

/// Looks at the WAL. The server counts what it writes since version 14.
pub(super) async fn look(ask: &Ask<'_>, version_num: u32) -> Result<Look, Unknown> {
    let count = if version_num >= 140_000 {
        "(SELECT wal_bytes::int8 FROM pg_catalog.pg_stat_wal),
         (SELECT extract(epoch FROM clock_timestamp() - stats_reset)::float8 FROM pg_catalog.pg_stat_wal)"
    } else {
        "NULL::int8, NULL::float8"
    };
    let sql =
        format!("SELECT pg_wal_lsn_diff({NOW}, '0/0')::int8, extract(epoch FROM clock_timestamp())::float8, {count}");
    let row = one(ask.fact(&sql).await?)?;
    let lsn: Option<i64> = row.get(0);
    let lsn = lsn.ok_or_else(|| Unknown::new(UnknownKind::NotConfigured, "the server receives no WAL"))?;
    let total = match (row.get::<_, Option<i64>>(2), row.get(3)) {
        // Aurora has the view and counts nothing.
        (Some(bytes), Some(seconds)) if bytes > 0 => Some(Span { bytes: bytes.unsigned_abs(), seconds }),
        _ => None,
    };
    Ok(Look { lsn: lsn.unsigned_abs(), at: row.get(1), total })
}

/// What two looks say together.
pub(super) fn between(first: Result<Look, Unknown>, last: Result<Look, Unknown>) -> Result<Wal, Unknown> {
    let (first, last) = (first?, last?);
    let look = Span { bytes: last.lsn.saturating_sub(first.lsn), seconds: (last.at - first.at).max(0.0) };
    Ok(Wal { lsn: last.lsn, look, total: last.total })
}

//! What the source server says of itself: session, settings, role, transactions.

use std::collections::BTreeMap;

use tokio_postgres::{Client, Row};

use super::super::{
    EventTrigger, Installed, PgRights, PgRole, PgSession, PgSetting, PreparedTransaction, Sessions, Transaction,
    Unknown, UnknownKind, WrittenTable,
};
use super::ask::Ask;

/// Makes the session harmless: it only reads, waits for nobody, gives up in time, and calls no function that
/// somebody put into a schema on its path.
pub(super) async fn prepare(client: &Client) {
    let limits = "SET default_transaction_read_only = on; SET statement_timeout = '15s'; SET lock_timeout = '2s'; \
                  SET search_path = ''";
    if let Err(error) = client.batch_execute(limits).await {
        tracing::debug!("limits of the collecting session: {error}");
    }
}

/// The protocol version of the session's TLS.
pub(super) async fn tls_version(client: &Client) -> Option<String> {
    let sql = "SELECT version FROM pg_catalog.pg_stat_ssl WHERE pid = pg_catalog.pg_backend_pid()";
    let row = client.query_typed(sql, &[]).await.ok()?.pop()?;
    row.get(0)
}

/// The only row of an answer.
pub(super) fn one(rows: Vec<Row>) -> Result<Row, Unknown> {
    rows.into_iter().next().ok_or_else(|| Unknown::new(UnknownKind::Failed, "the server returned no row"))
}

pub(super) async fn session(ask: &Ask<'_>) -> Result<PgSession, Unknown> {
    let sql = "
        SELECT current_setting('server_version_num')::int4, split_part(current_setting('server_version'), ' ', 1),
               current_database()::text, current_user::text,
               (SELECT version FROM pg_catalog.pg_stat_ssl WHERE pid = pg_backend_pid()),
               pg_is_in_recovery(),
               (SELECT pg_encoding_to_char(encoding)::text FROM pg_catalog.pg_database
                 WHERE datname = current_database()),
               EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = 'rdsadmin')
               OR current_setting('rds.force_ssl', true) IS NOT NULL,
               (SELECT datcollate::text FROM pg_catalog.pg_database WHERE datname = current_database())";
    let row = one(ask.fact(sql).await?)?;
    Ok(PgSession {
        version_num: u32::try_from(row.get::<_, i32>(0)).unwrap_or_default(),
        version: row.get(1),
        database: row.get(2),
        user: row.get(3),
        tls: row.get(4),
        in_recovery: row.get(5),
        encoding: row.get(6),
        is_rds: row.get(7),
        collation: row.get(8),
    })
}

pub(super) async fn settings(ask: &Ask<'_>) -> Result<BTreeMap<String, PgSetting>, Unknown> {
    // What this session set for itself is told from the server's own by `reset_val`. Settings that no module has
    // declared, as those of RDS on a server that only imitates it, are not in the view.
    let sql = "
        SELECT name, coalesce(CASE WHEN source = 'session' THEN reset_val ELSE setting END, ''), unit, context,
               pending_restart, source
          FROM pg_catalog.pg_settings
         WHERE name LIKE 'rds.%' OR name LIKE 'aurora%' OR name LIKE 'wal\\_%' OR name LIKE 'max\\_%'
            OR name LIKE '%\\_timeout' OR name LIKE 'ssl%' OR name LIKE 'default\\_transaction%'
            OR name LIKE 'log\\_%' OR name LIKE 'autovacuum%'
            OR name IN ('server_version_num', 'logical_decoding_work_mem', 'shared_preload_libraries',
                        'password_encryption', 'synchronous_commit', 'synchronous_standby_names',
                        'session_replication_role', 'hot_standby', 'hot_standby_feedback', 'sync_replication_slots',
                        'row_security', 'TimeZone', 'server_encoding', 'idle_replication_slot_timeout', 'fsync',
                        'full_page_writes', 'track_commit_timestamp', 'superuser_reserved_connections',
                        'reserved_connections', 'DateStyle', 'lc_collate', 'data_checksums', 'shared_buffers',
                        'work_mem', 'maintenance_work_mem', 'effective_wal_level', 'logical_replication_mode',
                        'tcp_keepalives_idle', 'listen_addresses', 'port')
         UNION ALL
        SELECT name, current_setting(name, true), NULL, context, false, 'configuration file'
          FROM (VALUES ('rds.force_ssl', 'sighup'), ('rds.logical_replication', 'postmaster')) AS known (name, context)
         WHERE current_setting(name, true) IS NOT NULL
           AND NOT EXISTS (SELECT FROM pg_catalog.pg_settings s WHERE s.name = known.name)";
    let rows = ask.fact(sql).await?;
    Ok(rows
        .iter()
        .map(|row| {
            let setting = PgSetting {
                value: row.get(1),
                unit: row.get(2),
                context: row.get(3),
                pending_restart: row.get(4),
                source: row.get(5),
            };
            (row.get(0), setting)
        })
        .collect())
}

pub(super) async fn role(ask: &Ask<'_>) -> Result<PgRole, Unknown> {
    // A superuser counts as a member of every role; only what was granted is meant.
    let sql = "
        WITH g AS (SELECT rolname, NOT r.rolsuper AND pg_has_role(r.oid, g.oid, 'member') AS member
                     FROM pg_catalog.pg_roles g, (SELECT oid, rolsuper FROM pg_catalog.pg_roles
                                                   WHERE rolname = current_user) r
                    WHERE g.rolname IN ('rds_superuser', 'rds_replication'))
        SELECT rolname::text, rolsuper, rolreplication,
               EXISTS (SELECT FROM g WHERE g.rolname = 'rds_superuser' AND member),
               EXISTS (SELECT FROM g WHERE g.rolname = 'rds_replication' AND member),
               EXISTS (SELECT FROM g WHERE g.rolname = 'rds_replication'),
               rolbypassrls, coalesce(rolconfig, '{}')
          FROM pg_catalog.pg_roles WHERE rolname = current_user";
    let row = one(ask.fact(sql).await?)?;
    Ok(PgRole {
        name: row.get(0),
        superuser: row.get(1),
        replication: row.get(2),
        rds_superuser: row.get(3),
        rds_replication: row.get(4),
        has_rds_replication_role: row.get(5),
        bypass_rls: row.get(6),
        settings: row.get(7),
    })
}

pub(super) async fn rights(ask: &Ask<'_>) -> Result<PgRights, Unknown> {
    // Tables of extensions come and go with them; partitions are read by way of their root.
    let sql = "
        WITH owners AS (
            SELECT DISTINCT c.relnamespace, c.relowner FROM pg_catalog.pg_class c
             WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND NOT c.relispartition
               AND NOT pg_has_role(c.relowner, 'USAGE')
               AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e'
                                  AND d.classid = 'pg_catalog.pg_class'::regclass)),
        later AS (
            SELECT n.nspname::text AS schema, pg_get_userbyid(o.relowner)::text AS owner
              FROM owners o JOIN pg_catalog.pg_namespace n ON n.oid = o.relnamespace
             WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
               AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles r
                                WHERE r.rolname = 'pg_read_all_data' AND pg_has_role(r.oid, 'USAGE'))
               AND NOT EXISTS (
                   SELECT FROM pg_catalog.pg_default_acl d, aclexplode(d.defaclacl) a
                    WHERE d.defaclrole = o.relowner AND d.defaclobjtype = 'r' AND d.defaclnamespace IN (0, n.oid)
                      AND a.privilege_type = 'SELECT'
                      AND CASE a.grantee WHEN 0 THEN true ELSE pg_has_role(a.grantee, 'USAGE') END))
        SELECT CASE WHEN isfinite(r.rolvaliduntil)
                    THEN extract(epoch FROM r.rolvaliduntil - clock_timestamp())::float8 END,
               nullif(r.rolconnlimit, -1), nullif(d.datconnlimit, -1),
               (SELECT count(*)::int4 FROM pg_catalog.pg_stat_activity a WHERE a.usesysid = r.oid),
               (SELECT count(*)::int4 FROM pg_catalog.pg_stat_activity a
                 WHERE a.datid = d.oid AND a.usesysid IS NOT NULL),
               ARRAY(SELECT nspname::text FROM pg_catalog.pg_namespace WHERE has_schema_privilege(oid, 'CREATE')
                      ORDER BY 1),
               ARRAY(SELECT schema FROM later ORDER BY schema, owner),
               ARRAY(SELECT owner FROM later ORDER BY schema, owner)
          FROM pg_catalog.pg_roles r, pg_catalog.pg_database d
         WHERE r.rolname = current_user AND d.datname = current_database()";
    let row = one(ask.fact(sql).await?)?;
    let count = |at: usize| row.get::<_, Option<i32>>(at).and_then(|n| u32::try_from(n).ok());
    let sessions = |limit: usize, open: usize| Sessions { limit: count(limit), open: count(open).unwrap_or(0) };
    let (schemas, owners): (Vec<String>, Vec<String>) = (row.get(6), row.get(7));
    Ok(PgRights {
        valid_seconds: row.get(0),
        role_sessions: sessions(1, 3),
        database_sessions: sessions(2, 4),
        creatable: row.get(5),
        unreadable_later: schemas.into_iter().zip(owners).collect(),
    })
}

pub(super) async fn databases(ask: &Ask<'_>) -> Result<Vec<String>, Unknown> {
    let sql = "
        SELECT datname::text FROM pg_catalog.pg_database
         WHERE datallowconn AND NOT datistemplate AND datname <> 'rdsadmin'
           AND has_database_privilege(oid, 'CONNECT')
         ORDER BY 1";
    Ok(ask.fact(sql).await?.iter().map(|row| row.get(0)).collect())
}

pub(super) async fn transactions(ask: &Ask<'_>) -> Result<Vec<Transaction>, Unknown> {
    // Of other roles' sessions a login without pg_read_all_stats sees that they hold something, and no more.
    let sql = "
        SELECT pid, usename::text, state,
               coalesce(extract(epoch FROM clock_timestamp() - xact_start), 0)::float8,
               backend_xid IS NOT NULL, query IS NOT DISTINCT FROM '<insufficient privilege>'
          FROM pg_catalog.pg_stat_activity
         WHERE pid <> pg_backend_pid() AND (backend_xid IS NOT NULL OR backend_xmin IS NOT NULL)
           AND (backend_type = 'client backend'
                OR backend_type IS NULL AND usesysid IS NOT NULL
                   AND pid NOT IN (SELECT r.pid FROM pg_catalog.pg_stat_replication r WHERE r.pid IS NOT NULL))
         ORDER BY xact_start, pid";
    let rows = ask.fact(sql).await?;
    if rows.iter().any(|row| row.get(5)) {
        return Err(Unknown::new(
            UnknownKind::NoPermission,
            "sessions of other roles hold transactions whose age this login may not see; \
             GRANT pg_read_all_stats TO the login would let it",
        ));
    }
    Ok(rows
        .iter()
        .map(|row| Transaction {
            pid: row.get(0),
            user: row.get(1),
            state: row.get(2),
            age_seconds: row.get(3),
            writing: row.get(4),
        })
        .collect())
}

pub(super) async fn prepared(ask: &Ask<'_>) -> Result<Vec<PreparedTransaction>, Unknown> {
    let sql = "
        SELECT gid, owner::text, database::text, extract(epoch FROM clock_timestamp() - prepared)::float8
          FROM pg_catalog.pg_prepared_xacts ORDER BY prepared";
    let rows = ask.fact(sql).await?;
    Ok(rows
        .iter()
        .map(|row| PreparedTransaction {
            gid: row.get(0),
            owner: row.get(1),
            database: row.get(2),
            age_seconds: row.get(3),
        })
        .collect())
}

pub(super) async fn installed(ask: &Ask<'_>) -> Result<Installed, Unknown> {
    let sql = "
        SELECT ARRAY(SELECT extname::text FROM pg_catalog.pg_extension ORDER BY 1),
               ARRAY(SELECT evtname::text FROM pg_catalog.pg_event_trigger ORDER BY 1),
               ARRAY(SELECT evtenabled::text FROM pg_catalog.pg_event_trigger ORDER BY evtname),
               ARRAY(SELECT subname::text FROM pg_catalog.pg_subscription s
                       JOIN pg_catalog.pg_database d ON d.oid = s.subdbid
                      WHERE d.datname = current_database() ORDER BY 1)";
    let row = one(ask.fact(sql).await?)?;
    let (names, enabled): (Vec<String>, Vec<String>) = (row.get(1), row.get(2));
    Ok(Installed {
        extensions: row.get(0),
        event_triggers: names.into_iter().zip(enabled).map(|(name, enabled)| EventTrigger { name, enabled }).collect(),
        subscriptions: row.get(3),
    })
}

/// The tables that are written to most.
pub(super) async fn written(ask: &Ask<'_>, version_num: u32) -> Result<Vec<WrittenTable>, Unknown> {
    // Partitions are written to; their root is what is selected. Versions before 12 do not know the root.
    let root = if version_num >= 120_000 { "coalesce(pg_partition_root(s.relid), s.relid)" } else { "s.relid" };
    let sql = format!(
        "SELECT n.nspname::text, c.relname::text, sum(s.n_tup_ins + s.n_tup_upd + s.n_tup_del)::int8
           FROM pg_catalog.pg_stat_user_tables s
           JOIN pg_catalog.pg_class c ON c.oid = {root}
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 100"
    );
    let rows = ask.fact(&sql).await?;
    Ok(rows.iter().map(|row| WrittenTable { schema: row.get(0), table: row.get(1), rows: row.get(2) }).collect())
}

//! Tables, columns and keys of the source: each query asks about all tables at once, and waits for no lock.

use std::collections::{HashMap, HashSet};

use tokio_postgres::Error;
use tokio_postgres::types::{ToSql, Type};

use super::super::{PgColumn, PgKey, PgTable, RelationName, ReplicaIdentity, TableKind};
use super::ask::Ask;
use super::types;
use crate::pipeline::Pipeline;

/// A relation as the first query tells of it.
pub(super) struct Relation {
    pub(super) name: RelationName,
    oid: u32,
    /// The table that this one is a partition of.
    parent: Option<u32>,
    unlogged: bool,
    replica_identity: ReplicaIdentity,
    rows: f64,
    row_security: bool,
    rows_hidden: bool,
    schema_usage: bool,
    can_select: bool,
}

impl Relation {
    fn is_table(&self) -> bool {
        matches!(self.name.kind, TableKind::Table | TableKind::Partitioned)
    }
}

/// All relations outside the system schemas, selected or not.
pub(super) async fn relations(ask: &Ask<'_>) -> Result<Vec<Relation>, Error> {
    let sql = "
        SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text, c.relpersistence = 'u',
               c.relreplident::text, c.reltuples::float8, c.relrowsecurity, i.inhparent,
               coalesce(has_schema_privilege(n.oid, 'USAGE'), false),
               coalesce(has_table_privilege(c.oid, 'SELECT'), false), c.relrowsecurity AND row_security_active(c.oid)
          FROM pg_catalog.pg_class c
          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          LEFT JOIN pg_catalog.pg_inherits i ON i.inhrelid = c.oid AND c.relispartition
         WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't'
           AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
         ORDER BY n.nspname, c.relname";
    let rows = ask.rows(sql, &[]).await?;
    Ok(rows
        .iter()
        .map(|row| Relation {
            name: RelationName {
                schema: row.get(1),
                name: row.get(2),
                kind: match row.get::<_, &str>(3) {
                    "p" => TableKind::Partitioned,
                    "v" => TableKind::View,
                    "m" => TableKind::MaterializedView,
                    "f" => TableKind::Foreign,
                    _ => TableKind::Table,
                },
            },
            oid: row.get(0),
            unlogged: row.get(4),
            replica_identity: match row.get::<_, &str>(5) {
                "n" => ReplicaIdentity::Nothing,
                "f" => ReplicaIdentity::Full,
                "i" => ReplicaIdentity::Index,
                _ => ReplicaIdentity::Default,
            },
            rows: row.get(6),
            row_security: row.get(7),
            parent: row.get(8),
            schema_usage: row.get(9),
            can_select: row.get(10),
            rows_hidden: row.get(11),
        })
        .collect())
}

/// The selected tables among the relations, with columns and keys. A partition is left out when a table above it is
/// selected; its rows and pages count for that one.
pub(super) async fn tables(ask: &Ask<'_>, relations: &[Relation], pipeline: &Pipeline) -> Result<Vec<PgTable>, Error> {
    let all: HashMap<u32, &Relation> = relations.iter().map(|r| (r.oid, r)).collect();
    let selected = |r: &Relation| r.is_table() && pipeline.selects(&r.name.schema, &r.name.name);
    // For each table that holds rows of a selected one: that one.
    let owner = |r: &Relation| {
        let mut owner = selected(r).then_some(r.oid);
        let mut above = r.parent;
        while let Some(parent) = above.and_then(|oid| all.get(&oid)) {
            if selected(parent) {
                owner = Some(parent.oid);
            }
            above = parent.parent;
        }
        owner
    };
    let owners: HashMap<u32, u32> = relations.iter().filter_map(|r| Some((r.oid, owner(r)?))).collect();
    let listed: Vec<&Relation> = relations.iter().filter(|r| owners.get(&r.oid) == Some(&r.oid)).collect();
    let oids: Vec<u32> = listed.iter().map(|r| r.oid).collect();
    let with_partitions: Vec<u32> = owners.keys().copied().collect();

    let (sizes, mut columns, mut keys) =
        tokio::try_join!(sizes(ask, &with_partitions), columns(ask, &oids), keys(ask, &oids))?;
    let keyless: Vec<u32> =
        oids.iter().copied().filter(|oid| !keys.get(oid).is_some_and(|k| k.iter().any(|k| k.primary))).collect();
    let unique = unique_by_statistics(ask, &keyless).await?;

    let mut sums: HashMap<u32, Sum> = HashMap::new();
    for (oid, owner) in &owners {
        let (pages, bytes) = sizes.get(oid).copied().unwrap_or_default();
        let sum = sums.entry(*owner).or_default();
        sum.pages += pages;
        sum.bytes += bytes;
        if let Some(relation) = all.get(oid).filter(|r| r.name.kind == TableKind::Table && r.rows >= 0.0) {
            sum.rows = Some(sum.rows.unwrap_or(0.0) + relation.rows);
        }
    }
    Ok(listed
        .into_iter()
        .map(|relation| {
            let sum = sums.remove(&relation.oid).unwrap_or_default();
            let mut columns = columns.remove(&relation.oid).unwrap_or_default();
            for (_, column) in &mut columns {
                column.unique_by_statistics = unique.contains(&(relation.oid, column.name.clone()));
            }
            let mut primary_key = None;
            let mut unique_keys = Vec::new();
            for index in keys.remove(&relation.oid).unwrap_or_default() {
                let primary = index.primary;
                let key = index.named(&columns);
                if primary { primary_key = Some(key) } else { unique_keys.push(key) }
            }
            PgTable {
                schema: relation.name.schema.clone(),
                name: relation.name.name.clone(),
                kind: relation.name.kind,
                unlogged: relation.unlogged,
                replica_identity: relation.replica_identity,
                estimated_rows: rounded(sum.rows),
                bytes: sum.bytes,
                pages: sum.pages,
                schema_usage: relation.schema_usage,
                can_select: relation.can_select,
                row_security: relation.row_security,
                rows_hidden: relation.rows_hidden,
                columns: columns.into_iter().map(|(_, column)| column).collect(),
                primary_key,
                unique_keys,
            }
        })
        .collect())
}

#[derive(Default)]
struct Sum {
    pages: i64,
    bytes: i64,
    rows: Option<f64>,
}

#[expect(clippy::cast_possible_truncation, reason = "an estimate; tables have fewer rows than 2^63")]
fn rounded(rows: Option<f64>) -> i64 {
    rows.map_or(-1, |rows| rows as i64)
}

/// An array of object identifiers as a parameter.
fn array(oids: &Vec<u32>) -> [(&(dyn ToSql + Sync), Type); 1] {
    [(oids, Type::OID_ARRAY)]
}

/// Heap pages, and bytes of heap and TOAST. To measure a file the server opens its table, which waits for whoever
/// locks it exclusively; for those tables the planner's numbers do.
async fn sizes(ask: &Ask<'_>, oids: &Vec<u32>) -> Result<HashMap<u32, (i64, i64)>, Error> {
    let sql = "
        WITH heap AS MATERIALIZED (
             SELECT c.oid, c.reltoastrelid, current_setting('block_size')::int8 AS block,
                    CASE WHEN busy.relation IS NULL THEN coalesce(pg_relation_size(c.oid), 0)
                         ELSE c.relpages::int8 * current_setting('block_size')::int8 END AS bytes,
                    busy.relation IS NULL AS free
               FROM pg_catalog.pg_class c
               LEFT JOIN (SELECT DISTINCT relation FROM pg_catalog.pg_locks
                           WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock' AND granted) busy
                 ON busy.relation = c.oid
              WHERE c.oid = ANY ($1) AND c.relkind = 'r')
        SELECT oid, bytes / block,
               bytes + CASE WHEN free AND bytes > 0 AND reltoastrelid <> 0
                            THEN coalesce(pg_relation_size(reltoastrelid), 0) ELSE 0 END
          FROM heap";
    let rows = ask.rows(sql, &array(oids)).await?;
    Ok(rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2)))).collect())
}

async fn columns(ask: &Ask<'_>, oids: &Vec<u32>) -> Result<HashMap<u32, Vec<(i16, PgColumn)>>, Error> {
    // A serial's default is a call of nextval, whose number 1574 never changes; to have the server write the
    // expression out would open, and so wait for, the table.
    let sql = "
        SELECT a.attrelid, a.attname::text, a.atttypid, a.atttypmod, a.attnotnull, a.attgenerated <> '',
               a.attidentity <> '' OR coalesce(d.adbin::text LIKE '%{FUNCEXPR :funcid 1574 %', false),
               format_type(a.atttypid, a.atttypmod), a.attnum, a.attidentity <> '' OR d.adbin IS NOT NULL
          FROM pg_catalog.pg_attribute a
          LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.attgenerated = ''
         WHERE a.attrelid = ANY ($1) AND a.attnum > 0 AND NOT a.attisdropped
         ORDER BY a.attrelid, a.attnum";
    let params = array(oids);
    let (rows, types) = tokio::try_join!(ask.rows(sql, &params), types::load(ask, oids))?;
    let mut columns: HashMap<u32, Vec<(i16, PgColumn)>> = HashMap::with_capacity(oids.len());
    for row in &rows {
        let column = PgColumn {
            name: row.get(1),
            ty: types.resolve(row.get(2), row.get(3), row.get(7)),
            not_null: row.get(4),
            generated: row.get(5),
            identity: row.get(6),
            has_default: row.get(9),
            longest: None,
            unique_by_statistics: false,
        };
        columns.entry(row.get(0)).or_default().push((row.get(8), column));
    }
    Ok(columns)
}

/// A unique index; its columns by their numbers, 0 for an expression.
struct Index {
    primary: bool,
    key: PgKey,
    numbers: Vec<i16>,
}

impl Index {
    /// The key, with the names of its columns.
    fn named(self, columns: &[(i16, PgColumn)]) -> PgKey {
        let of = |number: &i16| columns.iter().find(|(n, _)| n == number).map(|(_, column)| column);
        let columns: Vec<&PgColumn> = self.numbers.iter().filter_map(of).collect();
        PgKey {
            not_null: columns.iter().all(|c| c.not_null) && !columns.is_empty(),
            columns: columns.iter().map(|c| c.name.clone()).collect(),
            ..self.key
        }
    }
}

/// Unique indexes by table.
async fn keys(ask: &Ask<'_>, oids: &Vec<u32>) -> Result<HashMap<u32, Vec<Index>>, Error> {
    let sql = "
        SELECT i.indrelid, x.relname::text, i.indisprimary, k.conindid IS NOT NULL,
               i.indpred IS NOT NULL, i.indexprs IS NOT NULL, NOT i.indimmediate, i.indisreplident,
               (i.indkey::int2[])[0:i.indnkeyatts - 1]
          FROM pg_catalog.pg_index i
          JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
          LEFT JOIN pg_catalog.pg_constraint k
            ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u')
         WHERE i.indrelid = ANY ($1) AND i.indisunique AND i.indisvalid
         ORDER BY x.relname";
    let mut keys: HashMap<u32, Vec<Index>> = HashMap::with_capacity(oids.len());
    for row in &ask.rows(sql, &array(oids)).await? {
        let key = PgKey {
            name: row.get(1),
            constraint: row.get(3),
            partial: row.get(4),
            expressions: row.get(5),
            deferrable: row.get(6),
            columns: Vec::new(),
            not_null: false,
            identity: row.get(7),
        };
        keys.entry(row.get(0)).or_default().push(Index { primary: row.get(2), key, numbers: row.get(8) });
    }
    Ok(keys)
}

/// Columns of tables without a primary key whose values are all there and all different, by the planner's statistics.
async fn unique_by_statistics(ask: &Ask<'_>, oids: &Vec<u32>) -> Result<HashSet<(u32, String)>, Error> {
    let sql = "
        SELECT c.oid, s.attname::text
          FROM pg_catalog.pg_stats s
          JOIN pg_catalog.pg_namespace n ON n.nspname = s.schemaname
          JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = s.tablename
         WHERE c.oid = ANY ($1) AND s.n_distinct = -1 AND s.null_frac = 0 AND s.inherited = (c.relkind = 'p')";
    Ok(ask.rows(sql, &array(oids)).await?.iter().map(|row| (row.get(0), row.get(1))).collect())
}

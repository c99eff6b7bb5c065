//! Cutting tables into parts that are copied on their own, largest first.

use std::collections::VecDeque;

use tokio_postgres::Client;

use crate::facts::PgTable;
use crate::quote::pg_table;

/// A part of a table: one `COPY` on the source, one transaction on the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// Place of the table in the run.
    pub(super) table: usize,
    /// What follows `SELECT …`: `FROM ONLY "s"."t" WHERE ctid …`.
    pub(super) from: String,
    /// Which part of the table, from 1.
    pub(super) number: usize,
}

/// What holds the rows of a table: itself, or one of its partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leaf {
    /// Place of the table in the run.
    pub(super) table: usize,
    /// Schema of the leaf.
    pub(super) schema: String,
    /// Name of the leaf.
    pub(super) name: String,
    /// Pages of the heap; none when it cannot be read by ranges of pages.
    pub(super) pages: Option<u64>,
    /// Bytes, with TOAST.
    pub(super) bytes: u64,
    /// The login may read all rows of the leaf itself.
    pub(super) readable: bool,
}

/// Rows of many parts wait for each other's commits on the target less than those of few, and a part that must be
/// repeated is soon done; but each costs a commit and a query on the source.
const SMALLEST: u64 = 4 << 20;
const LARGEST: u64 = 64 << 20;

/// One query for the leaves of all tables.
const LEAVES: &str = "\
WITH RECURSIVE tree AS (
  SELECT w.place, c.oid, c.relkind, c.relname, c.relnamespace, c.relam
  FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w(schema, name, place)
  JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.name
  UNION ALL
  SELECT t.place, c.oid, c.relkind, c.relname, c.relnamespace, c.relam
  FROM tree t
  JOIN pg_catalog.pg_inherits h ON h.inhparent = t.oid
  JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid
  WHERE t.relkind = 'p'
)
SELECT t.place, n.nspname, t.relname,
  CASE WHEN a.amname = 'heap' THEN pg_catalog.pg_relation_size(t.oid) / current_setting('block_size')::int8 END,
  CASE WHEN t.relkind = 'r' THEN pg_catalog.pg_table_size(t.oid) ELSE 0 END,
  has_schema_privilege(t.relnamespace, 'USAGE') AND has_table_privilege(t.oid, 'SELECT')
    AND NOT pg_catalog.row_security_active(t.oid)
FROM tree t
JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
LEFT JOIN pg_catalog.pg_am a ON a.oid = t.relam
WHERE t.relkind <> 'p'
ORDER BY 1, 2, 3";

/// Asks for the leaves of the tables.
pub(super) async fn leaves(client: &Client, tables: &[&PgTable]) -> Result<Vec<Leaf>, tokio_postgres::Error> {
    let schemas: Vec<&str> = tables.iter().map(|t| t.schema.as_str()).collect();
    let names: Vec<&str> = tables.iter().map(|t| t.name.as_str()).collect();
    let rows = client.query(LEAVES, &[&schemas, &names]).await?;
    let unsigned = |n: i64| u64::try_from(n).unwrap_or(0);
    Ok(rows
        .iter()
        .map(|row| Leaf {
            table: usize::try_from(row.get::<_, i64>(0) - 1).unwrap_or(0),
            schema: row.get(1),
            name: row.get(2),
            pages: row.get::<_, Option<i64>>(3).map(unsigned),
            bytes: unsigned(row.get(4)),
            readable: row.get(5),
        })
        .collect())
}

/// The parts of all tables, the largest table first, so that no worker is left alone with one at the end.
///
/// `by_pages` says that the server finds a range of `ctid` without reading the whole table (PostgreSQL 14).
pub(super) fn cut(tables: &[&PgTable], leaves: &[Leaf], workers: usize, by_pages: bool) -> VecDeque<Part> {
    let total: u64 = leaves.iter().map(|l| l.bytes).sum();
    let aim = (total / (workers.max(1) as u64 * 4)).clamp(SMALLEST, LARGEST);
    let mut own: Vec<Vec<&Leaf>> = vec![Vec::new(); tables.len()];
    for leaf in leaves {
        own[leaf.table].push(leaf);
    }
    let mut sized: Vec<(u64, Vec<Part>)> = own
        .iter()
        .zip(tables)
        .enumerate()
        .map(|(place, (own, table))| (own.iter().map(|l| l.bytes).sum(), parts_of(place, table, own, aim, by_pages)))
        .collect();
    sized.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
    sized.into_iter().flat_map(|(_, parts)| parts).collect()
}

fn parts_of(place: usize, table: &PgTable, leaves: &[&Leaf], aim: u64, by_pages: bool) -> Vec<Part> {
    let mut froms = Vec::new();
    if leaves.is_empty() || leaves.iter().any(|l| !l.readable) {
        // Whoever may read a partitioned table need not be allowed to read its partitions, and policies on a partition
        // do not hold for whoever comes through the root.
        froms.push(format!("FROM {}", pg_table(&table.schema, &table.name)));
    } else {
        for leaf in leaves {
            // Children by plain inheritance are tables of their own.
            let from = format!("FROM ONLY {}", pg_table(&leaf.schema, &leaf.name));
            let pages = leaf.pages.filter(|_| by_pages);
            froms.extend(ranges(pages, leaf.bytes, aim).into_iter().map(|range| format!("{from}{range}")));
        }
    }
    let number = |(i, from)| Part { table: place, from, number: i + 1 };
    froms.into_iter().enumerate().map(number).collect()
}

/// `WHERE` clauses that cover every page once. The last is open: a table may have grown since it was measured.
fn ranges(pages: Option<u64>, bytes: u64, aim: u64) -> Vec<String> {
    let count = bytes.div_ceil(aim.max(1));
    let Some(pages) = pages.filter(|p| count > 1 && *p > 1) else { return vec![String::new()] };
    let step = pages.div_ceil(count).max(1);
    let starts: Vec<u64> = (0..pages).step_by(usize::try_from(step).unwrap_or(usize::MAX)).collect();
    let last = starts.len() - 1;
    let range = |(i, start): (usize, &u64)| {
        if i == last {
            format!(" WHERE ctid >= '({start},0)'::tid")
        } else {
            format!(" WHERE ctid >= '({start},0)'::tid AND ctid < '({},0)'::tid", start + step)
        }
    };
    starts.iter().enumerate().map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{ReplicaIdentity, TableKind};

    fn table(name: &str) -> PgTable {
        PgTable {
            schema: "public".into(),
            name: name.into(),
            kind: TableKind::Table,
            unlogged: false,
            replica_identity: ReplicaIdentity::Default,
            estimated_rows: 0,
            bytes: 0,
            pages: 0,
            schema_usage: true,
            can_select: true,
            row_security: false,
            rows_hidden: false,
            columns: Vec::new(),
            primary_key: None,
            unique_keys: Vec::new(),
        }
    }

    fn leaf(table: usize, name: &str, pages: u64) -> Leaf {
        Leaf {
            table,
            schema: "public".into(),
            name: name.into(),
            pages: Some(pages),
            bytes: pages * 8192,
            readable: true,
        }
    }

    #[test]
    fn ranges_cover_every_page_once_and_the_last_is_open() {
        assert_eq!(ranges(Some(10), 10 * 8192, 1 << 20), [""]);
        assert_eq!(ranges(None, 1 << 40, 1 << 20), [""]);
        assert_eq!(
            ranges(Some(10), 40, 10),
            [
                " WHERE ctid >= '(0,0)'::tid AND ctid < '(3,0)'::tid",
                " WHERE ctid >= '(3,0)'::tid AND ctid < '(6,0)'::tid",
                " WHERE ctid >= '(6,0)'::tid AND ctid < '(9,0)'::tid",
                " WHERE ctid >= '(9,0)'::tid",
            ]
        );
        // Long values are kept apart from the heap: few pages may stand for many bytes.
        assert_eq!(ranges(Some(2), 1 << 40, 1 << 20).len(), 2);
    }

    #[test]
    fn the_largest_table_comes_first() {
        let (small, large) = (table("small"), table("large"));
        let parts = cut(&[&small, &large], &[leaf(0, "small", 1), leaf(1, "large", 100_000)], 4, true);
        assert_eq!((parts[0].table, parts[0].number), (1, 1));
        assert!(parts.len() > 10, "{}", parts.len());
        assert_eq!(parts.back().map(|p| p.from.as_str()), Some("FROM ONLY \"public\".\"small\""));
        assert_eq!(cut(&[&small, &large], &[leaf(0, "small", 1), leaf(1, "large", 100_000)], 4, false).len(), 2);
    }

    #[test]
    fn partitions_are_parts_unless_one_may_not_be_read() {
        let root = table("root");
        let mut leaves = vec![leaf(0, "p1", 1), leaf(0, "p2", 1)];
        let froms =
            |leaves: &[Leaf]| -> Vec<String> { cut(&[&root], leaves, 4, true).into_iter().map(|p| p.from).collect() };
        assert_eq!(froms(&leaves), ["FROM ONLY \"public\".\"p1\"", "FROM ONLY \"public\".\"p2\""]);
        leaves[1].readable = false;
        assert_eq!(froms(&leaves), ["FROM \"public\".\"root\""]);
        assert_eq!(froms(&[]), ["FROM \"public\".\"root\""]);
    }
}

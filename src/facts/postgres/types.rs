//! The types of columns, domains resolved to what they stand on.

use std::collections::HashMap;

use tokio_postgres::Error;
use tokio_postgres::types::Type;

use super::super::{PgType, TypeClass};
use super::ask::Ask;

/// The types that some tables' columns have, with those that their domains stand on.
pub(super) struct Types {
    by_oid: HashMap<u32, Entry>,
}

struct Entry {
    name: String,
    class: TypeClass,
    /// For a domain: what it stands on, and with which modifier.
    base: Option<(u32, i32)>,
}

pub(super) async fn load(ask: &Ask<'_>, tables: &Vec<u32>) -> Result<Types, Error> {
    let sql = "
        WITH RECURSIVE used (oid) AS (
            SELECT a.atttypid FROM pg_catalog.pg_attribute a
             WHERE a.attrelid = ANY ($1) AND a.attnum > 0 AND NOT a.attisdropped
            UNION
            SELECT t.typbasetype FROM used JOIN pg_catalog.pg_type t ON t.oid = used.oid WHERE t.typtype = 'd')
        SELECT t.oid, t.typname::text, t.typtype::text, t.typcategory = 'A', t.typbasetype, t.typtypmod,
               coalesce((SELECT array_agg(e.enumlabel::text ORDER BY e.enumsortorder)
                           FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid), '{}')
          FROM used JOIN pg_catalog.pg_type t ON t.oid = used.oid";
    let mut by_oid = HashMap::new();
    for row in &ask.rows(sql, &[(tables, Type::OID_ARRAY)]).await? {
        let kind: &str = row.get(2);
        let class = match kind {
            _ if row.get(3) => TypeClass::Array,
            "e" => TypeClass::Enum(row.get(6)),
            "c" => TypeClass::Composite,
            "r" | "m" => TypeClass::Range,
            _ => TypeClass::Base,
        };
        let base = (kind == "d").then(|| (row.get(4), row.get(5)));
        by_oid.insert(row.get(0), Entry { name: row.get(1), class, base });
    }
    Ok(Types { by_oid })
}

impl Types {
    /// A column's type from its number, its modifier and how the server writes it.
    pub(super) fn resolve(&self, oid: u32, modifier: i32, display: String) -> PgType {
        let (mut oid, mut modifier, mut domain) = (oid, modifier, None);
        // A domain stands on an older type, so this ends.
        while let Some(Entry { name, base: Some((below, with)), .. }) = self.by_oid.get(&oid) {
            domain.get_or_insert_with(|| name.clone());
            if modifier < 0 {
                modifier = *with;
            }
            oid = *below;
        }
        match self.by_oid.get(&oid) {
            Some(entry) => PgType { name: entry.name.clone(), display, class: entry.class.clone(), modifier, domain },
            // Dropped between two queries.
            None => PgType { name: display.clone(), display, class: TypeClass::Base, modifier, domain },
        }
    }
}

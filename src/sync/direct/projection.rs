//! What is selected of a source column, so that its text is right for MySQL. Pure.

use crate::facts::PgColumn;
use crate::quote::pg_ident;
use crate::schema::Transfer;

/// The select list for columns that travel so. What the encoder does on the bytes (zone, hexadecimal form) is left to
/// it: it is cheaper than a function call a row on the source.
pub(super) fn select_list<'a>(columns: impl IntoIterator<Item = (&'a PgColumn, Transfer)>) -> String {
    let fields: Vec<String> = columns.into_iter().map(|(column, transfer)| field(column, transfer)).collect();
    fields.join(", ")
}

fn field(column: &PgColumn, transfer: Transfer) -> String {
    let name = pg_ident(&column.name);
    match transfer {
        Transfer::Boolean => format!("{name}::pg_catalog.int4"),
        Transfer::Money => format!("{name}::pg_catalog.numeric"),
        // The blanks that pad `char(n)` mean nothing; the cast leaves them out.
        Transfer::Text if column.ty.name == "bpchar" => format!("{name}::pg_catalog.text"),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{PgType, TypeClass};

    fn column(name: &str, ty: &str) -> PgColumn {
        let ty = PgType { name: ty.into(), display: ty.into(), class: TypeClass::Base, modifier: -1, domain: None };
        PgColumn {
            name: name.into(),
            ty,
            not_null: false,
            generated: false,
            identity: false,
            has_default: false,
            longest: None,
            unique_by_statistics: false,
        }
    }

    #[test]
    fn only_what_the_server_does_best_is_cast() {
        let columns = [
            (column("a\"b", "int4"), Transfer::Integer),
            (column("f", "bool"), Transfer::Boolean),
            (column("m", "money"), Transfer::Money),
            (column("c", "bpchar"), Transfer::Text),
            (column("t", "timestamptz"), Transfer::TimestampTz),
        ];
        assert_eq!(
            select_list(columns.iter().map(|(c, t)| (c, *t))),
            r#""a""b", "f"::pg_catalog.int4, "m"::pg_catalog.numeric, "c"::pg_catalog.text, "t""#
        );
    }
}

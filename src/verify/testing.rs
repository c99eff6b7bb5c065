//! Columns for tests.

use super::column::Column;
use super::statement::Shape;
use crate::facts::{MyColumn, PgColumn, PgType, TypeClass};
use crate::pipeline::OnUnrepresentable;
use crate::schema::Transfer;

/// A nullable source column of a built-in type.
pub(super) fn pg(name: &str, ty: &str) -> PgColumn {
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

/// A nullable target column from its type as `information_schema` has it.
pub(super) fn my(name: &str, declared: &str) -> MyColumn {
    let data_type = declared.split('(').next().unwrap_or_default();
    let inside = declared.split_once('(').map_or("", |(_, rest)| rest.trim_end_matches(')'));
    let mut numbers = inside.split(',').map(|n| n.parse().ok());
    let (first, second) = (numbers.next().flatten(), numbers.next().flatten());
    let text = data_type.ends_with("char") || data_type.ends_with("text");
    MyColumn {
        name: name.into(),
        data_type: data_type.into(),
        column_type: declared.into(),
        nullable: true,
        default: None,
        extra: String::new(),
        charset: text.then(|| "utf8mb4".into()),
        collation: text.then(|| "utf8mb4_bin".into()),
        char_length: first.filter(|_| text || data_type.ends_with("binary")),
        numeric_precision: first.filter(|_| data_type == "decimal"),
        numeric_scale: second.filter(|_| data_type == "decimal"),
        datetime_precision: first.filter(|_| data_type.ends_with("time")),
        generated: false,
        comment: String::new(),
    }
}

/// The column `v` on both sides.
pub(super) fn pair(ty: &str, transfer: Transfer, have: &str) -> Column {
    Column::new(&pg("v", ty), transfer, &my("v", have), OnUnrepresentable::Stop)
}

/// The table `t` of these columns on both sides.
pub(super) fn shape(columns: Vec<Column>, key: &[usize]) -> Shape {
    Shape { source: "ONLY \"s\".\"t\"".into(), target: "`d`.`t`".into(), columns, key: key.to_vec() }
}

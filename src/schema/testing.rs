//! Tables for tests.

use std::collections::BTreeMap;

use super::my_type::{Kind, MyType};
use super::{Dialect, TargetTable};
use crate::facts::{
    MyColumn, MyFlavor, MyKey, MyTable, PgColumn, PgKey, PgTable, PgType, ReplicaIdentity, TableKind, TypeClass,
};
use crate::pipeline::{
    Endpoint, EngineKind, OnSchemaChange, OnUnrepresentable, Origin, Pipeline, SyncMode, SyncSettings, TableSelection,
    TlsMode,
};

pub const MYSQL: Dialect = Dialect { flavor: MyFlavor::MySql, version: (8, 4, 0) };
pub const MARIADB: Dialect = Dialect { flavor: MyFlavor::MariaDb, version: (10, 11, 19) };

pub fn column(name: &str, ty: &str, modifier: i32) -> PgColumn {
    PgColumn {
        name: name.into(),
        ty: PgType { name: ty.into(), display: ty.into(), class: TypeClass::Base, modifier, domain: None },
        not_null: false,
        generated: false,
        identity: false,
        has_default: false,
        longest: None,
        unique_by_statistics: false,
    }
}

pub fn table(name: &str, columns: Vec<PgColumn>, key: &[&str]) -> PgTable {
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
        columns,
        primary_key: (!key.is_empty()).then(|| unique("key", key)),
        unique_keys: vec![],
    }
}

/// A plain unique constraint over NOT NULL columns.
pub fn unique(name: &str, columns: &[&str]) -> PgKey {
    PgKey {
        name: name.into(),
        columns: columns.iter().map(|c| (*c).to_owned()).collect(),
        constraint: true,
        partial: false,
        expressions: false,
        deferrable: false,
        not_null: true,
        identity: false,
    }
}

/// The wanted table as a server would report it.
pub fn created(want: &TargetTable) -> MyTable {
    let columns = want.columns.iter().map(|c| {
        let mut column = there(&c.name, &c.sql_type);
        column.nullable = c.nullable;
        column
    });
    MyTable {
        schema: want.database.clone(),
        name: want.name.clone(),
        engine: Some("InnoDB".into()),
        collation: None,
        estimated_rows: 0,
        created: None,
        comment: String::new(),
        columns: columns.collect(),
        primary_key: want.primary_key.clone(),
        unique_keys: want
            .unique_keys
            .iter()
            .map(|k| MyKey { name: k.name.clone(), columns: k.columns.clone() })
            .collect(),
        indexes: vec![],
        foreign_keys: false,
        triggers: vec![],
    }
}

/// A nullable column as a server would report it, from its type as DDL has it.
pub fn there(name: &str, declared: &str) -> MyColumn {
    let mut ty = MyType::parse(declared);
    if ty.text.is_none() && matches!(ty.kind, Kind::Char(_) | Kind::VarChar(_) | Kind::Text(_) | Kind::Labels { .. }) {
        ty.text = MyType::parse("TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin").text;
    }
    let column_type = declared.split(" CHARACTER SET").next().unwrap_or_default().to_lowercase();
    MyColumn {
        name: name.into(),
        data_type: column_type.split(['(', ' ']).next().unwrap_or_default().to_owned(),
        column_type,
        nullable: true,
        default: None,
        extra: String::new(),
        charset: ty.text.as_ref().map(|t| t.charset.clone()),
        collation: ty.text.map(|t| t.collation),
        char_length: None,
        numeric_precision: None,
        numeric_scale: None,
        datetime_precision: None,
        generated: false,
        comment: String::new(),
    }
}

/// A pipeline from `public` to the database `charts`.
pub fn pipeline() -> Pipeline {
    let endpoint = |port, database: &str| Endpoint {
        host: "127.0.0.1".into(),
        port,
        database: database.into(),
        user: "dms".into(),
        password: None,
        tls: TlsMode::Disable,
        ca_file: None,
        rds_instance: None,
    };
    Pipeline {
        path: "cdc-doctor.toml".into(),
        name: "charts".into(),
        source: endpoint(5432, "postgres"),
        target: endpoint(3306, "charts"),
        tables: TableSelection { include: vec!["*.*".into()], exclude: vec![], schema_map: BTreeMap::new() },
        sync: SyncSettings {
            engine: EngineKind::Direct,
            mode: SyncMode::FullLoad,
            slot: "s".into(),
            publication: "p".into(),
            parallel: 2,
            on_schema_change: OnSchemaChange::Stop,
            on_unrepresentable: OnUnrepresentable::Stop,
            origin: Origin::Any,
        },
        aws: None,
        dms: None,
        s3: None,
        glue: None,
    }
}

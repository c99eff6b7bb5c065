//! Rows on the target that a first load would empty.

use mysql_async::prelude::Queryable;

use crate::connect;
use crate::facts::PgTable;
use crate::pipeline::Pipeline;
use crate::pipeline::secrets::Passwords;
use crate::quote::my_ident;
use crate::sync::Refused;

/// The selected tables that hold rows on the target; an error is in words.
pub(super) async fn filled(
    pipeline: &Pipeline,
    passwords: &Passwords,
    tables: &[PgTable],
) -> Result<Vec<Refused>, String> {
    let open = connect::mysql::open(&pipeline.target, passwords.target.as_ref(), None);
    let mut conn = open.await.map_err(|e| e.to_string())?;
    let mut all = Vec::new();
    for table in tables {
        let database = pipeline.target_database(&table.schema);
        let sql = format!("SELECT 1 FROM {}.{} LIMIT 1", my_ident(database), my_ident(&table.name));
        // A table that is not there is made by the load.
        let row: Option<u8> = conn.query_first(sql).await.unwrap_or(None);
        if row.is_some() {
            let why = format!("{database}.{} holds rows, and the load would delete them first", table.name);
            let command = Some("cdc-doctor sync --truncate-target".to_owned());
            all.push(Refused { table: table.label(), why, command });
        }
    }
    let _ = conn.disconnect().await;
    Ok(all)
}

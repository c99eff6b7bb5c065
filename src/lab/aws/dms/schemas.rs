//! The schemas of an endpoint.

use std::sync::Arc;

use mysql_async::prelude::Queryable;
use serde_json::{Value, json};

use super::login::{self, Login, Session};
use super::{endpoints, instances};
use crate::lab::aws::account::Account;
use crate::lab::aws::errors::{Answer, AwsError};
use crate::lab::aws::input::Input;
use crate::lab::aws::names::seconds;
use crate::lab::aws::page::dms_page;
use crate::lab::aws::records::text;

const PG: &str = "SELECT nspname::text FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' \
                  AND nspname <> 'information_schema' ORDER BY 1";
const MY: &str = "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME NOT IN \
                  ('information_schema', 'mysql', 'performance_schema', 'sys') ORDER BY 1";

/// The names of all schemas that people made.
pub(super) async fn names(login: &Login) -> Result<Vec<String>, String> {
    match login::open(login).await? {
        Session::Postgres(client) => match client.query(PG, &[]).await {
            Ok(rows) => Ok(rows.iter().map(|row| row.get(0)).collect()),
            Err(error) => Err(error.to_string()),
        },
        Session::MySql(mut conn) => {
            let names = conn.query(MY).await.map_err(|e| e.to_string());
            let _ = conn.disconnect().await;
            names
        }
    }
}

/// `RefreshSchemas`.
pub(super) fn refresh(account: &Arc<Account>, input: &Input) -> Answer {
    let (endpoint, instance) = (input.required(endpoints::ARN)?.to_owned(), input.required(instances::ARN)?);
    let mut state = account.state();
    state.dms.available_instance(instance)?;
    let login = login::read(account, &state, &endpoint)?;
    let status = json!({endpoints::ARN: endpoint, instances::ARN: instance, "Status": "refreshing"});
    state.dms.refreshes.remove(endpoints::ARN, &endpoint);
    state.dms.refreshes.push(status.clone());
    drop(state);
    let account = Arc::clone(account);
    tokio::spawn(async move {
        tokio::time::sleep(account.delays().start).await;
        let names = names(&login).await;
        let mut state = account.state();
        if let Some(status) = state.dms.refreshes.find_mut(endpoints::ARN, &endpoint) {
            status["Status"] = if names.is_ok() { "successful" } else { "failed" }.into();
            status["LastRefreshDate"] = seconds(jiff::Timestamp::now()).into();
            if let Err(why) = &names {
                status["LastFailureMessage"] = why.as_str().into();
            }
        }
        if let Ok(names) = names {
            state.dms.schemas.insert(endpoint, names);
        }
    });
    Ok(json!({ "RefreshSchemasStatus": status }))
}

/// `DescribeRefreshSchemasStatus`.
pub(super) fn status(account: &Account, input: &Input) -> Answer {
    let endpoint = input.required(endpoints::ARN)?;
    let state = account.state();
    state.dms.endpoint(endpoint)?;
    let never = || AwsError::not_found("The schemas of this endpoint were never refreshed.");
    let status = state.dms.refreshes.find(endpoints::ARN, endpoint).ok_or_else(never)?;
    Ok(json!({ "RefreshSchemasStatus": status }))
}

/// `DescribeSchemas`: those that were found by the last refresh.
pub(super) fn describe(account: &Account, input: &Input) -> Answer {
    let endpoint = input.required(endpoints::ARN)?;
    let state = account.state();
    state.dms.endpoint(endpoint)?;
    let refreshed = state.dms.refreshes.find(endpoints::ARN, endpoint).map(|r| text(r, "Status"));
    if refreshed == Some("refreshing") {
        return Err(AwsError::state("The schemas of this endpoint are being refreshed."));
    }
    let names = state.dms.schemas.get(endpoint).cloned().unwrap_or_default();
    dms_page(names.into_iter().map(Value::from).collect(), "Schemas", input)
}

//! Statistics of tables.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::movement::Table;
use super::{replications, tasks};
use crate::lab::aws::account::Account;
use crate::lab::aws::errors::{Answer, AwsError};
use crate::lab::aws::input::Input;
use crate::lab::aws::page::{filter, page};

/// What the filters look at.
const FILTERS: [(&str, &str); 3] =
    [("schema-name", "SchemaName"), ("table-name", "TableName"), ("table-state", "TableState")];

/// `DescribeTableStatistics`. Pages hold 20 to 500.
pub(super) fn of_task(account: &Account, input: &Input) -> Answer {
    let arn = input.required(tasks::ARN)?;
    account.state().dms.task(arn)?;
    let mut answer =
        page(tables(account, arn, input)?, "TableStatistics", input, 500, "InvalidParameterValueException")?;
    answer[tasks::ARN] = arn.into();
    Ok(answer)
}

/// `DescribeReplicationTableStatistics`.
pub(super) fn of_replication(account: &Account, input: &Input) -> Answer {
    let arn = input.required(replications::ARN)?;
    if account.state().dms.configs.find(replications::ARN, arn).is_none() {
        return Err(AwsError::not_found(format!("Replication config not found: {arn}")));
    }
    let all = tables(account, arn, input)?;
    let mut answer = page(all, "ReplicationTableStatistics", input, 500, "InvalidParameterValueException")?;
    answer[replications::ARN] = arn.into();
    Ok(answer)
}

fn tables(account: &Account, arn: &str, input: &Input) -> Result<Vec<Value>, AwsError> {
    let state = account.state();
    let tables = state.dms.movements.get(arn).map_or(&[][..], |m| &m.tables);
    filter(tables.iter().map(Table::shown).collect(), input, &FILTERS)
}

/// Gives a task or replication tables that do not exist.
pub(in crate::lab::aws) fn pretend_tables(account: &Account, arn: &str, count: usize) {
    let now = Timestamp::now();
    let table = |n: usize| Table::pretended("public", format!("table_{n:05}"), n as u64, now);
    account.state().dms.movements.entry(arn.to_owned()).or_default().tables = (0..count).map(table).collect();
}

/// The tables that `ReloadTables` and its serverless sister name, as labels.
pub(super) fn named(input: &Input) -> Vec<String> {
    let word = |table: &Value, name| table.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let all = input.list("TablesToReload").iter();
    all.map(|table| format!("{}.{}", word(table, "SchemaName"), word(table, "TableName"))).collect()
}

/// A result that holds only the ARN.
pub(super) fn only(arn: &str, member: &str) -> Answer {
    Ok(json!({ member: arn }))
}

//! What it will cost, roughly. Pure.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::model::Kind;
use super::plan::{Step, Verb};

const PRICES: &str = include_str!("../../assets/dms-prices.json");
/// Hours in a month, as AWS counts them.
const HOURS: f64 = 730.0;

#[derive(Deserialize)]
struct Prices {
    source: String,
    date: String,
    hour_usd: BTreeMap<String, f64>,
    gb_month_usd: f64,
}

/// One sentence on the price a month, with where it comes from; nothing where nothing is left to pay for.
pub(super) fn estimate(steps: &[Step]) -> Option<String> {
    // The file is part of the program, and a test reads it.
    let prices: Prices = serde_json::from_str(PRICES).ok()?;
    let stays = |s: &&Step| s.verb != Verb::Delete;
    if steps.iter().filter(stays).any(|s| s.kind == Kind::Config) {
        return Some(
            "Cost: a serverless replication is paid for by the capacity units that it uses, and goes on costing while it \
             is provisioned, for up to two days after a stop; see https://aws.amazon.com/dms/pricing/"
                .to_owned(),
        );
    }
    let instance = steps.iter().filter(stays).find(|s| s.kind == Kind::Instance)?;
    let wanted = &instance.resource.as_ref()?.values;
    let class = wanted.get("ReplicationInstanceClass")?.as_str()?;
    let gigabytes = wanted.get("AllocatedStorage")?.as_f64()?;
    let Some(hour) = prices.hour_usd.get(class) else {
        return Some(format!("Cost: no figure for {class} here; see https://aws.amazon.com/dms/pricing/"));
    };
    let month = hour * HOURS + gigabytes * prices.gb_month_usd;
    Some(format!(
        "Cost, an estimate: about {month:.0} USD a month for {class} with {gigabytes} GB, without traffic and logs ({}, {})",
        prices.date, prices.source
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prices_can_be_read() {
        let prices: Prices = serde_json::from_str(PRICES).unwrap();
        assert!(prices.hour_usd.contains_key("dms.t3.medium") && !prices.source.is_empty());
    }
}

//! The policies in `assets/iam` allow exactly the calls that the code makes: a file for each command.

use serde_json::Value;

/// The actions that a policy allows.
#[must_use]
pub fn actions(policy: &str) -> Vec<String> {
    let policy: Value = serde_json::from_str(policy).unwrap_or_default();
    let statements = policy["Statement"].as_array().into_iter().flatten();
    let actions = statements.filter_map(|s| s["Action"].as_array()).flatten();
    actions.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// What `check` needs.
pub const CHECK: &str = include_str!("../../assets/iam/check.json");
/// What `check` needs beside it in builds with the feature `ec2`.
pub const CHECK_EC2: &str = include_str!("../../assets/iam/check-ec2.json");
/// What `fix` needs beside it.
pub const FIX: &str = include_str!("../../assets/iam/fix.json");
/// What `provision` needs.
pub const PROVISION: &str = include_str!("../../assets/iam/provision.json");
/// What `sync` needs with the engine `dms`.
pub const SYNC: &str = include_str!("../../assets/iam/sync.json");
/// What a password from AWS needs.
pub const PASSWORDS: &str = include_str!("../../assets/iam/passwords.json");

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use regex::Regex;

    use super::*;

    /// The calls in the sources of a folder whose names begin so.
    fn calls(folder: &str, prefix: &str) -> BTreeSet<String> {
        let call = Regex::new(r#"call\(\s*"([a-z0-9-]+:[A-Za-z]+)""#).unwrap();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let mut all = BTreeSet::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.starts_with(prefix) && name.ends_with(".rs") {
                let text = std::fs::read_to_string(path).unwrap();
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                all.extend(call.captures_iter(code).map(|c| c[1].to_owned()));
            }
        }
        all
    }

    #[test]
    fn the_policies_allow_exactly_what_is_called() {
        let set = |policy| actions(policy).into_iter().collect::<BTreeSet<String>>();
        assert_eq!(&set(CHECK) | &set(CHECK_EC2), calls("src/facts/aws", ""));
        assert_eq!(set(CHECK_EC2), calls("src/facts/aws", "ec2"));
        assert_eq!(set(FIX), calls("src/fixes", "execute_"));
        // Not a call: a role is handed to DMS with the endpoint or the assessment that it is for.
        let passing = || BTreeSet::from(["iam:PassRole".to_owned()]);
        let sides = ["rds:DescribeDBInstances", "rds:DescribeDBClusters"].map(str::to_owned);
        let provision = calls("src/provision", "").into_iter().chain(sides).chain(passing()).collect();
        assert_eq!(set(PROVISION), provision);
        // What a serverless replication's readings are kept under is looked for by the collector.
        let found = BTreeSet::from(["cloudwatch:ListMetrics".to_owned()]);
        assert_eq!(set(SYNC), &(&calls("src/sync/dms", "") | &passing()) | &found);
        let mut passwords = calls("src/aws", "passwords");
        // Not a call: a login with a token that was signed here.
        passwords.insert("rds-db:connect".to_owned());
        assert_eq!(set(PASSWORDS), passwords);
    }
}

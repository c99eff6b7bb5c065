//! Members that describing calls show over what is there: states that only AWS itself brings about, such as a full
//! disk, a certificate that ends, a cluster. Nothing else in the simulation knows of them.

use serde_json::{Value, json};

/// A kind of thing that can be pretended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pretended {
    /// An RDS instance, by its identifier.
    DbInstance,
    /// An Aurora cluster, by its identifier.
    DbCluster,
    /// An RDS proxy, by its name.
    DbProxy,
    /// A replication instance, by its identifier.
    ReplicationInstance,
    /// An endpoint, by its identifier.
    Endpoint,
    /// A certificate of DMS, by its identifier.
    Certificate,
    /// A replication task, by its identifier.
    Task,
    /// What a task tells of a table, by the table's name.
    Table,
    /// A quota of the account, by its name.
    Quota,
    /// Maintenance that waits, by the ARN of the replication instance.
    Maintenance,
    /// A parameter of an Aurora cluster's group, by its name; the group may have any name.
    ClusterParameter,
    /// What policies say of an action, by its name (`dms:DescribeEndpoints`).
    Decision,
}

impl Pretended {
    /// The call that tells of it, the member that names it, and whether one is made up where there is none.
    fn told(self) -> (&'static str, &'static str, bool) {
        match self {
            Self::DbInstance => ("rds:DescribeDBInstances", "DBInstanceIdentifier", false),
            Self::DbCluster => ("rds:DescribeDBClusters", "DBClusterIdentifier", true),
            Self::DbProxy => ("rds:DescribeDBProxies", "DBProxyName", true),
            Self::ReplicationInstance => ("dms:DescribeReplicationInstances", "ReplicationInstanceIdentifier", false),
            Self::Endpoint => ("dms:DescribeEndpoints", "EndpointIdentifier", false),
            Self::Certificate => ("dms:DescribeCertificates", "CertificateIdentifier", false),
            Self::Task => ("dms:DescribeReplicationTasks", "ReplicationTaskIdentifier", false),
            Self::Table => ("dms:DescribeTableStatistics", "TableName", false),
            Self::Quota => ("dms:DescribeAccountAttributes", "AccountQuotaName", false),
            Self::Maintenance => ("dms:DescribePendingMaintenanceActions", "ResourceIdentifier", true),
            Self::ClusterParameter => ("rds:DescribeDBClusterParameters", "ParameterName", true),
            Self::Decision => ("iam:SimulatePrincipalPolicy", "EvalActionName", false),
        }
    }
}

/// All that is pretended now.
#[derive(Debug, Default)]
pub(super) struct Pretences(Vec<(Pretended, String, Value)>);

impl Pretences {
    /// From now on the thing shows these members; none end the pretence.
    pub(super) fn set(&mut self, kind: Pretended, name: &str, members: Value) {
        self.0.retain(|(k, n, _)| (*k, n.as_str()) != (kind, name));
        if !members.is_null() {
            self.0.push((kind, name.to_owned(), members));
        }
    }

    /// Puts the members over an answer.
    pub(super) fn apply(&self, action: &str, answer: &mut Value) {
        for (kind, name, members) in &self.0 {
            let (told_by, named_by, made_up) = kind.told();
            let Some(records) = records(answer).filter(|_| told_by == action) else { continue };
            let is_it = |record: &Value| record.get(named_by).is_some_and(|n| n == name);
            if made_up && !records.iter().any(is_it) {
                records.push(json!({ named_by: name }));
            }
            let Some(record) = records.iter_mut().find(|record| is_it(record)) else { continue };
            for (member, value) in members.as_object().into_iter().flatten() {
                record[member.as_str()] = value.clone();
            }
        }
    }
}

/// The one list of an answer; in XML it is inside an object of its elements' name.
fn records(answer: &mut Value) -> Option<&mut Vec<Value>> {
    answer.as_object_mut()?.values_mut().find_map(list)
}

fn list(member: &mut Value) -> Option<&mut Vec<Value>> {
    match member {
        Value::Array(list) => Some(list),
        Value::Object(elements) if elements.len() == 1 => elements.values_mut().next()?.as_array_mut(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pretence_is_shown_until_it_ends() {
        let mut pretences = Pretences::default();
        let shown = |pretences: &Pretences, action: &str| {
            let mut answer = json!({"Marker": "m", "DBInstances": {"DBInstance": [
                {"DBInstanceIdentifier": "a", "MultiAZ": false}, {"DBInstanceIdentifier": "b", "MultiAZ": false}]}});
            pretences.apply(action, &mut answer);
            answer["DBInstances"]["DBInstance"][1]["MultiAZ"].clone()
        };
        pretences.set(Pretended::DbInstance, "b", json!({"MultiAZ": true}));
        assert_eq!(shown(&pretences, "rds:DescribeDBInstances"), true);
        assert_eq!(shown(&pretences, "rds:DescribeDBClusters"), false);
        pretences.set(Pretended::DbInstance, "b", Value::Null);
        assert_eq!(shown(&pretences, "rds:DescribeDBInstances"), false);
    }

    #[test]
    fn what_the_simulation_does_not_have_is_made_up() {
        let mut pretences = Pretences::default();
        pretences.set(Pretended::DbProxy, "p", json!({"Endpoint": "p.proxy"}));
        pretences.set(Pretended::Task, "t", json!({"Status": "failed"}));
        let mut proxies = json!({"DBProxies": {"member": []}});
        pretences.apply("rds:DescribeDBProxies", &mut proxies);
        assert_eq!(proxies["DBProxies"]["member"], json!([{"DBProxyName": "p", "Endpoint": "p.proxy"}]));
        let mut tasks = json!({"ReplicationTasks": []});
        pretences.apply("dms:DescribeReplicationTasks", &mut tasks);
        assert_eq!(tasks["ReplicationTasks"], json!([]));
    }
}

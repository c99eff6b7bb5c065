"""The story's first two faults: an endpoint without TLS, and the instance's identifier taken for a database's name."""

import json

from common import (
    GIVEN,
    ask,
    certificate,
    client,
    endpoint,
    equal,
    in_status,
    instance,
    mappings,
    refused,
    tested,
    wait,
)

dms = client("dms")
ri = instance(dms)
source = endpoint(dms, "source", "charts-src", DatabaseName="charts-source")

# Plaintext into a server that takes TLS only.
status, why = tested(dms, ri, source)
equal(status, "failed")
assert "1020912" in why and "no pg_hba.conf entry for host" in why and why.count("no encryption") == 1, why

# TLS; now the name is looked at.
made = dms.modify_endpoint(EndpointArn=source, SslMode="require")["Endpoint"]
equal(made["SslMode"], "require")
equal(dms.describe_connections()["Connections"], [])
status, why = tested(dms, ri, source)
equal(status, "failed")
assert 'database "charts-source" does not exist' in why, why

# The right name; the certificate verified, which needs one.
dms.modify_endpoint(EndpointArn=source, DatabaseName=GIVEN["source"]["database"])
equal(tested(dms, ri, source), ("successful", ""))
refused("InvalidParameterCombinationException", dms.modify_endpoint, EndpointArn=source, SslMode="verify-full")
bundle = certificate(dms)
equal(dms.describe_certificates()["Certificates"][0]["CertificatePem"], GIVEN["ca"])
dms.modify_endpoint(EndpointArn=source, SslMode="verify-full", CertificateArn=bundle)
equal(tested(dms, ri, source), ("successful", ""))
refused(dms.exceptions.InvalidResourceStateFault, dms.delete_certificate, CertificateArn=bundle)

# The bundle of RDS serves too, on either side: the servers are instances of RDS.
real = dms.import_certificate(CertificateIdentifier="rds", CertificatePem=open(GIVEN["rds"]).read())["Certificate"][
    "CertificateArn"
]
dms.modify_endpoint(EndpointArn=source, CertificateArn=real)
equal(tested(dms, ri, source), ("successful", ""))
trusting = endpoint(dms, "target", "trusting", SslMode="verify-full", CertificateArn=real)
equal(tested(dms, ri, trusting), ("successful", ""))

# A wrong password, a wrong port, a name that is no name, on either side.
for name, side, wrong, says in [
    ("a", "source", {"Password": "x"}, "password authentication failed for user"),
    ("b", "source", {"Port": 1}, "Connection refused"),
    ("c", "source", {"ServerName": "charts.example.com"}, "could not translate host name"),
    ("d", "target", {"Password": "x", "SslMode": "verify-ca", "CertificateArn": bundle}, "NativeError: 1045"),
    ("e", "target", {"Port": 1}, "(111)"),
    ("f", "target", {"DatabaseName": "nowhere"}, "NativeError: 1049"),
    ("g", "target", {"ServerName": "charts.example.com"}, "Unknown MySQL server host"),
]:
    status, why = tested(
        dms, ri, endpoint(dms, side, name, **({"SslMode": "require"} if side == "source" else {}) | wrong)
    )
    equal(status, "failed")
    assert says in why, (name, why)

# What cannot be brought about here can be scripted.
ask("refuse charts-src")
status, why = tested(dms, ri, source)
equal((status, why), ("failed", "timeout expired, on purpose"))
ask("accept charts-src")
equal(tested(dms, ri, source), ("successful", ""))

# What a login sees, and a secret instead of a password.
dms.refresh_schemas(EndpointArn=source, ReplicationInstanceArn=ri)
wait(
    "the schemas",
    lambda: dms.describe_refresh_schemas_status(EndpointArn=source)["RefreshSchemasStatus"]["Status"] == "successful",
)
assert "public" in dms.describe_schemas(EndpointArn=source)["Schemas"]
at = GIVEN["source"]
client("secretsmanager").create_secret(
    Name="charts/source",
    SecretString=json.dumps(
        {"username": at["user"], "password": at["password"], "host": "localhost", "port": at["port"]}
    ),
)
by_secret = dms.create_endpoint(
    EndpointIdentifier="by-secret",
    EndpointType="source",
    EngineName="postgres",
    DatabaseName=at["database"],
    SslMode="require",
    PostgreSQLSettings={"SecretsManagerSecretId": "charts/source"},
)["Endpoint"]["EndpointArn"]
equal(tested(dms, ri, by_secret), ("successful", ""))

# An untested endpoint starts no task; then all goes, in order.
target = endpoint(dms, "target", "charts-tgt")
task = dms.create_replication_task(
    ReplicationTaskIdentifier="charts-task",
    SourceEndpointArn=source,
    TargetEndpointArn=target,
    ReplicationInstanceArn=ri,
    MigrationType="full-load",
    TableMappings=mappings("%"),
)["ReplicationTask"]["ReplicationTaskArn"]
in_status(dms, task, "ready")
why = refused(
    dms.exceptions.InvalidResourceStateFault,
    dms.start_replication_task,
    ReplicationTaskArn=task,
    StartReplicationTaskType="start-replication",
)
assert "Test connection" in why, why
refused(dms.exceptions.InvalidResourceStateFault, dms.delete_endpoint, EndpointArn=source)
refused(dms.exceptions.InvalidResourceStateFault, dms.delete_replication_instance, ReplicationInstanceArn=ri)
dms.delete_replication_task(ReplicationTaskArn=task)
wanted = [{"Name": "replication-task-arn", "Values": [task]}]
dms.get_waiter("replication_task_deleted").wait(Filters=wanted, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
dms.delete_endpoint(EndpointArn=source)
wanted = [{"Name": "endpoint-arn", "Values": [source]}]
dms.get_waiter("endpoint_deleted").wait(Filters=wanted, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
dms.delete_replication_instance(ReplicationInstanceArn=ri)
wanted = [{"Name": "replication-instance-arn", "Values": [ri]}]
dms.get_waiter("replication_instance_deleted").wait(Filters=wanted, WaiterConfig={"Delay": 1, "MaxAttempts": 30})

"""A task moves rows, and the changes after them; its statistics, log and stop reasons are those of what happened."""

from common import (
    GIVEN,
    ask,
    client,
    endpoint,
    equal,
    in_status,
    instance,
    mappings,
    refused,
    statistics,
    task,
    tested,
    wait,
)

import datetime
import json

dms = client("dms")
ri = instance(dms)
source = endpoint(dms, "source", "charts-src", SslMode="require")
target = endpoint(dms, "target", "charts-tgt")
for arn in [source, target]:
    equal(tested(dms, ri, arn), ("successful", ""))


def create(name, kind, tables, **settings):
    document = {"Logging": {"EnableLogging": True}, **settings}
    made = dms.create_replication_task(
        ReplicationTaskIdentifier=name,
        SourceEndpointArn=source,
        TargetEndpointArn=target,
        ReplicationInstanceArn=ri,
        MigrationType=kind,
        TableMappings=mappings(*tables, rename=GIVEN["target"]["database"]),
        ReplicationTaskSettings=json.dumps(document),
    )["ReplicationTask"]
    in_status(dms, made["ReplicationTaskArn"], "ready")
    return made["ReplicationTaskArn"]


def start(arn, kind="start-replication"):
    shown = dms.start_replication_task(ReplicationTaskArn=arn, StartReplicationTaskType=kind)["ReplicationTask"]
    equal(shown["Status"], "starting")


# Mappings are looked at when the task is made.
arguments = dict(
    ReplicationTaskIdentifier="bad",
    SourceEndpointArn=source,
    TargetEndpointArn=target,
    ReplicationInstanceArn=ri,
    MigrationType="full-load",
)
refused("InvalidParameterValueException", dms.create_replication_task, TableMappings="{", **arguments)
refused(
    "InvalidParameterValueException",
    dms.create_replication_task,
    TableMappings=mappings("%"),
    ReplicationTaskSettings="{",
    **arguments,
)

# A full load ends by itself. A table that cannot be loaded is in error, and the others are there.
load = create("load", "full-load", ["chart", "wrong%", "artist", "keyless"])
start(load)
ended = in_status(dms, load, "stopped", "failed")
equal((ended["Status"], ended["StopReason"]), ("stopped", "Stop Reason FULL_LOAD_ONLY_FINISHED"))
tables = statistics(dms, load)
states = {name: t["TableState"] for name, t in tables.items()}
equal(states.pop("wrong\tone"), "Table error")
equal(states, {name: "Table completed" for name in ["chart", "artist", "keyless"]})
equal((tables["chart"]["FullLoadRows"], tables["artist"]["FullLoadRows"]), (1000, 3))
stats = ended["ReplicationTaskStats"]
equal((stats["FullLoadProgressPercent"], stats["TablesLoaded"], stats["TablesErrored"]), (100, 3, 1))
equal(ask("count chart"), "1000")
why = refused(
    "InvalidParameterCombinationException",
    dms.start_replication_task,
    ReplicationTaskArn=load,
    StartReplicationTaskType="start-replication",
)
assert "valid only for tasks running for the first time" in why, why

# Its log says why, where DMS puts it.
logs = client("logs")
equal([g["logGroupName"] for g in logs.describe_log_groups()["logGroups"]], ["dms-tasks-charts-ri"])
stream = "dms-task-" + load.rsplit(":", 1)[1]
assert stream in [
    s["logStreamName"] for s in logs.describe_log_streams(logGroupName="dms-tasks-charts-ri")["logStreams"]
]
lines = [
    e["message"]
    for e in logs.get_log_events(logGroupName="dms-tasks-charts-ri", logStreamName=stream, startFromHead=True)["events"]
]
assert any("]E:" in line and "public.wrong" in line for line in lines), lines
found = logs.filter_log_events(logGroupName="dms-tasks-charts-ri", filterPattern='"]E:"')["events"]
assert found and all("]E:" in e["message"] for e in found), found
name = {"logGroupName": "dms-tasks-charts-ri"}
refused(logs.exceptions.InvalidParameterException, logs.put_retention_policy, **name, retentionInDays=31)
logs.put_retention_policy(**name, retentionInDays=30)
equal(logs.describe_log_groups()["logGroups"][0]["retentionInDays"], 30)
logs.delete_retention_policy(**name)
assert "retentionInDays" not in logs.describe_log_groups()["logGroups"][0]
size = dms.describe_replication_instance_task_logs(ReplicationInstanceArn=ri)["ReplicationInstanceTaskLogs"][0]
assert size["ReplicationInstanceTaskLogSize"] > 0, size

# Load and changes.
both = create("both", "full-load-and-cdc", ["chart", "artist"])
start(both)
in_status(dms, both, "running")
refused(
    dms.exceptions.InvalidResourceStateFault,
    dms.start_replication_task,
    ReplicationTaskArn=both,
    StartReplicationTaskType="resume-processing",
)
refused(dms.exceptions.InvalidResourceStateFault, dms.modify_endpoint, EndpointArn=source, SslMode="none")
wait("the load", lambda: task(dms, both)["ReplicationTaskStats"]["FullLoadProgressPercent"] == 100)
ask("change")
wait("the changes", lambda: ask("count chart") == "1001")


def counted():
    t = statistics(dms, both)["chart"]
    return (t["Inserts"], t["Updates"], t["Deletes"], t["FullLoadRows"]) == (2, 3, 1, 1000)


wait("the counts", counted)
equal(ask("song 5"), "changed")

# Stopped, it goes on where it was.
dms.stop_replication_task(ReplicationTaskArn=both)
equal(in_status(dms, both, "stopped")["StopReason"], "Stop Reason NORMAL")
refused(dms.exceptions.InvalidResourceStateFault, dms.stop_replication_task, ReplicationTaskArn=both)
refused(
    dms.exceptions.InvalidResourceStateFault,
    dms.reload_tables,
    ReplicationTaskArn=both,
    TablesToReload=[{"SchemaName": "public", "TableName": "chart"}],
)
ask("insert while stopped")
start(both, "resume-processing")
wait("what came meanwhile", lambda: ask("count chart") == "1002")

# One table loaded again: what was changed on the target is mended.
in_status(dms, both, "running")
ask("spoil the target")
dms.reload_tables(ReplicationTaskArn=both, TablesToReload=[{"SchemaName": "public", "TableName": "artist"}])
wait("the table again", lambda: ask("artist") == "ABBA")
wait("its state", lambda: statistics(dms, both)["artist"]["TableState"] == "Table completed")
equal(statistics(dms, both)["artist"]["FullLoadReloaded"], True)
equal(task(dms, both)["Status"], "running")

# It fails on purpose, half-way, and can be resumed.
equal(ask(f"fail {both}"), "true")
failed = in_status(dms, both, "failed", "stopped")
equal(failed["Status"], "failed")
assert "the replication slot is gone" in failed["LastFailureMessage"], failed
equal(ask(f"fail {both}"), "false")
start(both, "resume-processing")
in_status(dms, both, "running")
dms.stop_replication_task(ReplicationTaskArn=both)
in_status(dms, both, "stopped")

# Changes alone; a table whose change cannot be applied is in error, and the others go on.
changes = create("changes", "cdc", ["artist", "late"])
start(changes)
in_status(dms, changes, "running")
wait("the slot", lambda: ask("slots") == "2")
wait("both tables", lambda: len(statistics(dms, changes)) == 2)
ask("new artist")
wait("the new artist", lambda: ask("count artist") == "4")
ask("spoil the source")
wait("the error", lambda: statistics(dms, changes)["late"]["TableState"] == "Table error")
ask("newer artist")
wait("the newer artist", lambda: ask("count artist") == "5")
found = task(dms, changes)
equal((found["Status"], found["ReplicationTaskStats"]["TablesErrored"]), ("running", 1))
wait("both in the counts", lambda: statistics(dms, changes)["artist"]["Inserts"] == 2)

# Latency is a metric.
now = datetime.datetime.now(datetime.timezone.utc)
dimensions = [
    {"Name": "ReplicationInstanceIdentifier", "Value": "charts-ri"},
    {"Name": "ReplicationTaskIdentifier", "Value": changes.rsplit(":", 1)[1]},
]
metric = {"Namespace": "AWS/DMS", "MetricName": "CDCLatencyTarget", "Dimensions": dimensions}
query = {"Id": "lag", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Average"}}
hour = datetime.timedelta(hours=1)
span = {"StartTime": now - hour, "EndTime": now + hour}
cloudwatch = client("cloudwatch")
wait(
    "a sample", lambda: cloudwatch.get_metric_data(MetricDataQueries=[query], **span)["MetricDataResults"][0]["Values"]
)
dms.stop_replication_task(ReplicationTaskArn=changes)
in_status(dms, changes, "stopped")

# A selection of nothing fails, in DMS's words.
nothing = create("nothing", "full-load", ["nowhere"])
start(nothing)
failed = in_status(dms, nothing, "failed", "stopped")
equal(failed["Status"], "failed")
assert "No tables were found at task initialization" in failed["LastFailureMessage"], failed
assert failed["StopReason"].startswith("Stop Reason FATAL_ERROR"), failed

# An assessment looks at the source.
run = dms.start_replication_task_assessment_run(
    ReplicationTaskArn=load,
    ServiceAccessRoleArn="arn:aws:iam::000000000000:role/r",
    ResultLocationBucket="b",
    AssessmentRunName="first",
)["ReplicationTaskAssessmentRun"]
wanted = [{"Name": "replication-task-assessment-run-arn", "Values": [run["ReplicationTaskAssessmentRunArn"]]}]


def assessed():
    found = dms.describe_replication_task_assessment_runs(Filters=wanted)["ReplicationTaskAssessmentRuns"][0]
    return found if found["Status"] != "running" else None


equal(wait("the assessment", assessed)["Status"], "failed")
found = dms.describe_replication_task_individual_assessments(Filters=wanted)["ReplicationTaskIndividualAssessments"]
failed = [f["IndividualAssessmentName"] for f in found if f["Status"] == "failed"]
equal(failed, ["table-with-no-primary-key-or-unique-constraint"])

# Deleted, a task leaves no slot.
equal(ask("slots"), "2")
for arn in [load, both, changes, nothing]:
    dms.delete_replication_task(ReplicationTaskArn=arn)
    wanted = [{"Name": "replication-task-arn", "Values": [arn]}]
    dms.get_waiter("replication_task_deleted").wait(Filters=wanted, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
wait("the slot to go", lambda: ask("slots") == "0")

# Serverless.
config = dms.create_replication_config(
    ReplicationConfigIdentifier="serverless",
    SourceEndpointArn=source,
    TargetEndpointArn=target,
    ComputeConfig={"MaxCapacityUnits": 2},
    ReplicationType="full-load-and-cdc",
    TableMappings=mappings("chart", rename=GIVEN["target"]["database"]),
)["ReplicationConfig"]["ReplicationConfigArn"]


def replication():
    wanted = [{"Name": "replication-config-arn", "Values": [config]}]
    return dms.describe_replications(Filters=wanted)["Replications"][0]


equal(replication()["Status"], "created")
ask("empty the target")
dms.start_replication(
    ReplicationConfigArn=config,
    StartReplicationType="start-replication",
    PremigrationAssessmentSettings='{"FailOnAssessmentFailure": true}',
)
wait("the rows", lambda: ask("count chart") == "1002")
wait("the replication", lambda: replication()["Status"] == "running")
equal(replication()["PremigrationAssessmentStatuses"][0]["Status"], "passed")


def replicated():
    found = dms.describe_replication_table_statistics(ReplicationConfigArn=config)
    return [(t["TableName"], t["TableState"]) for t in found["ReplicationTableStatistics"]]


wait("the table's state", lambda: replicated() == [("chart", "Table completed")])
again = [{"SchemaName": "public", "TableName": "chart"}]
equal(dms.reload_replication_tables(ReplicationConfigArn=config, TablesToReload=again)["ReplicationConfigArn"], config)
wait("the reload", lambda: replicated() == [("chart", "Table completed")])
dms.stop_replication(ReplicationConfigArn=config)
wait("the stop", lambda: replication()["Status"] == "stopped")
equal(replication()["StopReason"], "Stop Reason NORMAL")
dms.delete_replication_config(ReplicationConfigArn=config)
wait("its end", lambda: not dms.describe_replication_configs()["ReplicationConfigs"])

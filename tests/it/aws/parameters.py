"""Parameter groups: what is static, dynamic, pending; and what really holds on the server."""

from common import ask, client, equal, refused, wait

rds = client("rds")
NAME = "charts-source"


def instance():
    return rds.describe_db_instances(DBInstanceIdentifier=NAME)["DBInstances"][0]


def applied():
    return instance()["DBParameterGroups"][0]["ParameterApplyStatus"]


def parameter(group, name):
    pages = rds.get_paginator("describe_db_parameters").paginate(DBParameterGroupName=group)
    return next(p for page in pages for p in page["Parameters"] if p["ParameterName"] == name)


def set_to(group, name, value, method):
    change = {"ParameterName": name, "ParameterValue": value, "ApplyMethod": method}
    return rds.modify_db_parameter_group(DBParameterGroupName=group, Parameters=[change])


default = instance()["DBParameterGroups"][0]["DBParameterGroupName"]
assert default.startswith("default.postgres"), default
force_ssl = parameter(default, "rds.force_ssl")
equal((force_ssl["ParameterValue"], force_ssl["ApplyType"], force_ssl["Source"]), ("1", "dynamic", "system"))
equal(parameter(default, "ssl")["IsModifiable"], False)
logical = parameter(default, "rds.logical_replication")
equal((logical["ParameterValue"], logical["ApplyType"], logical["IsModifiable"]), ("0", "static", True))
equal(ask("show wal_level"), "replica")

# A default group takes no change; a copy does.
change = [{"ParameterName": "rds.force_ssl", "ParameterValue": "0", "ApplyMethod": "immediate"}]
refused(
    rds.exceptions.InvalidDBParameterGroupStateFault,
    rds.modify_db_parameter_group,
    DBParameterGroupName=default,
    Parameters=change,
)
copy = {
    "SourceDBParameterGroupIdentifier": default,
    "TargetDBParameterGroupIdentifier": "charts",
    "TargetDBParameterGroupDescription": "d",
}
made = rds.copy_db_parameter_group(**copy)["DBParameterGroup"]
refused(rds.exceptions.DBParameterGroupAlreadyExistsFault, rds.copy_db_parameter_group, **copy)
refused(rds.exceptions.DBParameterGroupNotFoundFault, rds.describe_db_parameters, DBParameterGroupName="nobody")
family = made["DBParameterGroupFamily"]
rds.create_db_parameter_group(DBParameterGroupName="other", DBParameterGroupFamily=family, Description="d")
refused(
    "InvalidParameterValue",
    rds.create_db_parameter_group,
    DBParameterGroupName="third",
    DBParameterGroupFamily="oracle-ee-19",
    Description="d",
)
for name, value, method, code in [
    ("no_such_parameter", "1", "immediate", "InvalidParameterValue"),
    ("wal_level", "logical", "pending-reboot", "InvalidParameterValue"),
    ("ssl", "0", "pending-reboot", "InvalidParameterValue"),
    ("rds.force_ssl", "maybe", "immediate", "InvalidParameterValue"),
    ("rds.logical_replication", "1", "immediate", "InvalidParameterCombination"),
]:
    change = [{"ParameterName": name, "ParameterValue": value, "ApplyMethod": method}]
    refused(code, rds.modify_db_parameter_group, DBParameterGroupName="charts", Parameters=change)

# Attached, it waits for a reboot; a static change in it too.
equal(applied(), "in-sync")
rds.modify_db_instance(DBInstanceIdentifier=NAME, DBParameterGroupName="charts", ApplyImmediately=True)
equal(applied(), "pending-reboot")
set_to("charts", "rds.logical_replication", "1", "pending-reboot")
set_to("charts", "max_replication_slots", "17", "pending-reboot")
equal(parameter("charts", "rds.logical_replication")["Source"], "user")
equal(ask("show wal_level"), "replica")


def reboot():
    rds.reboot_db_instance(DBInstanceIdentifier=NAME)
    equal(instance()["DBInstanceStatus"], "rebooting")
    refused(rds.exceptions.InvalidDBInstanceStateFault, rds.reboot_db_instance, DBInstanceIdentifier=NAME)
    wanted = {"DBInstanceIdentifier": NAME, "WaiterConfig": {"Delay": 1, "MaxAttempts": 60}}
    rds.get_waiter("db_instance_available").wait(**wanted)


reboot()
equal(applied(), "in-sync")
equal((ask("show wal_level"), ask("show max_replication_slots")), ("logical", "17"))

# A dynamic change holds at once, on the server itself.
equal(ask("plaintext"), "refused")
set_to("charts", "rds.force_ssl", "0", "immediate")
assert applied() in ["applying", "in-sync"], applied()
wait("the parameter to be in sync", lambda: applied() == "in-sync")
equal(ask("plaintext"), "accepted")
set_to("charts", "rds.force_ssl", "1", "immediate")
wait("plaintext to be refused again", lambda: ask("plaintext") == "refused")

# Another group takes back what only the old one said.
rds.modify_db_instance(DBInstanceIdentifier=NAME, DBParameterGroupName="other", ApplyImmediately=True)
refused(rds.exceptions.InvalidDBParameterGroupStateFault, rds.delete_db_parameter_group, DBParameterGroupName="other")
reboot()
equal(ask("show wal_level"), "replica")
rds.delete_db_parameter_group(DBParameterGroupName="charts")

# The target: dynamic variables are set on the server.
group = rds.describe_db_instances(DBInstanceIdentifier="charts-target")["DBInstances"][0]["DBParameterGroups"][0][
    "DBParameterGroupName"
]
rds.copy_db_parameter_group(
    SourceDBParameterGroupIdentifier=group,
    TargetDBParameterGroupIdentifier="tgt",
    TargetDBParameterGroupDescription="d",
)
rds.modify_db_instance(DBInstanceIdentifier="charts-target", DBParameterGroupName="tgt", ApplyImmediately=True)
equal(ask("variable local_infile"), "1")
set_to("tgt", "local_infile", "0", "immediate")
wait("the variable", lambda: ask("variable local_infile") == "0")

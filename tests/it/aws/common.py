"""What the scenarios share: clients that know only the simulator, waiting, and asking the test that runs them."""

import json
import os
import sys
import time

import boto3
import botocore.exceptions
from botocore.config import Config

GIVEN = json.loads(os.environ["GIVEN"])


def client(service, attempts=1):
    """A client of the simulator; it does not try again unless told so."""
    return boto3.client(
        service,
        region_name="eu-west-2",
        endpoint_url=os.environ["SIMULATOR"],
        aws_access_key_id="simulation",
        aws_secret_access_key="simulation",
        config=Config(retries={"total_max_attempts": attempts, "mode": "standard"}, read_timeout=60),
    )


def ask(what):
    """Lets the test do something, and waits until it is done; gives its answer."""
    print(f"ask {what}", flush=True)
    return sys.stdin.readline().strip()


def wait(what, condition, seconds=90):
    """Waits until the condition gives something, and gives that."""
    begun = time.monotonic()
    end = begun + seconds
    while True:
        found = condition()
        if found:
            if time.monotonic() > begun + 3:
                print(f"waited {time.monotonic() - begun:.0f} s for: {what}", flush=True)
            return found
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain for: {what}")
        time.sleep(0.1)


def refused(exception, call, **arguments):
    """The message of a call that must fail with this typed exception of the client, or with this code."""
    code = exception if isinstance(exception, str) else None
    try:
        call(**arguments)
    except botocore.exceptions.ClientError as error:
        if code is not None:
            assert error.response["Error"]["Code"] == code, error
        else:
            assert isinstance(error, exception), f"{type(error)}: {error}"
        return error.response["Error"]["Message"]
    raise AssertionError(f"{arguments} was not refused")


def equal(is_, wanted):
    assert is_ == wanted, f"{is_!r} is not {wanted!r}"


# ---- the ways of a DMS user -----------------------------------------------------------------------------------------


def instance(dms, name="charts-ri"):
    """The subnet group and the instance, available; gives its ARN."""
    rds = client("rds")
    subnets = rds.describe_db_subnet_groups()["DBSubnetGroups"][0]["Subnets"]
    dms.create_replication_subnet_group(
        ReplicationSubnetGroupIdentifier=f"{name}-subnets",
        ReplicationSubnetGroupDescription="d",
        SubnetIds=[s["SubnetIdentifier"] for s in subnets],
    )
    made = dms.create_replication_instance(
        ReplicationInstanceIdentifier=name,
        ReplicationInstanceClass="dms.t3.medium",
        ReplicationSubnetGroupIdentifier=f"{name}-subnets",
        Tags=[{"Key": "owner", "Value": "test"}],
    )["ReplicationInstance"]
    equal(made["ReplicationInstanceStatus"], "creating")
    arn = made["ReplicationInstanceArn"]
    waiter = dms.get_waiter("replication_instance_available")
    waiter.wait(
        Filters=[{"Name": "replication-instance-arn", "Values": [arn]}], WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    return arn


def endpoint(dms, side, name, **more):
    """An endpoint on one of the given servers; gives its ARN."""
    at = GIVEN[side]
    arguments = {
        "EndpointIdentifier": name,
        "EndpointType": side,
        "EngineName": at["engine"],
        "ServerName": "localhost",
        "Port": at["port"],
        "Username": at["user"],
        "Password": at["password"],
        "DatabaseName": at["database"],
    }
    return dms.create_endpoint(**{**arguments, **more})["Endpoint"]["EndpointArn"]


def certificate(dms, name="rds-bundle"):
    made = dms.import_certificate(CertificateIdentifier=name, CertificatePem=GIVEN["ca"])
    return made["Certificate"]["CertificateArn"]


def tested(dms, instance_arn, endpoint_arn):
    """Tests a connection; gives its status and the words of its failure."""
    dms.test_connection(ReplicationInstanceArn=instance_arn, EndpointArn=endpoint_arn)
    wanted = [
        {"Name": "endpoint-arn", "Values": [endpoint_arn]},
        {"Name": "replication-instance-arn", "Values": [instance_arn]},
    ]

    def ended():
        connection = dms.describe_connections(Filters=wanted)["Connections"][0]
        return connection if connection["Status"] != "testing" else None

    connection = wait("the connection test", ended)
    return connection["Status"], connection.get("LastFailureMessage", "")


def mappings(*tables, rename=None):
    """Table mappings that include these tables of schema public."""
    rules = [
        {
            "rule-type": "selection",
            "rule-id": str(n),
            "rule-name": str(n),
            "rule-action": "include",
            "object-locator": {"schema-name": "public", "table-name": table},
        }
        for n, table in enumerate(tables, 1)
    ]
    if rename:
        rules.append(
            {
                "rule-type": "transformation",
                "rule-id": "90",
                "rule-name": "90",
                "rule-target": "schema",
                "rule-action": "rename",
                "object-locator": {"schema-name": "public"},
                "value": rename,
            }
        )
    return json.dumps({"rules": rules})


def task(dms, arn):
    found = dms.describe_replication_tasks(Filters=[{"Name": "replication-task-arn", "Values": [arn]}])
    return found["ReplicationTasks"][0]


def in_status(dms, arn, *statuses):
    """Waits until the task has one of these statuses."""
    return wait(f"{arn} to be {statuses}", lambda: next((t for t in [task(dms, arn)] if t["Status"] in statuses), None))


def statistics(dms, arn):
    """The statistics of a task's tables by name."""
    pages = dms.get_paginator("describe_table_statistics").paginate(ReplicationTaskArn=arn)
    return {t["TableName"]: t for page in pages for t in page["TableStatistics"]}

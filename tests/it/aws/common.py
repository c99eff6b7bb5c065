"""What the scenarios share: clients that know only the simulator, waiting, and asking the test that runs them."""

import json
import os
import sys
import time
import xml.etree.ElementTree as xml

import boto3
import botocore.exceptions
from botocore.config import Config

GIVEN = json.loads(os.environ["GIVEN"])


def client(service, attempts=1):
    """A client of the simulator; it does not try again unless told so."""
    made = boto3.client(
        service,
        region_name="eu-west-2",
        endpoint_url=os.environ["SIMULATOR"],
        aws_access_key_id="simulation",
        aws_secret_access_key="simulation",
        config=Config(retries={"total_max_attempts": attempts, "mode": "standard"}, read_timeout=60),
    )
    made.meta.events.register("before-parse", hold_against_model)
    return made


def hold_against_model(operation_model, response_dict, **_):
    """A parser passes over members that the model does not have; here they are a mistake, and so are other types."""
    assert response_dict["headers"]["x-simulation"], "it does not say that it is a simulation"
    if response_dict["status_code"] >= 300 or operation_model.output_shape is None:
        return
    name, body = operation_model.name, response_dict["body"]
    if operation_model.service_model.protocol == "rest-xml":
        of_rest(operation_model.output_shape, response_dict, name)
    elif b"<" == body[:1]:
        root = xml.fromstring(body)
        assert root.tag.endswith(f"{name}Response"), root.tag
        if operation_model.service_model.protocol == "ec2":
            # Without a wrapper around the result; the model does not have the request's identifier.
            result = [child for child in root if not child.tag.endswith("}requestId")]
            assert len(result) == len(root) - 1, "it has no request identifier"
        else:
            result = root[0]
            assert result.tag.endswith(f"{name}Result"), result.tag
        of_xml(operation_model.output_shape, result, name)
    elif response_dict["headers"]["content-type"].startswith("application/x-amz-json"):
        of_json(operation_model.output_shape, json.loads(body), name)


JSON_TYPES = {
    "string": str,
    "blob": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "double": (int, float),
    "timestamp": (int, float),
}


def of_json(shape, value, path):
    if value is None:
        return
    if shape.type_name == "structure":
        for name, inner in value.items():
            assert name in shape.members, f"{path} has no member {name}"
            of_json(shape.members[name], inner, f"{path}.{name}")
        missing = [name for name in shape.required_members if name not in value]
        assert not missing, f"{path} lacks {missing}"
    elif shape.type_name == "list":
        for inner in value:
            of_json(shape.member, inner, f"{path}[]")
    elif shape.type_name == "map":
        for inner in value.values():
            of_json(shape.value, inner, f"{path}{{}}")
    else:
        fits = isinstance(value, JSON_TYPES[shape.type_name])
        assert fits and (
            shape.type_name == "boolean" or not isinstance(value, bool)
        ), f"{path}: {value!r} is no {shape.type_name}"


def of_rest(shape, response, name):
    """S3: members are headers, or the body's root is one of them, or the body's elements are."""
    headers = [m for m in shape.members.values() if m.serialization.get("location") == "header"]
    body = response["body"]
    payload = shape.serialization.get("payload")
    if len(headers) == len(shape.members):
        assert not body, f"{name} has a body: {body}"
    elif payload and shape.members[payload].type_name == "string":
        assert json.loads(body), f"{name} has no text"
    else:
        root = xml.fromstring(body)
        namespace, tag = root.tag[1:].split("}")
        assert namespace == "http://s3.amazonaws.com/doc/2006-03-01/", namespace
        if tag in shape.members:
            assert payload in [tag, None] and len(shape.members) == 1, f"the root of {name} is {tag}"
            of_xml(shape.members[tag], root, name)
        else:
            assert payload is None and tag.endswith("Result"), f"the root of {name} is {tag}"
            of_xml(shape, root, name)


def of_xml(shape, element, path):
    if shape.type_name == "structure":
        members = {m.serialization.get("name", name): m for name, m in shape.members.items()}
        for child in element:
            name = child.tag.rsplit("}", 1)[-1]
            assert name in members, f"{path} has no member {name}"
            member = members[name]
            # Elements of a flattened list stand where the list would.
            of_xml(member.member if member.serialization.get("flattened") else member, child, f"{path}.{name}")
    elif shape.type_name == "list":
        name = shape.member.serialization.get("name", "member")
        for child in element:
            assert child.tag.rsplit("}", 1)[-1] == name, f"the elements of {path} are {child.tag}, not {name}"
            of_xml(shape.member, child, f"{path}[]")
    else:
        assert len(element) == 0, f"{path} is no structure"
        text = element.text or ""
        kinds = {"boolean": lambda: text in ["true", "false"], "integer": lambda: int(text) is not None}
        assert kinds.get(shape.type_name, lambda: True)(), f"{path}: {text!r} is no {shape.type_name}"


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

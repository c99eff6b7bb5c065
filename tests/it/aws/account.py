"""Every read of every service parses with botocore's models; refusals are its typed exceptions; pages are its pages."""

import datetime

import botocore.exceptions
from common import GIVEN, ask, client, endpoint, equal, in_status, instance, mappings, refused, tested, wait

rds, dms, iam = client("rds"), client("dms"), client("iam")

# RDS: the two instances are the two servers.
instances = {i["DBInstanceIdentifier"]: i for i in rds.describe_db_instances()["DBInstances"]}
source, target = instances["charts-source"], instances["charts-target"]
equal(source["Endpoint"]["Port"], GIVEN["source"]["port"])
equal(target["Endpoint"]["Port"], GIVEN["target"]["port"])
equal(source["Engine"], "postgres")
equal(target["Engine"], GIVEN["target"]["engine"])
assert "DBName" not in source and target["DBName"] == "charts", (source, target)
assert source["InstanceCreateTime"].tzinfo is not None
equal(source["DBParameterGroups"][0]["ParameterApplyStatus"], "in-sync")
equal(rds.describe_db_instances(Filters=[{"Name": "engine", "Values": ["postgres"]}])["DBInstances"], [source])
equal(rds.describe_db_clusters()["DBClusters"], [])
equal(rds.describe_db_proxies()["DBProxies"], [])
equal(len(source["DBSubnetGroup"]["Subnets"]), 3)
equal(rds.describe_certificates()["Certificates"][0]["CertificateIdentifier"], "rds-ca-rsa2048-g1")
equal(rds.describe_pending_maintenance_actions()["PendingMaintenanceActions"], [])
assert rds.describe_events()["Events"][0]["Message"]
versions = rds.describe_db_engine_versions(Engine="postgres")["DBEngineVersions"]
equal(versions[0]["EngineVersion"], source["EngineVersion"])
guarded = {"DeletionProtection": True, "BackupRetentionPeriod": 7, "PubliclyAccessible": True}
changed = rds.modify_db_instance(DBInstanceIdentifier="charts-target", ApplyImmediately=True, **guarded)["DBInstance"]
equal({name: changed[name] for name in guarded}, guarded)
refused("InvalidParameterValue", rds.modify_db_instance, DBInstanceIdentifier="charts-target", BackupRetentionPeriod=36)
arn = source["DBInstanceArn"]
rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "k", "Value": "<&>"}])
assert {"Key": "k", "Value": "<&>"} in rds.list_tags_for_resource(ResourceName=arn)["TagList"]
refused(rds.exceptions.DBInstanceNotFoundFault, rds.describe_db_instances, DBInstanceIdentifier="nobody")
refused(rds.exceptions.DBClusterNotFoundFault, rds.describe_db_clusters, DBClusterIdentifier="nobody")
refused(rds.exceptions.DBProxyNotFoundFault, rds.describe_db_proxies, DBProxyName="nobody")
refused(rds.exceptions.DBSubnetGroupNotFoundFault, rds.describe_db_subnet_groups, DBSubnetGroupName="nobody")
refused(rds.exceptions.CertificateNotFoundFault, rds.describe_certificates, CertificateIdentifier="nobody")
refused("InvalidParameterValue", rds.describe_db_instances, MaxRecords=19)
group = source["DBParameterGroups"][0]["DBParameterGroupName"]
pages = list(
    rds.get_paginator("describe_db_parameters").paginate(DBParameterGroupName=group, PaginationConfig={"PageSize": 50})
)
parameters = [p for page in pages for p in page["Parameters"]]
assert len(pages) > 3 and len({p["ParameterName"] for p in parameters}) == len(parameters), len(pages)
for side in [source, target]:
    name = side["DBParameterGroups"][0]["DBParameterGroupName"]
    equal(
        rds.describe_db_parameter_groups(DBParameterGroupName=name)["DBParameterGroups"][0]["DBParameterGroupName"],
        name,
    )

# STS and Secrets Manager.
caller = client("sts").get_caller_identity()
equal(caller["Account"], "000000000000")
secrets = client("secretsmanager")
made = secrets.create_secret(Name="charts/source", SecretString="s", Tags=[{"Key": "a", "Value": "b"}])
equal(secrets.get_secret_value(SecretId="charts/source")["SecretString"], "s")
equal(secrets.describe_secret(SecretId=made["ARN"])["Tags"], [{"Key": "a", "Value": "b"}])
refused(secrets.exceptions.ResourceExistsException, secrets.create_secret, Name="charts/source", SecretString="s")
secrets.delete_secret(SecretId=made["ARN"])
refused(secrets.exceptions.InvalidRequestException, secrets.get_secret_value, SecretId=made["ARN"])
refused(secrets.exceptions.ResourceNotFoundException, secrets.get_secret_value, SecretId="nobody")

# IAM: without its role DMS makes no subnet group.
subnets = [s["SubnetIdentifier"] for s in source["DBSubnetGroup"]["Subnets"]]
group = {"ReplicationSubnetGroupIdentifier": "g", "ReplicationSubnetGroupDescription": "d", "SubnetIds": subnets}
why = refused(dms.exceptions.AccessDeniedFault, dms.create_replication_subnet_group, **group)
assert "dms-vpc-role is not configured properly" in why, why
trust = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "dms.amazonaws.com"}, "Action": "sts:AssumeRole"}]}'
refused(iam.exceptions.NoSuchEntityException, iam.get_role, RoleName="dms-vpc-role")
iam.create_role(RoleName="dms-vpc-role", AssumeRolePolicyDocument=trust, Tags=[{"Key": "a", "Value": "b"}])
refused(dms.exceptions.AccessDeniedFault, dms.create_replication_subnet_group, **group)
policy = "arn:aws:iam::aws:policy/service-role/AmazonDMSVPCManagementRole"
iam.attach_role_policy(RoleName="dms-vpc-role", PolicyArn=policy)
equal(iam.list_attached_role_policies(RoleName="dms-vpc-role")["AttachedPolicies"][0]["PolicyArn"], policy)
role = iam.get_role(RoleName="dms-vpc-role")["Role"]
equal(role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"], {"Service": "dms.amazonaws.com"})
equal(iam.list_role_tags(RoleName="dms-vpc-role")["Tags"], [{"Key": "a", "Value": "b"}])
document = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}}'
iam.put_role_policy(RoleName="dms-vpc-role", PolicyName="own", PolicyDocument=document)
equal(iam.list_role_policies(RoleName="dms-vpc-role")["PolicyNames"], ["own"])
equal(
    iam.get_role_policy(RoleName="dms-vpc-role", PolicyName="own")["PolicyDocument"]["Statement"]["Action"],
    "s3:PutObject",
)
results = iam.simulate_principal_policy(PolicySourceArn=role["Arn"], ActionNames=["s3:PutObject", "s3:GetObject"])
equal([r["EvalDecision"] for r in results["EvaluationResults"]], ["allowed", "implicitDeny"])
refused(iam.exceptions.DeleteConflictException, iam.delete_role, RoleName="dms-vpc-role")

# DMS: what is offered, made, named twice, unknown, in use.
refused(dms.exceptions.InvalidSubnet, dms.create_replication_subnet_group, **{**group, "SubnetIds": ["subnet-x"]})
refused(
    dms.exceptions.ReplicationSubnetGroupDoesNotCoverEnoughAZs,
    dms.create_replication_subnet_group,
    **{**group, "SubnetIds": subnets[:1]},
)
dms.create_replication_subnet_group(**group)
refused(dms.exceptions.ResourceAlreadyExistsFault, dms.create_replication_subnet_group, **group)
assert dms.describe_orderable_replication_instances()["OrderableReplicationInstances"]
assert dms.describe_account_attributes()["AccountQuotas"]
assert dms.describe_endpoint_settings(EngineName="postgres")["EndpointSettings"]
nobody = "arn:aws:dms:eu-west-2:000000000000:task:NOBODY"
refused(dms.exceptions.ResourceNotFoundFault, dms.describe_table_statistics, ReplicationTaskArn=nobody)
refused(
    dms.exceptions.ResourceNotFoundFault,
    dms.start_replication_task,
    ReplicationTaskArn=nobody,
    StartReplicationTaskType="resume-processing",
)
refused(dms.exceptions.ResourceNotFoundFault, dms.delete_endpoint, EndpointArn=nobody)
refused(dms.exceptions.ResourceNotFoundFault, dms.list_tags_for_resource, ResourceArn=nobody)
wanted = [{"Name": "endpoint-id", "Values": ["nobody"]}]
refused(dms.exceptions.ResourceNotFoundFault, dms.describe_endpoints, Filters=wanted)
equal(dms.describe_endpoints()["Endpoints"], [])
refused("InvalidParameterValueException", dms.describe_endpoints, MaxRecords=101)
refused(
    "InvalidParameterValueException",
    dms.create_endpoint,
    EndpointIdentifier="bad_name",
    EndpointType="source",
    EngineName="postgres",
)
refused(
    "InvalidParameterValueException",
    dms.create_endpoint,
    EndpointIdentifier="e",
    EndpointType="target",
    EngineName="mysql",
    SslMode="require",
)
refused(
    "InvalidParameterCombinationException",
    dms.create_endpoint,
    EndpointIdentifier="e",
    EndpointType="target",
    EngineName="mysql",
    SslMode="verify-ca",
)
refused(dms.exceptions.InvalidCertificateFault, dms.import_certificate, CertificateIdentifier="c", CertificatePem="no")
made = dms.create_endpoint(
    EndpointIdentifier="E",
    EndpointType="source",
    EngineName="postgres",
    Password="hidden",
    PostgreSQLSettings={"SlotName": "s", "Password": "hidden"},
)["Endpoint"]
assert "hidden" not in str(dms.describe_endpoints()), "a password is told"
refused(
    dms.exceptions.ResourceAlreadyExistsFault,
    dms.create_endpoint,
    EndpointIdentifier="e",
    EndpointType="source",
    EngineName="postgres",
)
dms.add_tags_to_resource(ResourceArn=made["EndpointArn"], Tags=[{"Key": "a", "Value": "b"}, {"Key": "c", "Value": "d"}])
dms.remove_tags_from_resource(ResourceArn=made["EndpointArn"], TagKeys=["a"])
equal(dms.list_tags_for_resource(ResourceArn=made["EndpointArn"])["TagList"], [{"Key": "c", "Value": "d"}])

# Pages of a catalogue of 1,234 tables, by botocore's own paginator.
ri = instance(dms)
arn = dms.create_replication_task(
    ReplicationTaskIdentifier="many",
    SourceEndpointArn=made["EndpointArn"],
    TargetEndpointArn=endpoint(dms, "target", "charts-tgt"),
    ReplicationInstanceArn=ri,
    MigrationType="full-load",
    TableMappings=mappings("%"),
)["ReplicationTask"]["ReplicationTaskArn"]
ask(f"tables {arn} 1234")
for size, count in [(None, 13), (500, 3), (20, 62)]:
    settings = {"PageSize": size} if size else {}
    pages = list(
        dms.get_paginator("describe_table_statistics").paginate(ReplicationTaskArn=arn, PaginationConfig=settings)
    )
    names = {t["TableName"] for page in pages for t in page["TableStatistics"]}
    equal((len(pages), len(names)), (count, 1234))
wanted = [{"Name": "table-name", "Values": ["table_00007"]}]
one = dms.describe_table_statistics(ReplicationTaskArn=arn, Filters=wanted)["TableStatistics"]
equal((len(one), one[0]["FullLoadRows"]), (1, 7))
refused("InvalidParameterValueException", dms.describe_table_statistics, ReplicationTaskArn=arn, MaxRecords=501)

# The rest of DMS, each call once.
in_status(dms, arn, "ready")
changed = dms.modify_replication_task(ReplicationTaskArn=arn, MigrationType="cdc", TableMappings=mappings("a"))[
    "ReplicationTask"
]
equal((changed["MigrationType"], changed["Status"]), ("cdc", "ready"))
assert "BatchApplyEnabled" in changed["ReplicationTaskSettings"], "the defaults of the settings are not told"
short = dms.describe_replication_tasks(WithoutSettings=True)["ReplicationTasks"][0]
assert "TableMappings" not in short, short
wanted = [{"Name": "endpoint-arn", "Values": [changed["TargetEndpointArn"]]}]
equal(len(dms.describe_replication_tasks(Filters=wanted)["ReplicationTasks"]), 1)
assert dms.describe_applicable_individual_assessments(ReplicationTaskArn=arn)["IndividualAssessmentNames"]
dms.modify_replication_subnet_group(ReplicationSubnetGroupIdentifier="g", SubnetIds=subnets[:2])
equal(
    len(
        dms.describe_replication_subnet_groups(Filters=[{"Name": "replication-subnet-group-id", "Values": ["g"]}])[
            "ReplicationSubnetGroups"
        ][0]["Subnets"]
    ),
    2,
)
dms.delete_replication_subnet_group(ReplicationSubnetGroupIdentifier="g")
refused(
    dms.exceptions.InvalidResourceStateFault,
    dms.delete_replication_subnet_group,
    ReplicationSubnetGroupIdentifier="charts-ri-subnets",
)
shown = dms.modify_replication_instance(ReplicationInstanceArn=ri, AllocatedStorage=99)["ReplicationInstance"]
equal((shown["AllocatedStorage"], shown["ReplicationInstanceStatus"]), (99, "modifying"))
available = (
    lambda: dms.describe_replication_instances()["ReplicationInstances"][0]["ReplicationInstanceStatus"] == "available"
)
wait("the instance", available)
assert any("created" in e["Message"] for e in dms.describe_events(SourceType="replication-instance")["Events"])
equal(dms.describe_pending_maintenance_actions(ReplicationInstanceArn=ri)["PendingMaintenanceActions"], [])
certificate = dms.import_certificate(CertificateIdentifier="c", CertificatePem=GIVEN["ca"])["Certificate"][
    "CertificateArn"
]
refused(
    dms.exceptions.ResourceAlreadyExistsFault,
    dms.import_certificate,
    CertificateIdentifier="c",
    CertificatePem=GIVEN["ca"],
)
dms.delete_certificate(CertificateArn=certificate)
equal(tested(dms, ri, changed["TargetEndpointArn"])[0], "successful")
equal(
    dms.delete_connection(EndpointArn=changed["TargetEndpointArn"], ReplicationInstanceArn=ri)["Connection"]["Status"],
    "deleting",
)
config = dms.create_replication_config(
    ReplicationConfigIdentifier="config",
    SourceEndpointArn=changed["SourceEndpointArn"],
    TargetEndpointArn=changed["TargetEndpointArn"],
    ComputeConfig={"MaxCapacityUnits": 2, "ReplicationSubnetGroupId": "charts-ri-subnets"},
    ReplicationType="cdc",
    TableMappings=mappings("a"),
)["ReplicationConfig"]["ReplicationConfigArn"]
changed = dms.modify_replication_config(ReplicationConfigArn=config, ReplicationType="full-load")["ReplicationConfig"]
equal(dms.describe_replication_configs()["ReplicationConfigs"], [changed])
refused(dms.exceptions.InvalidResourceStateFault, dms.stop_replication, ReplicationConfigArn=config)
iam.tag_role(RoleName="dms-vpc-role", Tags=[{"Key": "a", "Value": "c"}])
iam.delete_role_policy(RoleName="dms-vpc-role", PolicyName="own")
iam.detach_role_policy(RoleName="dms-vpc-role", PolicyArn=policy)
iam.delete_role(RoleName="dms-vpc-role")
equal(
    client("secretsmanager").delete_secret(SecretId="charts/source", ForceDeleteWithoutRecovery=True)["Name"],
    "charts/source",
)

# CloudWatch, in CBOR.
cloudwatch = client("cloudwatch")
ask("metric")
now = datetime.datetime.now(datetime.timezone.utc)
metric = {
    "Namespace": "AWS/RDS",
    "MetricName": "FreeStorageSpace",
    "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": "charts-source"}],
}
query = {"Id": "free", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Minimum"}}
hour = datetime.timedelta(hours=1)
result = cloudwatch.get_metric_data(MetricDataQueries=[query], StartTime=now - hour, EndTime=now + hour)[
    "MetricDataResults"
][0]
equal(result["Values"], [12345.5])
assert abs(result["Timestamps"][0] - now) < hour, result
equal(cloudwatch.list_metrics(Namespace="AWS/RDS")["Metrics"], [metric])
equal(cloudwatch.list_metrics(Namespace="AWS/RDS", MetricName="CPUUtilization")["Metrics"], [])
equal(cloudwatch.describe_alarms()["MetricAlarms"], [])
alarm = {
    **metric,
    "AlarmName": "free",
    "Statistic": "Minimum",
    "Period": 300,
    "EvaluationPeriods": 3,
    "Threshold": 5e9,
    "ComparisonOperator": "LessThanThreshold",
}
cloudwatch.put_metric_alarm(**{**alarm, "Threshold": 1.5})
cloudwatch.put_metric_alarm(**alarm)
(kept,) = cloudwatch.describe_alarms_for_metric(**metric)["MetricAlarms"]
equal({name: kept[name] for name in alarm}, alarm)
equal((kept["StateValue"], kept["ActionsEnabled"]), ("INSUFFICIENT_DATA", True))
assert kept["AlarmConfigurationUpdatedTimestamp"].tzinfo is not None
other = {**metric, "Dimensions": []}
equal(cloudwatch.describe_alarms_for_metric(**other)["MetricAlarms"], [])
equal(cloudwatch.describe_alarms(AlarmNamePrefix="fr")["MetricAlarms"], [kept])
refused("ValidationError", cloudwatch.put_metric_alarm, **{**alarm, "Period": 45})
refused("ValidationError", cloudwatch.put_metric_alarm, **{**alarm, "EvaluationPeriods": 300})
refused("InvalidParameterCombination", cloudwatch.put_metric_alarm, **alarm, ExtendedStatistic="p90")
refused("ResourceNotFound", cloudwatch.delete_alarms, AlarmNames=["free", "nobody"])
cloudwatch.delete_alarms(AlarmNames=["free"])
equal(cloudwatch.describe_alarms()["MetricAlarms"], [])
logs = client("logs")
equal(logs.describe_log_groups()["logGroups"], [])
refused(logs.exceptions.ResourceNotFoundException, logs.get_log_events, logGroupName="g", logStreamName="s")
refused(logs.exceptions.ResourceNotFoundException, logs.put_retention_policy, logGroupName="g", retentionInDays=30)

# Faults, in each protocol's own words.
for service, call, codes in [
    ("dms", "describe_endpoints", ["ThrottlingException", "ExpiredTokenException", "AccessDeniedException"]),
    ("rds", "describe_db_instances", ["Throttling", "ExpiredToken", "AccessDenied"]),
    ("cloudwatch", "describe_alarms", ["ThrottlingException", "ExpiredTokenException", "AccessDeniedException"]),
]:
    for code in codes:
        ask(f"fault {code.removesuffix('Exception')}")
        why = refused(code, getattr(client(service), call))
        assert code != "AccessDenied" or "rds:DescribeDBInstances" in why, why
ask("fault Close")
try:
    dms.describe_endpoints()
    raise AssertionError("the connection was not closed")
except botocore.exceptions.ConnectionClosedError:
    pass
# A client that tries again gets through.
ask("fault Throttling")
client("dms", attempts=3).describe_endpoints()

"""Glue: a job and its connection, runs that succeed and runs that fail, pages of them."""

import datetime

from common import ask, client, equal, refused, wait

glue, iam, ec2 = client("glue"), client("iam"), client("ec2")
no, bad = glue.exceptions.EntityNotFoundException, glue.exceptions.InvalidInputException
database = client("rds").describe_db_instances()["DBInstances"][0]
group = database["VpcSecurityGroups"][0]["VpcSecurityGroupId"]
subnet = database["DBSubnetGroup"]["Subnets"][0]["SubnetIdentifier"]

# A connection, whose password is hidden where it is asked for.
place = {"SubnetId": subnet, "SecurityGroupIdList": [group], "AvailabilityZone": "eu-west-2a"}
properties = {"JDBC_CONNECTION_URL": "jdbc:mysql://localhost:3306/charts", "JDBC_ENFORCE_SSL": "true", "USERNAME": "glue"}
connection = {
    "Name": "charts-target",
    "ConnectionType": "JDBC",
    "ConnectionProperties": {**properties, "PASSWORD": "hidden"},
    "PhysicalConnectionRequirements": place,
}
refused(bad, glue.create_connection, ConnectionInput={**connection, "ConnectionProperties": {"USERNAME": "glue"}})
glue.create_connection(ConnectionInput=connection)
refused(glue.exceptions.AlreadyExistsException, glue.create_connection, ConnectionInput=connection)
told = glue.get_connection(Name="charts-target", HidePassword=True)["Connection"]
equal((told["ConnectionProperties"], told["PhysicalConnectionRequirements"]), (properties, place))
assert told["CreationTime"].tzinfo is not None and told["Status"] == "READY", told
equal(glue.get_connection(Name="charts-target")["Connection"]["ConnectionProperties"]["PASSWORD"], "hidden")
assert "hidden" not in str(glue.get_connections(HidePassword=True)["ConnectionList"]), "a password is told"
equal(glue.get_connections(Filter={"ConnectionType": "KAFKA"})["ConnectionList"], [])
refused(no, glue.get_connection, Name="nobody")

# A job.
job = {
    "Role": "charts-glue",
    "Command": {"Name": "glueetl", "ScriptLocation": "s3://charts-cdc/apply.py", "PythonVersion": "3"},
    "Connections": {"Connections": ["charts-target"]},
    "DefaultArguments": {"--job-bookmark-option": "job-bookmark-enable"},
    "GlueVersion": "4.0",
    "WorkerType": "G.1X",
    "NumberOfWorkers": 3,
}
refused(no, glue.get_job, JobName="charts-apply")
refused(no, glue.get_job_runs, JobName="charts-apply")
why = refused(bad, glue.create_job, Name="charts-apply", **{**job, "Connections": {"Connections": []}})
equal(why, "Connections list should not be null or empty.")
refused(bad, glue.create_job, Name="charts-apply", **{**job, "Command": {"Name": "make"}})
equal(glue.create_job(Name="charts-apply", **job)["Name"], "charts-apply")
refused(glue.exceptions.AlreadyExistsException, glue.create_job, Name="charts-apply", **job)
told = glue.get_job(JobName="charts-apply")["Job"]
equal({name: told[name] for name in job}, job)
equal((told["MaxCapacity"], told["Timeout"], told["MaxRetries"]), (3.0, 2880, 0))
equal(told["ExecutionProperty"]["MaxConcurrentRuns"], 1)


def ended(run):
    def look():
        told = glue.get_job_run(JobName="charts-apply", RunId=run)["JobRun"]
        return told if told["JobRunState"] not in ["STARTING", "RUNNING", "STOPPING"] else None

    return wait("the run", look)


def failed():
    """Starts a run that must fail, and gives its message."""
    told = ended(glue.start_job_run(JobName="charts-apply")["JobRunId"])
    equal(told["JobRunState"], "FAILED")
    assert told["ErrorMessage"].startswith(f"JobName:charts-apply and JobRunId:{told['Id']} failed to execute"), told
    return told["ErrorMessage"]


# What does not let it begin: the role, the network, a connection that is gone.
assert "role/charts-glue should be given assume role permissions" in failed()
trust = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole"}]}'
iam.create_role(RoleName="charts-glue", AssumeRolePolicyDocument=trust)
itself = {"GroupId": group, "IpPermissions": [{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}]}
ports = {"FromPort": 0, "ToPort": 65535, "IpProtocol": "tcp"}
others = {"GroupId": group, "IpPermissions": [{**ports, "IpRanges": [{"CidrIp": "10.51.0.0/16"}]}]}
ec2.revoke_security_group_ingress(**itself)
ec2.authorize_security_group_ingress(**others)
assert "At least one security group must open all ingress ports" in failed()
ec2.revoke_security_group_ingress(**others)
ec2.authorize_security_group_ingress(
    GroupId=group, IpPermissions=[{**ports, "UserIdGroupPairs": [{"GroupId": group}]}]
)
elsewhere = {**job, "Connections": {"Connections": ["nobody"]}}
glue.update_job(JobName="charts-apply", JobUpdate=elsewhere)
assert "nobody" in failed()
glue.update_job(JobName="charts-apply", JobUpdate={**job, "Role": "arn:aws:iam::000000000000:role/charts-glue"})
refused(no, glue.update_job, JobName="nobody", JobUpdate=job)

# A run that succeeds, alone.
ask("slowly")
run = glue.start_job_run(JobName="charts-apply", Arguments={"--day": "1"}, NumberOfWorkers=5)["JobRunId"]
told = glue.get_job_run(JobName="charts-apply", RunId=run)["JobRun"]
equal((told["JobRunState"], told["Arguments"], told["MaxCapacity"]), ("STARTING", {"--day": "1"}, 5.0))
assert "CompletedOn" not in told and told["StartedOn"].tzinfo is not None, told
why = refused(glue.exceptions.ConcurrentRunsExceededException, glue.start_job_run, JobName="charts-apply")
equal(why, "Concurrent runs exceeded for charts-apply")
state = lambda: glue.get_job_run(JobName="charts-apply", RunId=run)["JobRun"]["JobRunState"]
wait("the run to go", lambda: state() == "RUNNING")
equal(ended(run)["JobRunState"], "SUCCEEDED")

# One that is stopped, and what cannot be.
other = glue.start_job_run(JobName="charts-apply")["JobRunId"]
answer = glue.batch_stop_job_run(JobName="charts-apply", JobRunIds=[other, run, "jr_0"])
equal(answer["SuccessfulSubmissions"], [{"JobName": "charts-apply", "JobRunId": other}])
equal([e["ErrorDetail"]["ErrorCode"] for e in answer["Errors"]], ["InvalidInputException", "EntityNotFoundException"])
equal(ended(other)["JobRunState"], "STOPPED")
why = refused(no, glue.start_job_run, JobName="nobody")
equal(why, "Failed to start job run due to missing metadata.")
refused(no, glue.get_job_run, JobName="charts-apply", RunId="jr_0")

# A failure as the test writes it down; it is older than all, and so the last of them.
written = ask("written")
runs = glue.get_job_runs(JobName="charts-apply")["JobRuns"]
equal((len(runs), runs[0]["Id"], runs[-1]["Id"]), (6, other, written))
last = runs[-1]
equal((last["JobRunState"], last["ErrorMessage"], last["GlueVersion"]), ("FAILED", "Communications link failure", "4.0"))
equal(last["CompletedOn"] - last["StartedOn"], datetime.timedelta(seconds=90))
pages = glue.get_paginator("get_job_runs").paginate(JobName="charts-apply", PaginationConfig={"PageSize": 4})
equal([r["Id"] for page in pages for r in page["JobRuns"]], [r["Id"] for r in runs])
refused(bad, glue.get_job_runs, JobName="charts-apply", MaxResults=1, NextToken="5")

# Pages of jobs; what is deleted is gone, with its runs.
for n in range(5):
    glue.create_job(Name=f"other-{n}", Role="r", Command={"Name": "pythonshell"})
pages = list(glue.get_paginator("get_jobs").paginate(PaginationConfig={"PageSize": 4}))
equal([len(page["Jobs"]) for page in pages], [4, 2])
equal((pages[1]["Jobs"][1]["MaxCapacity"], pages[1]["Jobs"][1]["Timeout"]), (0.0625, 480))
equal(glue.list_jobs()["JobNames"], ["charts-apply"] + [f"other-{n}" for n in range(5)])
glue.delete_job(JobName="charts-apply")
glue.delete_job(JobName="charts-apply")
glue.create_job(Name="charts-apply", **job)
equal(glue.get_job_runs(JobName="charts-apply")["JobRuns"], [])
glue.delete_connection(ConnectionName="charts-target")
refused(no, glue.delete_connection, ConnectionName="charts-target")

"""S3: a bucket with its encryption, its public access block and its policy."""

import json

from common import ask, client, equal, refused

s3 = client("s3")
bucket = {"Bucket": "charts-cdc"}
here = {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-2"}}

# A bucket, once, in this region only.
equal(s3.list_buckets()["Buckets"], [])
refused("IllegalLocationConstraintException", s3.create_bucket, **bucket)
elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}
why = refused("IllegalLocationConstraintException", s3.create_bucket, **bucket, **elsewhere)
assert why.startswith("The eu-west-1 location constraint is incompatible"), why
refused("InvalidBucketName", s3.create_bucket, Bucket="Charts", **here)
equal(s3.create_bucket(**bucket, **here)["Location"], "/charts-cdc")
refused(s3.exceptions.BucketAlreadyOwnedByYou, s3.create_bucket, **bucket, **here)
(only,) = s3.list_buckets()["Buckets"]
equal(only["Name"], "charts-cdc")
assert only["CreationDate"].tzinfo is not None
equal(s3.get_bucket_location(**bucket)["LocationConstraint"], "eu-west-2")
equal(s3.head_bucket(**bucket)["BucketRegion"], "eu-west-2")


# New buckets are encrypted and closed.
def rule():
    (rule,) = s3.get_bucket_encryption(**bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    return rule["ApplyServerSideEncryptionByDefault"], rule["BucketKeyEnabled"]


def block():
    return s3.get_public_access_block(**bucket)["PublicAccessBlockConfiguration"]


def encrypt(key_of_bucket, **by_default):
    rule = {"ApplyServerSideEncryptionByDefault": by_default, "BucketKeyEnabled": key_of_bucket}
    s3.put_bucket_encryption(**bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})


equal(rule(), ({"SSEAlgorithm": "AES256"}, False))
key = "arn:aws:kms:eu-west-2:000000000000:key/a&b"
encrypt(True, SSEAlgorithm="aws:kms", KMSMasterKeyID=key)
equal(rule(), ({"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}, True))
refused("InvalidArgument", encrypt, key_of_bucket=False, SSEAlgorithm="AES256", KMSMasterKeyID=key)
refused("MalformedXML", encrypt, key_of_bucket=False, SSEAlgorithm="ROT13")
s3.delete_bucket_encryption(**bucket)
equal(rule(), ({"SSEAlgorithm": "AES256"}, False))
names = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"]
equal(block(), {name: True for name in names})


# The policy: a public one is refused until the block allows it.
def policy(principal, **more):
    statement = {"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::charts-cdc/*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, **more}]})


refused("NoSuchBucketPolicy", s3.get_bucket_policy, **bucket)
refused("NoSuchBucketPolicy", s3.get_bucket_policy_status, **bucket)
refused("MalformedPolicy", s3.put_bucket_policy, **bucket, Policy="no")
own = policy({"AWS": "arn:aws:iam::000000000000:root"})
s3.put_bucket_policy(**bucket, Policy=own)
equal(s3.get_bucket_policy(**bucket)["Policy"], own)
equal(s3.get_bucket_policy_status(**bucket)["PolicyStatus"], {"IsPublic": False})
why = refused("AccessDenied", s3.put_bucket_policy, **bucket, Policy=policy("*"))
assert "prevented by the BlockPublicPolicy setting" in why, why
s3.put_public_access_block(**bucket, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
equal(block(), {name: name == "BlockPublicAcls" for name in names})
s3.put_bucket_policy(**bucket, Policy=policy("*"))
equal(s3.get_bucket_policy_status(**bucket)["PolicyStatus"], {"IsPublic": True})
s3.delete_public_access_block(**bucket)
refused("NoSuchPublicAccessBlockConfiguration", s3.get_public_access_block, **bucket)
s3.delete_bucket_policy(**bucket)
refused("NoSuchBucketPolicy", s3.get_bucket_policy_status, **bucket)

# Faults, in S3's words; a HEAD has no words, and its status is its code.
for which, code, head in [("Throttling", "SlowDown", "503"), ("ExpiredToken", "ExpiredToken", "400"), ("AccessDenied", "AccessDenied", "403")]:
    ask(f"fault {which}")
    why = refused(code, s3.get_bucket_encryption, **bucket)
    assert code != "AccessDenied" or "perform: s3:GetEncryptionConfiguration" in why, why
    ask(f"fault {which}")
    refused(head, s3.head_bucket, **bucket)

# What is not there, and what is not simulated.
why = refused("NotImplemented", s3.list_objects_v2, **bucket)
assert "This is a simulation" in why, why
refused("NotImplemented", s3.put_object, **bucket, Key="raw/a", Body=b"x")
s3.delete_bucket(**bucket)
refused("404", s3.head_bucket, **bucket)
for call in [s3.get_bucket_location, s3.get_bucket_encryption, s3.get_public_access_block, s3.delete_bucket]:
    refused("NoSuchBucket", call, **bucket)

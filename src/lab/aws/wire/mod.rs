//! AWS's protocols: what is asked, from bytes; what is answered, to bytes. Pure.
//!
//! Results are one plain value in all of them, in the members' names on the wire. A list in XML is an object whose one
//! member is the elements' name: `{"DBInstances": {"DBInstance": […]}}`. What is special about S3's is told in [`rest`].

mod cbor;
mod query;
mod rest;
mod xml;

use serde_json::{Value, json};

use super::errors::{Answer, AwsError};
use super::input::Input;

/// An AWS service of the simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    Rds,
    Dms,
    Ec2,
    Iam,
    Sts,
    Secrets,
    CloudWatch,
    Logs,
    Glue,
    S3,
}

/// The form of a call, which its answer has too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json(&'static str),
    Query,
    /// The query protocol with EC2's own answers.
    Ec2,
    Cbor,
    /// S3's own: the call is in method and URL.
    Rest,
}

/// What the dispatcher looks at of a request.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Head<'a> {
    /// `GET`, `PUT` …
    pub(super) method: &'a str,
    /// The path of the URL.
    pub(super) path: &'a str,
    /// What follows its question mark.
    pub(super) query: &'a str,
    /// `X-Amz-Target`.
    pub(super) target: Option<&'a str>,
    /// `Authorization`.
    pub(super) authorization: Option<&'a str>,
}

/// One call, understood.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    /// Whom it asks.
    pub(super) service: Service,
    /// As in the API reference.
    pub(super) operation: String,
    /// What it carries.
    pub(super) input: Input,
    form: Form,
}

/// An answer in bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    /// Further headers.
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

/// Services of the JSON protocol: the target's prefix, and the content type of answers.
const TARGETS: [(&str, Service, &str); 5] = [
    ("AmazonDMSv20160101", Service::Dms, "application/x-amz-json-1.1"),
    ("secretsmanager", Service::Secrets, "application/x-amz-json-1.1"),
    ("Logs_20140328", Service::Logs, "application/x-amz-json-1.1"),
    (CLOUDWATCH, Service::CloudWatch, "application/x-amz-json-1.0"),
    ("AWSGlue", Service::Glue, "application/x-amz-json-1.1"),
];
/// CloudWatch's name in targets, and in the paths of the CBOR protocol.
const CLOUDWATCH: &str = "GraniteServiceVersion20100801";

/// Services of the query protocol: version, the name that requests are signed for, namespace.
const VERSIONS: [(&str, Service, &str, &str); 4] = [
    ("2016-11-15", Service::Ec2, "ec2", "http://ec2.amazonaws.com/doc/2016-11-15/"),
    ("2014-10-31", Service::Rds, "rds", "http://rds.amazonaws.com/doc/2014-10-31/"),
    ("2010-05-08", Service::Iam, "iam", "https://iam.amazonaws.com/doc/2010-05-08/"),
    ("2011-06-15", Service::Sts, "sts", "https://sts.amazonaws.com/doc/2011-06-15/"),
];

impl Service {
    /// As permissions name it: `dms:DescribeEndpoints`.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Rds => "rds",
            Self::Dms => "dms",
            Self::Ec2 => "ec2",
            Self::Iam => "iam",
            Self::Sts => "sts",
            Self::Secrets => "secretsmanager",
            Self::CloudWatch => "cloudwatch",
            Self::Logs => "logs",
            Self::Glue => "glue",
            Self::S3 => "s3",
        }
    }
}

impl Call {
    /// Finds out who is asked for what: by the target header, by the path (CBOR), or by the parameters `Action` and
    /// `Version` together with the service that the request is signed for; what is signed for S3 is S3's, whatever its
    /// path. Beside the call, which its answer is written by, what is wrong with it.
    pub(super) fn read(head: Head<'_>, body: &[u8]) -> (Self, Option<AwsError>) {
        let (call, wrong) = match (head.target.and_then(|t| t.split_once('.')), head.path.strip_prefix("/service/")) {
            _ if head.authorization.and_then(signed_for) == Some("s3") => Self::rest(head, body),
            (Some((prefix, operation)), _) => Self::json(prefix, operation, body),
            (None, Some(path)) => Self::cbor(path, body),
            (None, None) => Self::query(head, body),
        };
        let unsigned = || AwsError::new(403, "MissingAuthenticationToken", "Missing Authentication Token");
        (call, if head.authorization.is_none() { Some(unsigned()) } else { wrong })
    }

    fn json(prefix: &str, operation: &str, body: &[u8]) -> (Self, Option<AwsError>) {
        let found = TARGETS.iter().find(|(name, ..)| *name == prefix);
        let (_, service, content_type) = found.unwrap_or(&TARGETS[0]);
        let input = serde_json::from_slice(if body.is_empty() { b"{}" } else { body });
        let wrong = match (found, &input) {
            (None, _) => Some(unknown(prefix)),
            (_, Err(_)) => Some(AwsError::bad("SerializationException", "The body is not valid JSON")),
            _ => None,
        };
        (Self::new(*service, operation, input.unwrap_or_default(), Form::Json(content_type)), wrong)
    }

    fn cbor(path: &str, body: &[u8]) -> (Self, Option<AwsError>) {
        let (service, operation) = path.split_once("/operation/").unwrap_or((path, ""));
        let input = cbor::read(body);
        let wrong = match &input {
            _ if service != CLOUDWATCH => Some(unknown(service)),
            None => Some(AwsError::bad("SerializationException", "The body is not CBOR")),
            Some(_) => None,
        };
        (Self::new(Service::CloudWatch, operation, input.unwrap_or_default(), Form::Cbor), wrong)
    }

    fn rest(head: Head<'_>, body: &[u8]) -> (Self, Option<AwsError>) {
        let (operation, input) = rest::read(head, body);
        let (input, wrong) = match input {
            Ok(input) => (input, None),
            Err(error) => (Value::Null, Some(error)),
        };
        (Self::new(Service::S3, &operation, input, Form::Rest), wrong)
    }

    fn query(head: Head<'_>, body: &[u8]) -> (Self, Option<AwsError>) {
        let mut input = query::read(body);
        let mut take = |name| match input.as_object_mut().and_then(|all| all.shift_remove(name)) {
            Some(Value::String(text)) => text,
            _ => String::new(),
        };
        let (operation, version) = (take("Action"), take("Version"));
        let signed_for = head.authorization.and_then(signed_for).unwrap_or_default();
        let fits = |v: &str, name: &str| v == version && (signed_for.is_empty() || name == signed_for);
        let found = VERSIONS.iter().find(|(v, _, name, _)| fits(v, name)).filter(|_| !operation.is_empty());
        let service = found.map_or(Service::Rds, |(_, service, ..)| *service);
        let wrong = found.is_none().then(|| unknown(&format!("{signed_for} {version}")));
        let form = if service == Service::Ec2 { Form::Ec2 } else { Form::Query };
        (Self::new(service, &operation, input, form), wrong)
    }

    fn new(service: Service, operation: &str, input: Value, form: Form) -> Self {
        Self { service, operation: operation.to_owned(), input: Input(input), form }
    }

    /// The permission that the call needs.
    pub(super) fn action(&self) -> String {
        let name = if self.form == Form::Rest { rest::permission(&self.operation) } else { &self.operation };
        format!("{}:{name}", self.service.prefix())
    }

    /// The refusal of a call that the simulation does not know.
    pub(super) fn unknown(&self) -> AwsError {
        let (status, code) = match self.form {
            Form::Query | Form::Ec2 => (400, "InvalidAction"),
            Form::Json(_) | Form::Cbor => (400, "UnknownOperationException"),
            Form::Rest => (501, "NotImplemented"),
        };
        AwsError::new(status, code, format!("This is a simulation, and it does not have {}", self.action()))
    }

    /// The answer in the call's own form.
    pub(super) fn write(&self, answer: &Answer, request: &str) -> Written {
        let status = answer.as_ref().err().map_or(200, |e| e.status);
        let (content_type, body) = match self.form {
            Form::Json(content_type) => (content_type, json_body(answer).to_string().into_bytes()),
            Form::Cbor => ("application/cbor", cbor::write(&json_body(answer))),
            Form::Rest => return rest::write(&self.operation, answer, request),
            Form::Ec2 | Form::Query => {
                let namespace = VERSIONS.iter().find(|(_, s, ..)| *s == self.service).map_or("", |v| v.3);
                let text = match answer {
                    Ok(value) if self.form == Form::Ec2 => xml::ec2_result(&self.operation, namespace, value, request),
                    Err(error) if self.form == Form::Ec2 => xml::ec2_error(error, request),
                    Ok(value) => xml::result(&self.operation, namespace, value, request),
                    Err(error) => xml::error(namespace, error, request),
                };
                ("text/xml", text.into_bytes())
            }
        };
        Written { status, content_type, headers: Vec::new(), body }
    }
}

fn json_body(answer: &Answer) -> Value {
    match answer {
        Ok(value) => value.clone(),
        Err(error) => json!({"__type": error.code, "message": error.message}),
    }
}

fn unknown(what: &str) -> AwsError {
    AwsError::new(404, "UnknownOperationException", format!("This is a simulation, and it does not have {what}"))
}

/// The service in the scope of a signature: `Credential=KEY/DATE/REGION/SERVICE/aws4_request`.
fn signed_for(authorization: &str) -> Option<&str> {
    let credential = authorization.split("Credential=").nth(1)?.split(',').next()?;
    credential.split('/').nth(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=K/20261126/eu-west-2/rds/aws4_request, SignedHeaders=host";

    fn read(target: Option<&str>, path: &str, body: &str) -> Result<(Service, String), String> {
        let head = Head { path, target, authorization: Some(SIGNED), ..Head::default() };
        match Call::read(head, body.as_bytes()) {
            (call, None) => Ok((call.service, call.operation)),
            (_, Some(wrong)) => Err(wrong.code),
        }
    }

    #[test]
    fn a_call_goes_to_the_service_that_it_names() {
        let dms = read(Some("AmazonDMSv20160101.DescribeEndpoints"), "/", "{}");
        assert_eq!(dms, Ok((Service::Dms, "DescribeEndpoints".into())));
        let logs = read(Some("Logs_20140328.GetLogEvents"), "/", "");
        assert_eq!(logs, Ok((Service::Logs, "GetLogEvents".into())));
        let rds = read(None, "/", "Action=DescribeDBInstances&Version=2014-10-31");
        assert_eq!(rds, Ok((Service::Rds, "DescribeDBInstances".into())));
        let path = "/service/GraniteServiceVersion20100801/operation/GetMetricData";
        let head = Head { path, authorization: Some(SIGNED), ..Head::default() };
        let (call, wrong) = Call::read(head, &[0xa0]);
        assert_eq!(wrong, None);
        assert_eq!(call.action(), "cloudwatch:GetMetricData");
        // What else the request looks like does not matter when it is signed for S3.
        let signed = SIGNED.replace("/rds/", "/s3/");
        let head = Head { method: "HEAD", path: "/service", authorization: Some(&signed), ..Head::default() };
        let (call, wrong) = Call::read(head, b"");
        assert_eq!((call.service, call.operation.as_str(), wrong), (Service::S3, "HeadBucket", None));
        assert_eq!(call.action(), "s3:ListBucket");
    }

    #[test]
    fn what_nobody_understands_is_refused_with_a_code() {
        for (target, body, code) in [
            (Some("DynamoDB_20120810.ListTables"), "{}", "UnknownOperationException"),
            (Some("AmazonDMSv20160101.DescribeEndpoints"), "{", "SerializationException"),
            // Signed for RDS, with the version of IAM.
            (None, "Action=GetRole&Version=2010-05-08", "UnknownOperationException"),
            (None, "", "UnknownOperationException"),
        ] {
            assert_eq!(read(target, "/", body), Err(code.to_owned()), "{target:?} {body}");
        }
        let head = Head { path: "/", target: Some("AmazonDMSv20160101.DescribeEndpoints"), ..Head::default() };
        assert_eq!(Call::read(head, b"{}").1.unwrap().code, "MissingAuthenticationToken");
    }

    #[test]
    fn errors_are_written_in_the_form_of_the_call() {
        let error = Err(AwsError::new(404, "DBInstanceNotFound", "DBInstance <x> not found."));
        let head = Head { path: "/", authorization: Some(SIGNED), ..Head::default() };
        let (call, _) = Call::read(head, b"Action=DescribeDBInstances&Version=2014-10-31");
        let written = call.write(&error, "r-1");
        assert_eq!((written.status, written.content_type), (404, "text/xml"));
        let text = String::from_utf8(written.body).unwrap();
        assert!(text.contains("<Code>DBInstanceNotFound</Code><Message>DBInstance &lt;x&gt; not found.</Message>"));
        let head = Head { target: Some("AmazonDMSv20160101.DescribeEndpoints"), ..head };
        let written = Call::read(head, b"{}").0.write(&error, "r-1");
        assert_eq!(written.body, br#"{"__type":"DBInstanceNotFound","message":"DBInstance <x> not found."}"#);
    }
}

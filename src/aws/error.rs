//! Errors of AWS calls, in classes.

use std::error::Error as StdError;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_rds::config::http::HttpResponse;
use aws_sdk_rds::error::{ProvideErrorMetadata, SdkError};

use crate::facts::{Unknown, UnknownKind};
use crate::pipeline::Aws;
use crate::quote::shell_word;
use crate::text;

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.describe())]
pub struct Error {
    /// The call's name in IAM: service and operation, such as `dms:DescribeEndpoints`.
    pub action: &'static str,
    /// What kind of failure.
    pub kind: ErrorKind,
    /// AWS's code, such as `ResourceNotFoundFault`; `None` where no service answered.
    pub code: Option<String>,
    /// The message in AWS's words, or what went wrong on the way.
    pub message: String,
    /// For AWS Support.
    pub request_id: Option<String>,
}

/// Classes of failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorKind {
    /// The login lacks this permission.
    Denied {
        /// As a policy names it, such as `dms:DescribeEndpoints`.
        permission: String,
    },
    /// No credentials, or such as AWS does not take (any more).
    Credentials {
        /// What to do about it.
        remedy: String,
    },
    /// Too many calls, even after waiting.
    Throttled,
    /// What was asked for is not there.
    NotFound,
    /// Nobody answers at this address.
    Unreachable {
        /// Where.
        endpoint: String,
    },
    /// Anything else.
    Other,
}

const CREDENTIALS: &[&str] = &[
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];
const DENIED: &[&str] = &["AuthorizationError", "NotAuthorized", "NotAuthorizedException", "UnauthorizedOperation"];
const THROTTLED: &[&str] = &["RequestLimitExceeded", "SlowDown", "TooManyRequestsException"];
const NOT_FOUND: &[&str] = &["NoSuchEntity", "NoSuchEntityException", "ValidationErrorNotFound"];

impl Error {
    /// The class of an SDK's error.
    pub(super) fn of<E>(aws: &Aws, action: &'static str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        if let SdkError::ServiceError(context) = error {
            let meta = context.err().meta();
            // A proxy, or a simulator that does not know the call.
            let status = format!("HTTP {}", context.raw().status().as_u16());
            let message = meta.message().unwrap_or("the answer has no reason");
            let mut error = Self::answered(aws, action, meta.code().unwrap_or(&status), message);
            error.request_id = meta.extra("aws_request_id").map(str::to_owned);
            return error;
        }
        let kind = match error {
            _ if has_credentials_error(error) => ErrorKind::Credentials { remedy: remedy(aws, "") },
            SdkError::TimeoutError(_) => unreachable(aws, action),
            SdkError::DispatchFailure(failure) if failure.is_io() || failure.is_timeout() => unreachable(aws, action),
            _ => ErrorKind::Other,
        };
        Self { action, kind, code: None, message: words(error), request_id: None }
    }

    /// A token that could not be signed; that takes credentials and nothing else.
    pub(super) fn signing(aws: &Aws, error: &(dyn StdError + 'static)) -> Self {
        let kind = ErrorKind::Credentials { remedy: remedy(aws, "") };
        Self { action: "rds-db:connect", kind, code: None, message: words(error), request_id: None }
    }

    /// The class of what a service answered.
    fn answered(aws: &Aws, action: &'static str, code: &str, message: &str) -> Self {
        let kind = if CREDENTIALS.contains(&code) {
            ErrorKind::Credentials { remedy: remedy(aws, code) }
        } else if code.starts_with("AccessDenied") || DENIED.contains(&code) {
            ErrorKind::Denied { permission: permission(message).unwrap_or(action).to_owned() }
        } else if code.contains("Throttl") || THROTTLED.contains(&code) {
            ErrorKind::Throttled
        } else if code.contains("NotFound") || NOT_FOUND.contains(&code) {
            ErrorKind::NotFound
        } else {
            ErrorKind::Other
        };
        Self { action, kind, code: Some(code.to_owned()), message: message.to_owned(), request_id: None }
    }

    /// The service's name in IAM, such as `dms`.
    #[must_use]
    pub fn service(&self) -> &str {
        self.action.split_once(':').map_or(self.action, |(service, _)| service)
    }

    /// The operation, such as `DescribeEndpoints`.
    #[must_use]
    pub fn operation(&self) -> &str {
        self.action.split_once(':').map_or(self.action, |(_, operation)| operation)
    }

    /// True when what was asked for is not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.kind == ErrorKind::NotFound
    }

    fn describe(&self) -> String {
        let Self { action, code, .. } = self;
        let message = text::safe(self.message.trim_end_matches('.'));
        let code = code.as_ref().map(|code| format!(" ({})", text::safe(code))).unwrap_or_default();
        match &self.kind {
            ErrorKind::Denied { permission } => {
                let permission = text::safe(permission);
                format!("{action}: this login may not. Allow it the action {permission} in IAM. {message}{code}")
            }
            ErrorKind::Credentials { remedy } => format!("{action}: AWS credentials: {message}{code}. {remedy}"),
            ErrorKind::Throttled => {
                format!("{action}: too many calls in this account and region: {message}{code}. Try again in a minute")
            }
            ErrorKind::Unreachable { endpoint } => format!(
                "{action}: {endpoint} does not answer: {message}. Look at [aws] region and endpoint_url, and at the way \
                 out of this network (proxy, firewall)"
            ),
            ErrorKind::NotFound | ErrorKind::Other => format!("{action}: {message}{code}"),
        }
    }
}

impl From<Error> for Unknown {
    fn from(error: Error) -> Self {
        let kind = match error.kind {
            ErrorKind::Denied { .. } => UnknownKind::NoPermission,
            ErrorKind::Credentials { .. } | ErrorKind::Unreachable { .. } => UnknownKind::NotReachable,
            ErrorKind::Throttled | ErrorKind::NotFound | ErrorKind::Other => UnknownKind::Failed,
        };
        Self::new(kind, error.to_string())
    }
}

/// The action that a refusal names: `… is not authorized to perform: dms:DescribeEndpoints on resource: …`.
fn permission(message: &str) -> Option<&str> {
    let rest = message.split_once("perform: ")?.1;
    let action = rest.split(|c: char| c.is_whitespace() || c == ',').next()?;
    let action = action.trim_end_matches('.');
    action.contains(':').then_some(action)
}

/// What to do about credentials.
fn remedy(aws: &Aws, code: &str) -> String {
    match (&aws.profile, &aws.endpoint_url) {
        (_, Some(_)) => "Look at AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN".to_owned(),
        (Some(profile), None) => {
            let profile = shell_word(&text::safe(profile));
            format!(
                "Log in with: aws sso login --profile {profile} (or, with access keys: aws configure --profile {profile})"
            )
        }
        (None, None) if code.contains("Expired") => {
            "They have expired: log in again (aws sso login), or set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and \
             AWS_SESSION_TOKEN anew"
                .to_owned()
        }
        (None, None) => "Log in with: aws sso login --profile NAME and set [aws] profile = \"NAME\", or set \
                         AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            .to_owned(),
    }
}

fn unreachable(aws: &Aws, action: &str) -> ErrorKind {
    let service = action.split_once(':').map_or(action, |(service, _)| service);
    let endpoint = aws
        .endpoint_url
        .as_ref()
        .map_or_else(|| format!("the service {service} in {}", text::safe(&aws.region)), |url| text::safe(url));
    ErrorKind::Unreachable { endpoint }
}

fn has_credentials_error(error: &(dyn StdError + 'static)) -> bool {
    chain(error).any(<dyn StdError>::is::<CredentialsError>)
}

/// What lies at the bottom of an SDK's error; its upper layers say no more than that there was one.
fn words(error: &(dyn StdError + 'static)) -> String {
    let mut layers: Vec<String> = chain(error).skip(1).map(ToString::to_string).collect();
    layers.dedup();
    let lowest = layers.split_off(layers.len().saturating_sub(2));
    match lowest.as_slice() {
        [] => error.to_string(),
        [upper, lower] if upper.contains(lower.as_str()) => upper.clone(),
        lowest => lowest.join(": "),
    }
}

fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&e| e.source())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aws(profile: Option<&str>, endpoint_url: Option<&str>) -> Aws {
        let text = |t: &str| t.to_owned();
        Aws { region: "eu-west-2".into(), profile: profile.map(text), endpoint_url: endpoint_url.map(text) }
    }

    fn answered(code: &str, message: &str) -> Error {
        Error::answered(&aws(Some("work"), None), "dms:DescribeEndpoints", code, message)
    }

    #[test]
    fn a_refusal_names_the_permission() {
        let said = "User: arn:aws:iam::123456789012:user/x is not authorized to perform: dms:DescribeConnections on \
                    resource: * because no identity-based policy allows the dms:DescribeConnections action";
        let error = answered("AccessDeniedException", said);
        assert_eq!(error.kind, ErrorKind::Denied { permission: "dms:DescribeConnections".into() });
        let unknown = Unknown::from(error);
        assert_eq!(unknown.kind, UnknownKind::NoPermission);
        assert!(unknown.reason.contains("Allow it the action dms:DescribeConnections in IAM"), "{}", unknown.reason);
        // Where the message says nothing, the call's own name is the permission.
        for code in ["AccessDenied", "AccessDeniedFault", "AuthorizationError"] {
            let permission = "dms:DescribeEndpoints".to_owned();
            assert_eq!(answered(code, "No.").kind, ErrorKind::Denied { permission }, "{code}");
        }
    }

    #[test]
    fn classes_of_what_services_answer() {
        use ErrorKind::{NotFound, Other, Throttled};
        for (code, kind) in [
            ("ThrottlingException", Throttled),
            ("Throttling", Throttled),
            ("ResourceNotFoundFault", NotFound),
            ("DBInstanceNotFound", NotFound),
            ("NoSuchEntity", NotFound),
            ("ResourceNotFoundException", NotFound),
            ("InvalidParameterValueException", Other),
        ] {
            assert_eq!(answered(code, "x").kind, kind, "{code}");
        }
    }

    #[test]
    fn credentials_come_with_what_to_type() {
        let said = |profile, url| {
            let aws = aws(profile, url);
            Error::answered(&aws, "rds:DescribeDBInstances", "ExpiredToken", "The security token is expired")
                .to_string()
        };
        insta::assert_snapshot!(said(Some("work"), None), @"rds:DescribeDBInstances: AWS credentials: The security token is expired (ExpiredToken). Log in with: aws sso login --profile work (or, with access keys: aws configure --profile work)");
        assert!(said(Some("a b"), None).contains("--profile 'a b'"));
        assert!(said(None, None).contains("They have expired: log in again"));
        assert!(said(None, Some("http://127.0.0.1:1")).contains("Look at AWS_ACCESS_KEY_ID"));
    }
}

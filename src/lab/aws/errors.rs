//! Refusals as AWS words them: a code that SDKs turn into typed errors, a message, an HTTP status.

use serde_json::Value;

/// What AWS answers instead of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AwsError {
    /// As on the wire: `ResourceNotFoundFault`, `DBInstanceNotFound`.
    pub(super) code: String,
    /// In AWS's words where they are known.
    pub(super) message: String,
    /// HTTP status.
    pub(super) status: u16,
}

/// A result, or a refusal.
pub(super) type Answer = Result<Value, AwsError>;

impl AwsError {
    pub(super) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), status }
    }

    /// Most refusals: status 400.
    pub(super) fn bad(code: &str, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    /// A member that must be there.
    pub(super) fn missing(name: &str) -> Self {
        Self::bad("MissingParameter", format!("The request must contain the parameter {name}."))
    }

    /// DMS: no such resource.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::bad("ResourceNotFoundFault", message)
    }

    /// DMS: the name is taken.
    pub(super) fn exists(message: impl Into<String>) -> Self {
        Self::bad("ResourceAlreadyExistsFault", message)
    }

    /// DMS: not now.
    pub(super) fn state(message: impl Into<String>) -> Self {
        Self::bad("InvalidResourceStateFault", message)
    }

    /// DMS: a value that it does not take.
    pub(super) fn value(message: impl Into<String>) -> Self {
        Self::bad("InvalidParameterValueException", message)
    }

    /// S3: a body that is no XML, or not of its form.
    pub(super) fn malformed_xml() -> Self {
        let why = "The XML you provided was not well-formed or did not validate against our published schema";
        Self::bad("MalformedXML", why)
    }

    /// The simulation does less than AWS here, and says so rather than doing something else.
    pub(super) fn not_simulated(what: &str) -> Self {
        Self::value(format!("This is a simulation, and it does not have {what}."))
    }
}

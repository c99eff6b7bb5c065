//! From the SDK's types to plain ones.

use aws_sdk_rds::primitives::DateTime;

/// A moment; none where the service's is out of range.
pub(super) fn moment(at: Option<&DateTime>) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_nanosecond(at?.as_nanos()).ok()
}

/// Text that is not empty.
pub(super) fn some(text: Option<&str>) -> Option<String> {
    text.filter(|t| !t.is_empty()).map(str::to_owned)
}

/// Text, empty where there is none.
pub(super) fn text(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}

/// A port.
pub(super) fn port(port: Option<i32>) -> Option<u16> {
    port.and_then(|p| u16::try_from(p).ok()).filter(|p| *p > 0)
}

//! Names that AWS gives: ARNs, identifiers, times.

use jiff::Timestamp;

/// The account that everything belongs to: nobody's.
pub(super) const ACCOUNT: &str = "000000000000";
/// What descriptions of made-up things say.
pub(super) const SIMULATION: &str = "cdc-doctor lab: a simulation on this machine, not AWS";

/// `arn:aws:dms:eu-west-2:000000000000:rep:ID`.
pub(super) fn arn(service: &str, region: &str, kind: &str, id: &str) -> String {
    format!("arn:aws:{service}:{region}:{ACCOUNT}:{kind}:{id}")
}

/// An identifier of 26 capital letters and digits, as in ARNs of DMS.
pub(super) fn random_id() -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let state = std::hash::RandomState::new();
    let number = |salt: u64| std::hash::BuildHasher::hash_one(&state, salt);
    (0..26).map(|place| char::from(ALPHABET[usize::try_from(number(place) % 32).unwrap_or_default()])).collect()
}

/// A request's identifier, in the form of a UUID.
pub(super) fn request_id() -> String {
    let state = std::hash::RandomState::new();
    let number = |salt: u64| std::hash::BuildHasher::hash_one(&state, salt);
    let (a, b) = (number(1), number(2));
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        a >> 32,
        (a >> 16) & 0xffff,
        a & 0xfff,
        (b >> 48) & 0xfff,
        b & 0xffff_ffff_ffff
    )
}

/// Seconds since 1970, as the JSON protocols have times.
pub(super) fn seconds(at: Timestamp) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of our age fit a double")]
    let millis = at.as_millisecond() as f64;
    millis / 1000.0
}

/// As the query protocol has times: `2026-11-26T19:44:51.123Z`.
pub(super) fn iso(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_the_form_of_aws() {
        let id = random_id();
        assert!(id.len() == 26 && id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()), "{id}");
        assert_ne!(id, random_id());
        assert_eq!(request_id().len(), 36);
        assert_eq!(arn("dms", "eu-west-2", "rep", "X"), "arn:aws:dms:eu-west-2:000000000000:rep:X");
        assert_eq!(iso(Timestamp::from_millisecond(1_700_000_000_005).unwrap()), "2023-11-14T22:13:20.005Z");
    }
}

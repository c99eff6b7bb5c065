//! Numbers by value, whatever their writing. Pure and exact: no number passes through a double.

/// A decimal number in one form for each value: sign, digits without zeros at either end, power of ten of the last
/// digit; nothing for what is no number.
pub(super) fn canonical(text: &str) -> Option<String> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (sign, unsigned) = match mantissa.strip_prefix('-') {
        Some(unsigned) => ("-", unsigned),
        None => ("", mantissa),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let significant = digits.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return Some("0".to_owned());
    }
    let trailing = digits.len() - digits.trim_end_matches('0').len();
    let power = exponent + i64::try_from(trailing).ok()? - i64::try_from(fraction.len()).ok()?;
    Some(format!("{sign}{significant}e{power}"))
}

/// True for a number that comes back from a 64-bit integer or a double as the same number; `form` is its one form.
pub(super) fn survives(text: &str, form: &str) -> bool {
    if text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok() {
        return true;
    }
    let double = text.parse::<f64>().ok().filter(|d| d.is_finite());
    double.is_some_and(|d| canonical(&format!("{d:e}")).as_deref() == Some(form))
}

/// The double whose eight bytes are written so, in hexadecimal.
pub(super) fn double(hex: &str) -> Option<f64> {
    (hex.len() == 16).then(|| u64::from_str_radix(hex, 16).ok().map(f64::from_bits))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form_for_each_value() {
        for (a, b) in [
            ("100", "1e2"),
            ("1.50", "1.5"),
            ("0010", "10"),
            ("-0.00", "0"),
            ("123.4500", "12345e-2"),
            ("1e-07", "0.0000001"),
            ("12300", "1.23E+4"),
        ] {
            assert_eq!(canonical(a), canonical(b), "{a} and {b}");
            assert!(canonical(a).is_some());
        }
        for (a, b) in [("1", "-1"), ("10", "1"), ("0.1", "0.10000000000000000000000001"), ("1e300", "1e301")] {
            assert_ne!(canonical(a), canonical(b), "{a} and {b}");
        }
        for text in ["", "-", ".", "e5", "1e", "1x", "NaN", "Infinity", "1.2.3", "0x10"] {
            assert_eq!(canonical(text), None, "{text}");
        }
    }

    #[test]
    fn doubles_are_read_from_their_bits() {
        assert_eq!(double("3ff8000000000000"), Some(1.5));
        assert_eq!(double("0000000000000001"), Some(5e-324));
        assert!(double("7ff8000000000000").is_some_and(f64::is_nan));
        assert_eq!(double("3ff8"), None);
    }
}

//! A position in the source's write-ahead log.

use std::fmt;
use std::str::FromStr;

/// A log sequence number: a byte position in the write-ahead log, written as PostgreSQL writes it (`16/B374D848`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Lsn(pub u64);

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xFFFF_FFFF)
    }
}

/// Text that is no position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no position in the write-ahead log, such as 16/B374D848")]
pub struct NoLsn(String);

impl FromStr for Lsn {
    type Err = NoLsn;

    fn from_str(text: &str) -> Result<Self, NoLsn> {
        let parse = || {
            let (high, low) = text.split_once('/')?;
            let half = |s: &str| u32::from_str_radix(s, 16).ok();
            Some(Self(u64::from(half(high)?) << 32 | u64::from(half(low)?)))
        };
        parse().ok_or_else(|| NoLsn(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_read_as_they_are_written() {
        for text in ["0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF"] {
            assert_eq!(text.parse::<Lsn>().unwrap().to_string(), text);
        }
        for text in ["", "1", "x/1", "1/100000000", "-1/0"] {
            assert!(text.parse::<Lsn>().is_err(), "{text}");
        }
    }
}

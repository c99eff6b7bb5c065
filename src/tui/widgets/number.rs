//! Numbers as people read them.

use crate::text::thousands;

/// `1 table`, `3 tables`, `2 batches`.
pub fn plural(n: usize, noun: &str) -> String {
    let s = match (n, noun.ends_with("ch")) {
        (1, _) => "",
        (_, true) => "es",
        _ => "s",
    };
    format!("{} {noun}{s}", thousands(n as u64))
}

/// `18 GB`, `4.2 MB`, `512 B`.
pub fn bytes(n: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 || value >= 9.95 {
        format!("{value:.0} {}", units[unit])
    } else {
        format!("{value:.1} {}", units[unit])
    }
}

/// `00:01:41`.
pub fn clock(seconds: u64) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// `0.8 s`, `41 s`, `2 min 5 s`.
pub fn seconds(seconds: f64) -> String {
    if seconds < 9.95 {
        format!("{seconds:.1} s")
    } else if seconds < 90.0 {
        format!("{seconds:.0} s")
    } else {
        format!("{:.0} min {:.0} s", (seconds / 60.0).floor(), (seconds % 60.0).floor())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(plural(1, "table"), "1 table");
        assert_eq!(plural(2, "batch"), "2 batches");
        assert_eq!(plural(1200, "table"), "1,200 tables");
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(4_200_000), "4.2 MB");
        assert_eq!(bytes(999_900), "1.0 MB");
        assert_eq!(bytes(18_000_000_000), "18 GB");
        assert_eq!(clock(3701), "01:01:41");
        assert_eq!(seconds(0.84), "0.8 s");
        assert_eq!(seconds(41.2), "41 s");
        assert_eq!(seconds(125.0), "2 min 5 s");
    }
}

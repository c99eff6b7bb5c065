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
        assert_eq!(clock(3701), "01:01:41");
        assert_eq!(seconds(0.84), "0.8 s");
        assert_eq!(seconds(41.2), "41 s");
        assert_eq!(seconds(125.0), "2 min 5 s");
    }
}

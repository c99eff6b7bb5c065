//! What differs between MySQL and MariaDB, and between their versions, in DDL.

use crate::facts::{MyFlavor, MySession};

/// The target server as far as DDL is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// Which server.
    pub flavor: MyFlavor,
    /// Major, minor, patch.
    pub version: (u16, u16, u16),
}

impl From<&MySession> for Dialect {
    fn from(session: &MySession) -> Self {
        Self { flavor: session.flavor, version: session.version_parts }
    }
}

impl Dialect {
    /// The collation for text: byte by byte and without padding, so that no two values of the source are one on
    /// the target. MySQL before 8.0.17 has only the padding one, where `a` equals `a` with a blank behind it.
    #[must_use]
    pub fn collation(self) -> &'static str {
        match self.flavor {
            MyFlavor::MariaDb if self.version >= (10, 2, 2) => "utf8mb4_nopad_bin",
            MyFlavor::MySql if self.version >= (8, 0, 17) => "utf8mb4_0900_bin",
            _ => "utf8mb4_bin",
        }
    }

    /// How many columns one key may have.
    pub(super) fn key_parts(self) -> usize {
        match self.flavor {
            MyFlavor::MariaDb => 32,
            MyFlavor::MySql => 16,
        }
    }
}

//! MySQL and MariaDB collector.

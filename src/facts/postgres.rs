//! PostgreSQL collector.

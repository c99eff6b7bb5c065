//! The engine in this process: PostgreSQL `COPY` into MySQL's `LOAD DATA LOCAL`.

//! See `benches/README.md`.
fn main() {}

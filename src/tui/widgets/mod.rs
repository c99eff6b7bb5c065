//! Small parts that screens are made of.

mod bar;
mod input;
mod number;
mod spark;
mod window;
mod wrap;

pub use bar::bar;
pub use input::Input;
pub use number::{bytes, clock, count, plural, seconds};
pub use spark::spark;
pub use window::window;
pub use wrap::{head, wrap, wrap_lines};

//! Small parts that screens are made of.

mod bar;
mod input;
mod number;
mod spark;
mod window;
mod words;
mod wrap;

pub use crate::text::{bytes, thousands as count};
pub use bar::bar;
pub use input::Input;
pub use number::{clock, plural, seconds};
pub use spark::{spark, tall};
pub use window::window;
pub use words::Words;
pub use wrap::{head, wrap, wrap_lines};

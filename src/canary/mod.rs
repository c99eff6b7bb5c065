//! The canary: one row that is written, changed and deleted on the source, and followed to the target through the
//! pipeline as it runs. It says whether changes arrive, how soon, and whether values are what they were.
//!
//! [`row`] is what is sent, [`compare`] what counts as arrived unchanged; both are pure. [`source`] writes, [`target`]
//! looks, [`run`] has them follow one another. What the outcome means is the check RUN-018's to say.

mod compare;
mod row;
mod run;
mod source;
mod target;

pub use run::run;

//! The continuous sync under random changes and all kinds of faults. What arrived is compared by [`compare`], which
//! shares nothing with the program.

mod child;
mod compare;
mod faults;
mod field;
mod generate;
mod ledger;
mod model;
mod property;
mod proxy;
mod random;
mod seeds;
mod transactions;
mod values;
mod worker;
mod writers;

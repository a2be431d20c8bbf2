//! The HTTP interface of the examples, on the real binary, killed in between.
//!
//! Each example includes this in its tests, beside a function `program` that says what starts it.

mod agencyhandy;
mod booking;
mod postgres;
mod process;
pub(crate) mod server;

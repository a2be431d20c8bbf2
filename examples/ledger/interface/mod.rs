//! The HTTP interface of the examples, on the real binary, killed in between.
//!
//! Each example includes this in its tests and says which its binary is: `PROGRAM`.

mod agencyhandy;
mod booking;
mod postgres;
mod process;
mod server;

//! The Python package as its users have it: installed from its wheel, in an environment of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod checks;
mod differential;
mod examples;
mod pages;
mod run;
mod wheel;

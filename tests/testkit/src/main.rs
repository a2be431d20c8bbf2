//! Servers for tests that are not written in Rust, and a Python to run them with.
//!
//! `testkit env` prints `DATABASE_URL=...` and `REDIS_URL=...` of the shared servers, `testkit private` those of
//! durable servers that nobody else uses. Both hold them until standard input ends. `testkit python` prints the interpreter.

use std::io::{self, Write};
use std::process::ExitCode;

use counterfoil_testkit::{PrivatePostgres, PrivateRedis, postgres_url, python, redis_url};

fn main() -> io::Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["env"] => hold(&postgres_url(), &redis_url())?,
        ["private"] => {
            let postgres = PrivatePostgres::start();
            let redis = PrivateRedis::start(&[("appendonly", "yes"), ("appendfsync", "always")]);
            hold(&postgres.url(), &redis.url())?;
        }
        ["python"] => writeln!(io::stdout(), "{}", python().display())?,
        _ => {
            writeln!(io::stderr(), "usage: testkit env | testkit private | testkit python")?;
            return Ok(ExitCode::from(2));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn hold(postgres: &str, redis: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "DATABASE_URL={postgres}\nREDIS_URL={redis}")?;
    output.flush()?;
    io::copy(&mut io::stdin().lock(), &mut io::sink()).map(|_| ())
}

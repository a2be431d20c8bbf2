//! The `counterfoil` command: checks, signs and sends webhook deliveries, knows how each sender signs, and looks into
//! stores.
//!
//! One subcommand is one file. Each reads its input, calls the library, and prints; it decides nothing itself.

mod choice;
mod demo;
mod error;
mod headers;
mod input;
mod known;
mod output;
mod secrets;
mod send;
mod senders;
mod sign;
mod signing;
mod store;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Checks, signs and sends webhook deliveries, knows how each sender signs, and looks into stores.
///
/// Secrets are read from environment variables and files. None is ever taken from the command line, where it
/// would stay in the shell's history and show in the list of processes; none is ever printed, but by `sign` for
/// a sender whose header is the secret itself. A store's URL, which may hold a password, can be given by an
/// environment variable too.
#[derive(Parser)]
#[command(name = "counterfoil", version, max_term_width = 100, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  counterfoil demo                   every promise shown on a real receiver, killed in the middle
  counterfoil senders                what each sender signs, and how it retries
  counterfoil senders handl          one sender's facts and event types
  counterfoil senders --senders senders.toml    those of your own file beside them
  counterfoil sign --sender handl --secret-env HANDL_SECRET body.json
  counterfoil store ls --state dead --store sqlite:webhooks.db
  counterfoil verify --help          options and examples of one command

Senders of your own go into a TOML file: --senders FILE, or the environment variable \
COUNTERFOIL_SENDERS, adds it to every command that takes a sender.

Exit codes: 0 success, 1 a delivery was refused or an event is not there, 2 a mistake in the command or its input";

#[derive(Subcommand)]
enum Command {
    Demo(demo::Demo),
    #[command(hide = true)]
    DemoServer(demo::DemoServer),
    Verify(verify::Verify),
    Sign(sign::Sign),
    Send(send::Send),
    Senders(senders::Senders),
    Store(store::Store),
}

fn main() -> ExitCode {
    let outcome = match store::arguments::parse::<Cli>().command {
        Command::Demo(command) => command.run(),
        Command::DemoServer(command) => command.run(),
        Command::Verify(command) => command.run(),
        Command::Sign(command) => command.run(),
        Command::Send(command) => command.run(),
        Command::Senders(command) => command.run(),
        Command::Store(command) => command.run(),
    };
    outcome.unwrap_or_else(|error| {
        error.print();
        ExitCode::from(2)
    })
}

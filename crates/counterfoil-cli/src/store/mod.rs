//! `counterfoil store`: what people who look after a store do in it.

pub(crate) mod arguments;

mod error;
mod event;
mod facts;
mod forget;
mod ls;
mod migrate;
mod open;
mod purge;
mod show;
mod table;
mod target;

use std::process::ExitCode;

use clap::Subcommand;

pub(crate) use error::StoreProblem;

use crate::error::Error;

/// List, look at, forget and purge the events of a store
///
/// A receiver keeps one row per event in its store, by which it knows a copy when one comes. An event is ready
/// (given back: the next delivery is handled), claimed (being handled), done (copies are duplicates) or dead
/// (never to be handled). These commands work beside running receivers.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Store {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
The store is named by --store URL, or by the environment variable COUNTERFOIL_STORE, which keeps a
password out of the shell's history and the list of processes. No command prints the URL.
  sqlite:FILE                   a store's own file, or an application's database with the tables
  postgres://USER@HOST/DB       the password from PGPASSWORD or ~/.pgpass, or as USER:PASSWORD@;
                                ?sslmode=verify-full checks the server's certificate
  redis://HOST/0                or USER:PASSWORD@HOST; also rediss:// and redis+unix:///SOCKET
Where tables or keys have other names than the default ones, add --schema and --prefix.

Examples:
  export COUNTERFOIL_STORE=sqlite:/var/lib/shop/webhooks.db
  counterfoil store ls --state dead
  counterfoil store show -1918533151:2c151c1724a22e51cf3c629aa99b237d
  counterfoil store forget 2c151c1724a22e51cf3c629aa99b237d
  counterfoil store purge

Every dead event, to be handled anew when its sender delivers it again:
  counterfoil store ls --state dead --all --json | jq -r .event |
    xargs -r counterfoil store forget --yes

Exit codes: 0 success, 1 an event is not there, 2 a mistake in the command, or the store cannot be \
had";

#[derive(Subcommand)]
enum Command {
    Ls(ls::Ls),
    Show(show::Show),
    Forget(forget::Forget),
    Purge(purge::Purge),
    Migrate(migrate::Migrate),
}

impl Store {
    pub(crate) fn run(self) -> Result<ExitCode, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
        runtime.block_on(async {
            match self.command {
                Command::Ls(command) => command.run().await,
                Command::Show(command) => command.run().await,
                Command::Forget(command) => command.run().await,
                Command::Purge(command) => command.run().await,
                Command::Migrate(command) => command.run().await,
            }
        })
    }
}

//! `cargo xtask`: runs the benchmarks and writes their report.
//!
//! A bench's figures are kept in `docs/benchmarks/results/`, and everything else below `docs/benchmarks/`, as well as the
//! README's figures, is made of them and of the prose in `benches/*.md`.

mod bench;
mod chart;
mod headline;
mod machine;
mod measured;
mod plot;
mod report;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use counterfoil_benches::BoxError;

/// Runs the benchmarks and writes their report.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs benches one after the other, each beside its peers, and writes the report.
    ///
    /// A bench that is not named keeps the results that it has. One that fails does too, and the others go on.
    Bench {
        /// Benches of `counterfoil-benches`; all of them if none is named.
        names: Vec<String>,
        /// Runs a tenth of the rounds, for a look at the figures; the report says so.
        #[arg(long)]
        quick: bool,
        #[command(flatten)]
        out: Out,
    },
    /// Writes the report of the results that are there, and runs nothing.
    Report {
        #[command(flatten)]
        out: Out,
    },
}

#[derive(clap::Args)]
struct Out {
    /// Folder of the report and its results, in place of docs/benchmarks. The README then stays as it is.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

impl Out {
    fn folder(&self) -> PathBuf {
        self.out.clone().unwrap_or_else(|| workspace().join("docs/benchmarks"))
    }

    fn report(&self) -> Result<(), BoxError> {
        report::write(workspace(), &self.folder())?;
        if self.out.is_none() {
            headline::write(workspace(), &self.folder())?;
        }
        Ok(())
    }
}

/// The folder of the workspace.
fn workspace() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        // A report of what has run is worth having, whatever failed.
        Command::Bench { names, quick, out } => {
            bench::run(workspace(), &names, quick, &out.folder()).and_then(|failed| out.report().and(failed))
        }
        Command::Report { out } => out.report(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

//! `counterfoil senders`: what is known of each sender.

mod facts;
mod page;
mod table;
mod words;

use std::process::ExitCode;

use comfy_table::{ContentArrangement, Table, TableStyle};

use crate::error::Error;
use crate::known::{Known, SendersFile};
use crate::output;
use facts::Facts;

/// Show how each sender proves its deliveries, and how it retries
///
/// Without a name, prints a table of all senders: those that are built in, those of the catalogue that ships with
/// this command, and those of your file. With a name, prints all facts of that sender and the event types known so
/// far. The set of types is open: a receiver takes any other type just as well.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Senders {
    /// Print JSON; durations are in seconds.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    file: SendersFile,
    /// The sender.
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  counterfoil senders
  counterfoil senders stripe
  counterfoil senders --senders senders.toml till
  counterfoil senders --json | jq -r '.[] | .name + \" \" + .header'

In the table, the time is in a header, in an entry of the signature's header, or at that place in the \
body; the key comes from there in the body, from that header, or is made of the whole body; the retries end \
that long after the first attempt; and the window is how old a signed time may be under --tolerance \
retry-safe.

A file of your own, for a sender that signs `TIME.BODY` in hex and keeps the event's id in /id:
  [[sender]]
  name = \"till\"
  kind = \"hmac\"
  signature = { header = \"X-Till-Signature\", encoding = \"hex\" }
  timestamp = { header = \"X-Till-Timestamp\", format = \"unix_seconds\" }
  signed = [\"timestamp\", { literal = \".\" }, \"body\"]
  id = \"/id\"
A mistake in it is named with its line, sender and field.

Exit codes: 0 printed, 2 no such sender, or a mistake in the file";

impl Senders {
    pub(crate) fn run(self) -> Result<ExitCode, Error> {
        let known = self.file.read()?;
        output::line(&match &self.name {
            Some(name) => self.one(&known, name)?,
            None => self.all(&known)?,
        })?;
        Ok(ExitCode::SUCCESS)
    }

    fn one(&self, known: &Known<'_>, name: &str) -> Result<String, Error> {
        let (origin, sender) = known.find(name)?;
        Ok(if self.json { output::json(&Facts::of(origin, sender))? } else { page::page(origin, sender) })
    }

    fn all(&self, known: &Known<'_>) -> Result<String, Error> {
        if !self.json {
            return Ok(table::table(known));
        }
        let facts: Vec<_> = known
            .groups()
            .flat_map(|(origin, senders)| senders.iter().map(move |sender| Facts::of(origin, sender)))
            .collect();
        Ok(output::json(&facts)?)
    }
}

/// The space between two columns.
const GAP: u16 = 2;

/// Fits the terminal; in a pipe each row is one line. Whether styles stay is decided where it is printed.
fn new_table(style: TableStyle) -> Table {
    let mut table = Table::new();
    table.load_style(style).set_content_arrangement(ContentArrangement::Dynamic).enforce_styling();
    table
}

fn pad(table: &mut Table) {
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((if index == 0 { 0 } else { GAP }, 0));
    }
}

//! Which store is meant.

use std::convert::Infallible;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use counterfoil_sqlx::Tables;
use sqlx::PgPool;

use super::StoreProblem;
use super::open::{self, Opened};

/// Which store.
#[derive(clap::Args)]
pub(super) struct Target {
    /// The store's URL, of one of the forms that `counterfoil store --help` shows. Set the variable instead to
    /// keep a password out of the shell's history and the list of processes.
    #[arg(long = "store", value_name = "URL", env = "COUNTERFOIL_STORE", hide_env_values = true)]
    url: Option<StoreUrl>,
    /// PostgreSQL: the schema that holds the tables [default: the first of the search path that does]
    #[arg(long, value_name = "NAME")]
    schema: Option<String>,
    /// What the names of the tables, or of the keys of Redis, begin with [default: counterfoil_, or
    /// counterfoil:]
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
}

/// An address that may hold a password. Taken from the command line as it is: what `clap` refuses, it prints.
#[derive(Clone)]
struct StoreUrl(String);

impl FromStr for StoreUrl {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreUrl(..)")
    }
}

/// An address, as far as it has been understood.
enum Address<'a> {
    Sqlite(&'a Path),
    Postgres(&'a str),
    Redis(&'a str),
}

impl Target {
    pub(super) async fn open(&self) -> Result<Opened, StoreProblem> {
        match self.address()? {
            Address::Postgres(url) => open::postgres(url, self.tables()?).await,
            Address::Sqlite(_) | Address::Redis(_) if self.schema.is_some() => Err(StoreProblem::NoSchema),
            Address::Sqlite(path) => open::sqlite(path, self.tables()?, self.prefix.is_some()).await,
            Address::Redis(url) => open::redis(url, self.prefix.as_deref()).await,
        }
    }

    /// The PostgreSQL database alone, whatever is in it.
    pub(super) async fn database(&self) -> Result<PgPool, StoreProblem> {
        match self.address()? {
            Address::Postgres(url) => open::pool(url).await,
            Address::Sqlite(_) | Address::Redis(_) => Err(StoreProblem::NothingToMigrate),
        }
    }

    pub(super) fn tables(&self) -> Result<Tables, StoreProblem> {
        let refuse = |option| move |source| StoreProblem::Name { option, source };
        let mut tables = Tables::new();
        if let Some(schema) = &self.schema {
            tables = tables.schema(schema).map_err(refuse("schema"))?;
        }
        if let Some(prefix) = &self.prefix {
            tables = tables.prefix(prefix).map_err(refuse("prefix"))?;
        }
        Ok(tables)
    }

    fn address(&self) -> Result<Address<'_>, StoreProblem> {
        let StoreUrl(url) = self.url.as_ref().ok_or(StoreProblem::NotNamed)?;
        let (scheme, rest) = url.split_once(':').ok_or(StoreProblem::Scheme)?;
        match (scheme, rest.strip_prefix("//")) {
            ("memory", _) => Err(StoreProblem::Memory),
            // What looks like the address of a server is not to be printed as the name of a file.
            ("sqlite", Some(host)) if host.contains(['@', '?', '#']) => Err(StoreProblem::NoFile),
            ("sqlite", None) if rest.contains("://") => Err(StoreProblem::NoFile),
            ("sqlite", host) => Ok(Address::Sqlite(Path::new(host.unwrap_or(rest)))),
            ("postgres" | "postgresql", Some(rest)) if is_escaped(rest) => Ok(Address::Postgres(url)),
            ("redis" | "rediss", Some(rest)) if is_escaped(rest) => Ok(Address::Redis(url)),
            ("postgres" | "postgresql" | "redis" | "rediss", Some(_)) => Err(StoreProblem::Unescaped),
            ("redis+unix", Some(_)) => Ok(Address::Redis(url)),
            _ => Err(StoreProblem::Scheme),
        }
    }
}

/// Whether an `@` ends the user's part and stands nowhere else. Behind a password with a `/`, it would be found in the
/// name of the database, which servers repeat when there is none.
fn is_escaped(rest: &str) -> bool {
    rest.split_once(['/', '?', '#']).is_none_or(|(_, behind)| !behind.contains('@'))
}

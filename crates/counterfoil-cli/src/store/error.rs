//! What keeps a store from being looked into.

use std::error::Error;
use std::path::PathBuf;

use counterfoil_sqlx::NameError;

/// The store cannot be had, or the command does not fit it. No message holds the store's address.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreProblem {
    #[error("which store? Give --store URL, or set COUNTERFOIL_STORE; `counterfoil store --help` shows the URLs")]
    NotNamed,
    #[error(
        "the store's URL begins with none of sqlite:, postgres://, postgresql://, redis://, rediss:// and redis+unix://"
    )]
    Scheme,
    #[error(
        "a memory store lives in its receiver's process: nothing else can look into it, and it ends with that process. \
         Give the receiver a store in SQLite, PostgreSQL or Redis"
    )]
    Memory,
    #[error(
        "the store's URL has an @ behind its host: in a user name, a password or an option, write %40 for @, %2F for /, \
         %3F for ? and %23 for #"
    )]
    Unescaped,
    #[error("a SQLite store is a file: write sqlite:FILE, without a host and without options")]
    NoFile,
    #[error("--schema does not fit this store: only PostgreSQL has schemas")]
    NoSchema,
    #[error("--prefix does not fit this store: the file is the store's own, and has no other tables")]
    NoPrefix,
    #[error("--{option} cannot be used")]
    Name { option: &'static str, source: NameError },
    #[error("cannot open `{}`: there is no such file, or no right to read and write it", path.display())]
    NotThere { path: PathBuf },
    #[error("cannot open `{}`", path.display())]
    File { path: PathBuf, source: rusqlite::Error },
    #[error("the store's URL cannot be read")]
    Url(#[source] Box<dyn Error + Send + Sync>),
    #[error("cannot open the store")]
    Sqlite(#[from] counterfoil_sqlite::OpenError),
    #[error("cannot open the store")]
    Tables(#[source] counterfoil_sqlx::sqlite::OpenError),
    #[error("cannot open the store")]
    Redis(#[source] counterfoil_redis::OpenError),
    #[error("cannot open the store")]
    Postgres(#[source] counterfoil_sqlx::OpenError),
    #[error("cannot open the store")]
    Connect(#[from] sqlx::Error),
    #[error("cannot open the store: the server did not answer within {seconds} s")]
    Silent { seconds: u64 },
    #[error(
        "the tables of a store are not there, or of an earlier version: make them with `counterfoil store migrate`; if \
         they have other names, give --schema and --prefix"
    )]
    NotMigrated,
    #[error(
        "the file holds no store: it is neither a store's own file, nor has it the tables of one; if they have other names, \
         give --prefix"
    )]
    NoStore,
    #[error(
        "cannot open the store: synchronous_commit is off, so that a crash of the server would undo what is done here: \
         append `?options[synchronous_commit]=on` to the URL (`&options..` behind other options)"
    )]
    AsynchronousCommit,
    #[error("only PostgreSQL stores have tables to migrate: opening a SQLite or Redis store makes what it needs")]
    NothingToMigrate,
    #[error("several scopes have an event of this key: write {}", found.join(" or "))]
    Ambiguous { found: Vec<String> },
    #[error("nothing was forgotten: there is no terminal to ask on; add --yes to forget without being asked")]
    CannotAsk,
    #[error(transparent)]
    Store(#[from] counterfoil::StoreError),
}

// What the libraries tell programmers is told here for a command line.

impl From<counterfoil_redis::OpenError> for StoreProblem {
    fn from(error: counterfoil_redis::OpenError) -> Self {
        use counterfoil_redis::OpenError;
        match error {
            OpenError::BadUrl { source } => Self::Url(source),
            other => Self::Redis(other),
        }
    }
}

impl From<counterfoil_sqlx::OpenError> for StoreProblem {
    fn from(error: counterfoil_sqlx::OpenError) -> Self {
        use counterfoil_sqlx::OpenError;
        match error {
            OpenError::NotMigrated { .. } => Self::NotMigrated,
            OpenError::AsynchronousCommit => Self::AsynchronousCommit,
            other => Self::Postgres(other),
        }
    }
}

impl From<counterfoil_sqlx::sqlite::OpenError> for StoreProblem {
    fn from(error: counterfoil_sqlx::sqlite::OpenError) -> Self {
        use counterfoil_sqlx::sqlite::OpenError;
        match error {
            OpenError::NotMigrated { .. } => Self::NoStore,
            other => Self::Tables(other),
        }
    }
}

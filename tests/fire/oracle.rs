//! What really happened: the effects, where no store and no receiver has a say.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::time::{Instant, sleep};

use crate::stage::Stage;
use crate::terms::{Backend, Effect};

/// How long a database may be away.
const PATIENCE: Duration = Duration::from_secs(60);

/// Nothing is ever removed from it, and no constraint could hide a second effect.
const EFFECTS: &str = "
CREATE TABLE effects (event text NOT NULL, attempt bigint NOT NULL, token bigint NOT NULL);
CREATE INDEX ON effects (event)";

pub(crate) enum Oracle {
    File(Mutex<Reader>),
    /// It lies in the store's database, which crashes.
    Table(PgPool),
}

impl Oracle {
    pub(crate) async fn open(stage: &Stage) -> Result<Self, String> {
        if stage.backend == Backend::PostgresTx {
            Self::table(&stage.url).await
        } else {
            Reader::open(&stage.effects())
        }
    }

    async fn table(url: &str) -> Result<Self, String> {
        let options = PgPoolOptions::new().max_connections(4).acquire_timeout(Duration::from_secs(5));
        let pool = options.connect(url).await.map_err(|error| error.to_string())?;
        sqlx::raw_sql(EFFECTS).execute(&pool).await.map_err(|error| error.to_string())?;
        Ok(Self::Table(pool))
    }

    /// Whether the event has had an effect by now.
    pub(crate) async fn knows(&self, event: &str) -> Result<bool, String> {
        match self {
            Self::File(reader) => {
                let mut reader = reader.lock().map_err(|_| "the effects could not be read")?;
                reader.read_on()?;
                Ok(reader.events.contains(event))
            }
            Self::Table(pool) => {
                let query = "SELECT EXISTS (SELECT FROM effects WHERE event = $1)";
                patiently(|| sqlx::query_scalar(query).bind(event).fetch_one(pool)).await
            }
        }
    }

    /// Every effect.
    pub(crate) async fn all(&self) -> Result<Vec<Effect>, String> {
        match self {
            Self::File(reader) => {
                let mut reader = reader.lock().map_err(|_| "the effects could not be read")?;
                reader.read_on()?;
                Ok(reader.effects.clone())
            }
            Self::Table(pool) => {
                let query = "SELECT event, attempt, token FROM effects";
                let rows: Vec<(String, i64, i64)> = patiently(|| sqlx::query_as(query).fetch_all(pool)).await?;
                Ok(rows.into_iter().map(|(event, attempt, token)| Effect { event, attempt, token }).collect())
            }
        }
    }
}

/// Asks again while the database is away.
async fn patiently<T, F: Future<Output = sqlx::Result<T>>>(ask: impl Fn() -> F) -> Result<T, String> {
    let give_up = Instant::now() + PATIENCE;
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) if Instant::now() > give_up => return Err(format!("the effects cannot be read: {error}")),
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
}

/// The file of effects, as far as it was read.
pub(crate) struct Reader {
    file: File,
    effects: Vec<Effect>,
    events: HashSet<String>,
}

impl Reader {
    fn open(path: &Path) -> Result<Oracle, String> {
        let file = File::create(path).and_then(|_| File::open(path)).map_err(|error| error.to_string())?;
        Ok(Oracle::File(Mutex::new(Self { file, effects: Vec::new(), events: HashSet::new() })))
    }

    /// Reads what has come since.
    fn read_on(&mut self) -> Result<(), String> {
        let mut new = String::new();
        self.file.read_to_string(&mut new).map_err(|error| error.to_string())?;
        for line in new.split_inclusive('\n') {
            let effect = parse(line).ok_or_else(|| format!("{line:?} is no effect"))?;
            self.events.insert(effect.event.clone());
            self.effects.push(effect);
        }
        Ok(())
    }
}

fn parse(line: &str) -> Option<Effect> {
    let mut words = line.split_ascii_whitespace();
    let (event, attempt, token) = (words.next()?.to_owned(), words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let whole = line.len() == Effect::LINE && line.ends_with('\n') && words.next().is_none();
    whole.then_some(Effect { event, attempt, token })
}

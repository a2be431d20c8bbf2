//! What a receiver does about an event: one effect, with failpoints around it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use counterfoil::idempotency::Fence;
use counterfoil_sqlx::PostgresStore;
use counterfoil_tower::Delivery;
use sqlx::{PgConnection, PgPool};
use tokio::time::sleep;

use crate::BoxError;
use crate::failpoint::Fuse;
use crate::terms::{Effect, Point};

/// How long [`Effects::TooLate`] lies about its effect.
const TOO_LATE: Duration = Duration::from_millis(30);

/// Where effects go, and when.
#[derive(Debug, Clone)]
pub(crate) enum Effects {
    /// Into a file, before the answer.
    File(Arc<File>),
    /// Into a file, after the answer. It is what the harness must not let pass.
    TooLate(Arc<File>),
    /// Into the store's database, committed with the event.
    Transaction(PostgresStore),
    /// The same without the store's help: nothing is compared. The harness must not let that pass either.
    Unfenced(PgPool),
}

impl Effects {
    /// The file, to be appended to: what one write has put there is there, whatever becomes of this process.
    pub(crate) fn file(path: &Path) -> io::Result<Arc<File>> {
        Ok(Arc::new(OpenOptions::new().create(true).append(true).open(path)?))
    }
}

pub(crate) async fn handle(
    State((effects, fuse)): State<(Effects, Fuse)>,
    Extension(fence): Extension<Fence>,
    Delivery(delivery): Delivery,
) -> StatusCode {
    let Some(id) = delivery.event_id() else { return StatusCode::BAD_REQUEST };
    let effect = Effect { event: id.as_str().to_owned(), attempt: fence.attempt.into(), token: fence.token };
    match act(&effects, &fuse, fence, effect).await {
        Ok(()) => StatusCode::OK,
        Err(error) => {
            tracing::error!(error, "no effect");
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

async fn act(effects: &Effects, fuse: &Fuse, fence: Fence, effect: Effect) -> Result<(), BoxError> {
    fuse.pass(Point::BeforeEffect);
    match effects {
        Effects::File(file) => {
            work(fence).await;
            append(file, &effect);
            fuse.pass(Point::AfterEffect);
        }
        Effects::TooLate(file) => {
            let (file, fuse) = (file.clone(), fuse.clone());
            tokio::spawn(async move {
                sleep(TOO_LATE).await;
                append(&file, &effect);
                fuse.pass(Point::AfterEffect);
            });
        }
        // In tasks of their own, which the receiver's time limit does not stop: who wakes up too late meets the fence.
        Effects::Transaction(store) => {
            tokio::spawn(commit(store.clone(), fuse.clone(), fence, effect)).await??;
        }
        Effects::Unfenced(pool) => {
            tokio::spawn(commit_unfenced(pool.clone(), fuse.clone(), fence, effect)).await??;
        }
    }
    Ok(())
}

async fn commit(store: PostgresStore, fuse: Fuse, fence: Fence, effect: Effect) -> Result<(), BoxError> {
    let mut transaction = store.begin(fence).await?;
    insert(&mut transaction, &fuse, fence, &effect).await?;
    fuse.pass(Point::BeforeCommit);
    transaction.commit().await?;
    fuse.pass(Point::AfterCommit);
    Ok(())
}

async fn commit_unfenced(pool: PgPool, fuse: Fuse, fence: Fence, effect: Effect) -> Result<(), BoxError> {
    let mut transaction = pool.begin().await?;
    insert(&mut transaction, &fuse, fence, &effect).await?;
    fuse.pass(Point::BeforeCommit);
    sqlx::query("UPDATE counterfoil_event SET state = 2 WHERE scope = $1 AND key = $2")
        .bind(fence.scope.as_i32())
        .bind(fence.key.as_bytes())
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    fuse.pass(Point::AfterCommit);
    Ok(())
}

async fn insert(connection: &mut PgConnection, fuse: &Fuse, fence: Fence, effect: &Effect) -> sqlx::Result<()> {
    let insert = sqlx::query("INSERT INTO effects (event, attempt, token) VALUES ($1, $2, $3)");
    insert.bind(&effect.event).bind(effect.attempt).bind(effect.token).execute(connection).await?;
    fuse.pass(Point::AfterEffect);
    work(fence).await;
    Ok(())
}

/// Takes up to eight milliseconds: kills find handlers at work, and copies find their event in flight.
async fn work(fence: Fence) {
    sleep(Duration::from_millis(u64::from(fence.token.to_le_bytes()[0] % 8))).await;
}

/// A file that cannot be written to would look like an event that was lost.
fn append(mut file: &File, effect: &Effect) {
    let Effect { event, attempt, token } = effect;
    let line = format!("{:<width$}\n", format!("{event} {attempt} {token}"), width = Effect::LINE - 1);
    if let Err(error) = file.write_all(line.as_bytes()) {
        tracing::error!(%error, "the file of effects cannot be written to");
        std::process::exit(2);
    }
}

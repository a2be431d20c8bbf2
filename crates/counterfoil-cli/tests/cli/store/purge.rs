use std::collections::HashSet;
use std::sync::Arc;

use counterfoil::idempotency::{ClaimRequest, Fingerprint, IdempotencyKey, Scope, Store};
use sqlx::{AssertSqlSafe, PgPool};
use tokio::task::JoinSet;

use super::home::request;
use super::{Home, id};

/// More than are listed in one step, or go in two.
const MANY: u32 = 10_200;

#[test]
fn a_large_store_is_listed_and_purged_to_the_end() {
    let home = Home::postgres();
    home.runtime.block_on(claim_many(&home.store));
    let listed: HashSet<String> = home.listed(&["--all"]).into_iter().collect();
    assert_eq!(listed.len(), 10_206);
    home.runtime.block_on(async {
        let schema = home.schema();
        let past = "SET expires_at = clock_timestamp(), lease_until = clock_timestamp() WHERE scope = 1";
        let expire = format!("UPDATE {schema}.counterfoil_event {past}");
        let pool = PgPool::connect(&home.url).await.unwrap();
        let expired = sqlx::query(AssertSqlSafe(expire)).execute(&pool).await.unwrap();
        assert_eq!(expired.rows_affected(), u64::from(MANY));
    });
    let done = home.done(&["purge"]);
    assert_eq!((done.code, &*done.stdout, &*done.stderr), (0, "10200 events removed\n", ""));
    assert_eq!(home.listed(&["--all"]), (1..=6).map(id).collect::<Vec<_>>());
    assert_eq!(home.done(&["purge", "--json"]).stdout, "{\"removed\":0}\n");
}

#[test]
fn purge_removes_rows_from_files() {
    for (home, file, table) in [(Home::sqlite(), "webhooks.db", "event"), (Home::application(), "shop.db", "wh_event")]
    {
        let connection = rusqlite::Connection::open(home.folder.path().join(file)).unwrap();
        let expire = format!("UPDATE {table} SET expires_at = 1 WHERE scope = 9");
        assert_eq!(connection.execute(&expire, []).unwrap(), 3);
        assert_eq!(home.listed(&[]), (1..=3).map(id).collect::<Vec<_>>(), "{}", home.kind);
        assert_eq!(home.done(&["purge", "--json"]).stdout, "{\"removed\":3}\n", "{}", home.kind);
        let left: u32 = connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
        assert_eq!(left, 3, "{}", home.kind);
    }
}

#[test]
fn redis_leaves_nothing_to_purge() {
    let home = Home::redis();
    assert_eq!(home.done(&["purge"]).stdout, "0 events removed: on Redis each expires by itself\n");
    assert_eq!(home.done(&["purge", "--json"]).stdout, "{\"removed\":0}\n");
    assert_eq!(home.listed(&[]).len(), 6);
}

async fn claim_many(store: &Arc<dyn Store>) {
    let mut claims = JoinSet::new();
    for number in 0..MANY {
        let store = store.clone();
        let fingerprint = Fingerprint::of(&number.to_be_bytes());
        let key = IdempotencyKey::from_bytes(*fingerprint.as_bytes());
        let request = ClaimRequest { scope: Scope::from_i32(1), key, ..request(1) };
        claims.spawn(async move { store.claim(&request).await.is_ok() });
        // A store refuses more at once than it can answer in time.
        if claims.len() == 500 {
            assert!(claims.join_next().await.unwrap().unwrap());
        }
    }
    assert!(claims.join_all().await.into_iter().all(|claimed| claimed));
}

use counterfoil_sqlx::{PostgresStore, Tables};
use counterfoil_testkit::{postgres_url, redis_url, unique_name};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::Home;
use crate::Run;

fn store(arguments: &[&str], schema: &str) -> Run {
    Run::new(&["store"]).args(arguments).args(&["--schema", schema]).env("COUNTERFOIL_STORE", &postgres_url())
}

#[test]
fn migrate_makes_the_tables_once() {
    let schema = unique_name();
    store(&["ls"], &schema).done().is_usage_error("counterfoil store migrate");
    for said in ["made or updated", "nothing to do"] {
        let done = store(&["migrate"], &schema).done();
        assert_eq!((done.code, done.stderr.as_str()), (0, ""));
        assert_eq!(done.stdout, format!("\"{schema}\".\"counterfoil_event\" is up to date: {said}\n"));
    }
    assert_eq!(store(&["ls"], &schema).done().code, 0);
    store(&["ls", "--prefix", "wh_"], &schema).done().is_usage_error("--schema and --prefix");
}

#[test]
fn what_migrate_prints_makes_the_same() {
    let schema = unique_name();
    let done = Run::new(&["store", "migrate", "--print", "--prefix", "wh_", "--schema", &schema]).done();
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    let tables = Tables::new().schema(&schema).unwrap().prefix("wh_").unwrap();
    assert_eq!(done.stdout.trim(), PostgresStore::migrations(&tables).trim());

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = PgConnection::connect(&postgres_url()).await.unwrap();
        let script = format!("CREATE SCHEMA {schema}; {}", done.stdout);
        sqlx::raw_sql(AssertSqlSafe(script)).execute(&mut connection).await.unwrap();
    });
    let migrated = store(&["migrate", "--prefix", "wh_"], &schema).done();
    assert!(migrated.stdout.ends_with("nothing to do\n"), "{}", migrated.stdout);
}

#[test]
fn only_postgres_has_tables_to_migrate() {
    let home = Home::sqlite();
    home.done(&["migrate"]).is_usage_error("only PostgreSQL");
    Run::new(&["store", "migrate", "--store", &redis_url()]).done().is_usage_error("only PostgreSQL");
    Run::new(&["store", "migrate"]).done().is_usage_error("COUNTERFOIL_STORE");
    Run::new(&["store", "migrate", "--print", "--prefix", "a;b"]).done().is_usage_error("--prefix");
}

//! Disks that are full or cannot be written: clear errors, 503 on the live path, and nothing that was kept is harmed.

use std::path::{Path, PathBuf};

use counterfoil::idempotency::Store;
use counterfoil_sqlite::{OpenError, SqliteStore};
use counterfoil_sqlx::{PostgresStore, Tables};
use counterfoil_testkit::{Disk, PrivatePostgres, may_mount};
use sqlx::{AssertSqlSafe, PgPool};

use crate::handler::{Handler, Service, body, code, receiver, request, send, service};

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn store_on(disk: &Disk) -> PathBuf {
    disk.folder().join("store.db")
}

/// Delivers new events until one is refused, and says how many were not.
async fn deliver_until_refused(service: &Service, first: usize) -> usize {
    for number in first..first + 20_000 {
        let response = send(service, request(body(&format!("evt_{number}")))).await;
        if response.status() != 200 {
            assert_eq!((response.status().as_u16(), code(&response).as_deref()), (503, Some("store_unavailable")));
            assert!(response.headers().contains_key("retry-after"));
            return number - first;
        }
    }
    panic!("the disk does not fill up");
}

fn integrity(file: &Path) -> String {
    let connection = rusqlite::Connection::open(file).unwrap();
    connection.pragma_query_value(None, "integrity_check", |row| row.get(0)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn t44_a_full_disk_refuses_and_recovers() {
    if !may_mount("disk::t44_a_full_disk_refuses_and_recovers") {
        return;
    }
    let disk = Disk::mount("1m");
    let store = SqliteStore::open(store_on(&disk)).unwrap();
    let handler = Handler::default();
    let service = service(receiver(store.clone()).build().unwrap(), &handler);
    let known = body("evt_known");
    assert_eq!(send(&service, request(known.clone())).await.status(), 200);

    disk.fill();
    deliver_until_refused(&service, 0).await;
    let ran = handler.runs();
    deliver_until_refused(&service, 0).await;
    assert_eq!(handler.runs(), ran, "no handler runs for an event that was not claimed");

    disk.make_room();
    assert_eq!(send(&service, request(known)).await.headers().get("x-webhook-duplicate").unwrap(), "1");
    assert_eq!(send(&service, request(body("evt_new"))).await.status(), 200);
    assert_eq!(integrity(&store_on(&disk)), "ok");
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_refused() {
    if !may_mount("disk::a_file_that_cannot_be_written_is_refused") {
        return;
    }
    let disk = Disk::mount("1m");
    drop(SqliteStore::open(store_on(&disk)).unwrap());
    disk.make_read_only();
    for file in [store_on(&disk), disk.folder().join("other.db"), disk.folder().join("no/such/folder.db")] {
        let refused = SqliteStore::open(&file);
        assert!(matches!(refused, Err(OpenError::NotWritable { .. })), "{}: {refused:?}", file.display());
    }
}

/// The tables lie on a small disk where we may mount one. Where we may not, a trigger says what a full disk would.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_database_refuses_and_recovers() {
    let server = PrivatePostgres::start();
    let pool = PgPool::connect(&server.url()).await.unwrap();
    let execute = async |sql: String| sqlx::raw_sql(AssertSqlSafe(sql)).execute(&pool).await.map(drop).unwrap();
    let disk = is_root().then(|| Disk::mount("2m"));
    if let Some(disk) = &disk {
        let folder = disk.folder().join("tables");
        std::fs::create_dir(&folder).unwrap();
        let owner = std::fs::metadata(server_folder(&server)).unwrap();
        std::os::unix::fs::chown(&folder, Some(uid(&owner)), None).unwrap();
        execute(format!("CREATE TABLESPACE small LOCATION '{}'", folder.display())).await;
        execute("SET default_tablespace = small".to_owned()).await;
    }
    let store = PostgresStore::builder(pool.clone()).tables(Tables::new()).migrate().open().await.unwrap();
    if disk.is_some() {
        execute("ALTER TABLE counterfoil_event SET TABLESPACE small".to_owned()).await;
        execute("ALTER INDEX counterfoil_event_pkey SET TABLESPACE small".to_owned()).await;
    }
    let handler = Handler::default();
    let service = service(receiver(store.clone()).build().unwrap(), &handler);
    let known = body("evt_known");
    assert_eq!(send(&service, request(known.clone())).await.status(), 200);

    match &disk {
        Some(disk) => disk.fill(),
        None => execute(FULL.to_owned()).await,
    }
    deliver_until_refused(&service, 0).await;
    assert_eq!(send(&service, request(known)).await.headers().get("x-webhook-duplicate").unwrap(), "1");

    match &disk {
        Some(disk) => disk.make_room(),
        None => execute("DROP TRIGGER is_full ON counterfoil_event".to_owned()).await,
    }
    assert_eq!(send(&service, request(body("evt_new"))).await.status(), 200);
    assert!(store.purge(std::num::NonZeroU32::MAX).await.is_ok());
}

const FULL: &str = "
CREATE FUNCTION is_full() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN
        -- Runs before a conflict is noticed, for which a full disk has room.
        IF EXISTS (SELECT FROM counterfoil_event WHERE scope = NEW.scope AND key = NEW.key) THEN RETURN NEW; END IF;
        RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100';
    END $$;
CREATE TRIGGER is_full BEFORE INSERT ON counterfoil_event FOR EACH ROW EXECUTE FUNCTION is_full();";

/// The folder of the server's socket, from its URL.
fn server_folder(server: &PrivatePostgres) -> PathBuf {
    server.url().split_once("host=").unwrap().1.into()
}

fn uid(owner: &std::fs::Metadata) -> u32 {
    std::os::unix::fs::MetadataExt::uid(owner)
}

//! The example services in Python, on the HTTP interface that all examples share.

mod django;
mod fastapi;
mod flask;

use std::env;
use std::path::Path;
use std::process::Command;

use counterfoil::senders::HANDL;
use counterfoil_testkit::{PrivatePostgres, python};

use fastapi::interface::server::{SECRET, Server, handl_event, sum};

/// What starts the service in `folder`, which is one of the examples'.
fn service(folder: &str, arguments: &[&str]) -> Command {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let path = env::join_paths([examples.join("python-ledger"), examples.join(folder)]).unwrap();
    let mut command = Command::new(python());
    command.args(arguments).env("PYTHONPATH", path).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

#[tokio::test]
async fn they_take_each_others_place() {
    let postgres = PrivatePostgres::start();
    for store in ["sqlite:webhooks.db", &postgres.url()] {
        let folder = tempfile::tempdir().unwrap();
        let mut events = Vec::new();
        for program in [fastapi::program, django::program, flask::program, fastapi::program] {
            let secret = ("HANDL_SECRET".to_owned(), SECRET.to_owned());
            let server = Server::run(program(), &folder, store, [secret]);
            let number = events.len();
            events.push(handl_event(&format!("evt_{number}"), 0, &format!(r#"{{"id":"ord_1","total":{number}.50}}"#)));
            for event in &events {
                assert_eq!(server.post(&HANDL, event).await, 200);
            }
            assert_eq!(server.get("/orders").await[0]["total"], format!("{number}.50"));
            assert_eq!(server.get("/applied").await, server.get("/runs").await);
            assert_eq!(sum(&server.get("/runs").await), u64::try_from(events.len()).unwrap());
        }
    }
}

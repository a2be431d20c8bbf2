#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
//! Servers start, are shared, survive crashes and never outlive their users.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use counterfoil_testkit::{PrivatePostgres, PrivateRedis, postgres_url, unique_name};

/// A `testkit` that holds servers, and their URLs.
struct Holder {
    process: Child,
    postgres: String,
    redis: String,
}

impl Holder {
    fn start(what: &str, home: &Path) -> Self {
        let mut process = testkit(what, home).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut line = |name: &str| lines.next().unwrap().unwrap().strip_prefix(name).unwrap().to_owned();
        Self { process, postgres: line("DATABASE_URL="), redis: line("REDIS_URL=") }
    }

    /// The end that leaves a process no chance to tidy up.
    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn testkit(what: &str, home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_testkit"));
    command.arg(what).env("TESTKIT_DIR", home).env_remove("DATABASE_URL").env_remove("REDIS_URL");
    command
}

/// A home of one test, which the servers' user can enter.
fn home() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("kit").permissions(fs::Permissions::from_mode(0o755)).tempdir().unwrap()
}

/// What the database answers, or nothing if it does not.
fn try_psql(url: &str, query: &str) -> Option<String> {
    let program = std::env::var_os("TEST_PG_BIN").map_or("psql".into(), |folder| PathBuf::from(folder).join("psql"));
    let output = Command::new(program).args(["-X", "-A", "-t", "-q", "-c", query, url]).output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim_end().to_owned())
}

#[track_caller]
fn psql(url: &str, query: &str) -> String {
    try_psql(url, query).unwrap()
}

/// One command to Redis; the answer's bytes up to `length`.
fn redis(url: &str, command: &str, length: usize) -> Option<String> {
    let mut stream = UnixStream::connect(url.strip_prefix("redis+unix://").unwrap()).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    write!(stream, "{command}\r\n").unwrap();
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).unwrap();
    Some(String::from_utf8(answer).unwrap())
}

fn folder(postgres: &str) -> PathBuf {
    postgres.split_once("?host=").unwrap().1.into()
}

fn left_in(home: &Path) -> Vec<PathBuf> {
    fs::read_dir(home.join("run")).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[track_caller]
fn soon(what: &str, holds: impl Fn() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(15);
    while !holds() {
        assert!(Instant::now() < give_up, "{what} did not come to be");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn processes_share_servers_that_end_after_the_last_of_them() {
    let home = home();
    let (first, second) = thread::scope(|scope| {
        let first = scope.spawn(|| Holder::start("env", home.path()));
        (Holder::start("env", home.path()), first.join().unwrap())
    });
    assert_eq!((&first.postgres, &first.redis), (&second.postgres, &second.redis));
    let (postgres, redis_socket) = (first.postgres.clone(), first.redis.clone());
    psql(&postgres, "create table kept (id int)");

    first.kill();
    // Longer than the guard waits for the next user.
    thread::sleep(Duration::from_secs(4));
    assert_eq!(psql(&postgres, "select count(*) from kept"), "0");
    assert_eq!(redis(&redis_socket, "PING", 5).unwrap(), "+PONG");

    second.kill();
    // A user that comes while the guard waits keeps the server.
    let third = Holder::start("env", home.path());
    assert_eq!(third.postgres, postgres);
    third.kill();
    soon("an empty home", || left_in(home.path()).is_empty());
    assert_eq!(try_psql(&postgres, "select 1"), None);
    for entry in fs::read_dir(home.path()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name == "run" || name.ends_with(".lock"), "{name} is left");
    }
}

#[test]
fn a_shared_server_that_died_is_replaced() {
    let home = home();
    let first = Holder::start("env", home.path());
    let pid = fs::read_to_string(folder(&first.postgres).join("data/postmaster.pid")).unwrap();
    let pid = pid.lines().next().unwrap();
    assert!(Command::new("kill").args(["-9", pid]).status().unwrap().success());
    soon("a dead server", || try_psql(&first.postgres, "select 1").is_none());

    let second = Holder::start("env", home.path());
    assert_ne!(second.postgres, first.postgres);
    assert_eq!(second.redis, first.redis);
    assert_eq!(psql(&second.postgres, "select 1"), "1");
    first.kill();
    second.kill();
    soon("an empty home", || left_in(home.path()).is_empty());
}

#[test]
fn threads_share_a_server() {
    let urls: Vec<String> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(postgres_url)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(urls.iter().all(|url| *url == urls[0]));
    let schema = unique_name();
    psql(&urls[0], &format!("create schema {schema}; create table {schema}.t (id int); drop schema {schema} cascade"));
}

#[test]
fn a_database_keeps_what_it_committed_over_a_crash() {
    let mut server = PrivatePostgres::start();
    let url = server.url();
    let durable = "select current_setting('fsync'), current_setting('synchronous_commit')";
    assert_eq!(psql(&url, durable), "on|on");
    psql(&url, "create table kept (id int)");
    for round in 1..=2 {
        psql(&url, &format!("insert into kept values ({round})"));
        server.crash();
        assert_eq!(try_psql(&url, "select 1"), None);
        server.restart();
        assert_eq!(server.url(), url);
        assert_eq!(psql(&url, "select count(*) from kept"), round.to_string());
    }
    assert!(server.log().contains("automatic recovery in progress"), "{}", server.log());

    let folder = folder(&url);
    assert!(folder.exists());
    drop(server);
    assert!(!folder.exists());
}

#[test]
fn settings_reach_the_server_and_bad_ones_fail_with_its_log() {
    let settings = [("synchronous_commit", "off"), ("cluster_name", "it's"), ("max_connections", "7")];
    let server = PrivatePostgres::start_with(&settings);
    let shown = "select current_setting('synchronous_commit'), current_setting('cluster_name'), \
                 current_setting('max_connections')";
    assert_eq!(psql(&server.url(), shown), "off|it's|7");

    let refused = std::panic::catch_unwind(|| PrivatePostgres::start_with(&[("no_such_setting", "1")])).unwrap_err();
    let text = refused.downcast_ref::<String>().unwrap();
    assert!(text.contains("ended while it started") && text.contains("no_such_setting"), "{text}");
}

#[test]
fn redis_keeps_what_its_settings_say() {
    let mut durable = PrivateRedis::start(&[("appendonly", "yes"), ("appendfsync", "always")]);
    let mut forgetful = PrivateRedis::start(&[]);
    for server in [&mut durable, &mut forgetful] {
        let url = server.url();
        assert_eq!(redis(&url, "SET kept 1", 5).unwrap(), "+OK\r\n");
        server.crash();
        assert_eq!(redis(&url, "PING", 5), None);
        server.restart();
        assert_eq!(server.url(), url);
    }
    assert_eq!(redis(&durable.url(), "GET kept", 7).unwrap(), "$1\r\n1\r\n");
    assert_eq!(redis(&forgetful.url(), "GET kept", 5).unwrap(), "$-1\r\n");
}

#[test]
fn a_killed_owner_takes_its_servers_along() {
    let home = home();
    let owner = Holder::start("private", home.path());
    let (postgres, redis_socket) = (owner.postgres.clone(), owner.redis.clone());
    assert_eq!(psql(&postgres, "select 1"), "1");
    assert_eq!(redis(&redis_socket, "PING", 5).unwrap(), "+PONG");
    owner.kill();
    soon("an empty home", || left_in(home.path()).is_empty());
    assert_eq!(try_psql(&postgres, "select 1"), None);
    assert_eq!(redis(&redis_socket, "PING", 5), None);
}

#[test]
fn a_folder_without_a_guard_is_swept() {
    let home = home();
    Holder::start("private", home.path()).kill();
    soon("an empty home", || left_in(home.path()).is_empty());
    let left = home.path().join("run/postgres-00000000");
    fs::create_dir_all(left.join("data")).unwrap();
    fs::write(left.join("guard.log"), "").unwrap();

    let owner = Holder::start("private", home.path());
    assert!(!left.exists());
    assert_eq!(left_in(home.path()).len(), 2);
    owner.kill();
    soon("an empty home", || left_in(home.path()).is_empty());
}

#[test]
fn without_servers_it_says_what_to_do() {
    let home = home();
    // A path without programs: there is no `apt-get` either.
    let mut absent = testkit("env", home.path());
    absent.env("PATH", home.path()).env("DATABASE_URL", "postgres://elsewhere");
    let mut wrong = testkit("env", home.path());
    wrong.env("TEST_PG_BIN", home.path());
    for (mut command, word) in [(absent, "REDIS_URL"), (wrong, "TEST_PG_BIN")] {
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && text.contains(word), "{text}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn an_initdb_that_fails_is_heard_and_leaves_nothing() {
    let home = home();
    for program in ["initdb", "postgres"] {
        let path = home.path().join(program);
        fs::write(&path, "#!/bin/sh\necho no room for a cluster >&2\nexit 1\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let output = testkit("private", home.path()).env("TEST_PG_BIN", home.path()).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && text.contains("no room for a cluster"), "{text}");
    assert!(left_in(home.path()).is_empty());
}

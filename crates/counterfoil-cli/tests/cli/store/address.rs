use counterfoil_testkit::{postgres_url, redis_url, unique_name};

use super::Home;
use crate::Run;

/// What must not be printed.
const PASSWORD: &str = "hunter2sesame";

fn ls(url: &str) -> Run {
    Run::new(&["store", "ls", "--store", url])
}

#[test]
fn the_option_is_stronger_than_the_variable() {
    let home = Home::sqlite();
    let done = home.run(&["ls", "--store", "memory:"]).done();
    done.is_usage_error("process");
    Run::new(&["store", "ls"]).done().is_usage_error("COUNTERFOIL_STORE");
}

#[test]
fn addresses_of_no_store_are_refused() {
    for url in ["", "webhooks.db", "mysql://h/db", "postgres:db", "redis:h", "sqlite", "file:x.db"] {
        ls(url).done().is_usage_error("begins with none of");
    }
    for url in ["sqlite://user@h/db", "sqlite://webhooks.db?mode=ro", "sqlite:redis://h"] {
        ls(url).done().is_usage_error("sqlite:FILE");
    }
    for url in ["memory:", "memory://"] {
        ls(url).done().is_usage_error("lives in its receiver's process");
    }
}

#[test]
fn a_file_is_never_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    ls(&format!("sqlite:{}", path("missing.db"))).done().is_usage_error("missing.db");
    ls(&format!("sqlite:{}", folder.path().display())).done().is_usage_error("cannot open");
    std::fs::write(path("empty.db"), "").unwrap();
    ls(&format!("sqlite:{}", path("empty.db"))).done().is_usage_error("holds no store");
    std::fs::write(path("text.db"), "no database ".repeat(1000)).unwrap();
    ls(&format!("sqlite:{}", path("text.db"))).done().is_usage_error("not a database");
    for url in ["sqlite:", "sqlite::memory:"] {
        ls(url).done().is_usage_error("holds no store");
    }
    let mut names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["empty.db", "text.db"]);
    assert_eq!(std::fs::metadata(path("empty.db")).unwrap().len(), 0);
}

#[test]
fn another_applications_file_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch("CREATE TABLE orders (id INTEGER)").unwrap();
    drop(connection);
    let before = std::fs::read(&path).unwrap();
    ls(&format!("sqlite:{}", path.display())).done().is_usage_error("holds no store");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn names_that_do_not_fit_are_refused() {
    let home = Home::sqlite();
    home.done(&["ls", "--schema", "a"]).is_usage_error("only PostgreSQL has schemas");
    home.done(&["ls", "--prefix", "a_"]).is_usage_error("the store's own");
    ls(&redis_url()).args(&["--schema", "a"]).done().is_usage_error("only PostgreSQL has schemas");
    ls(&redis_url()).args(&["--prefix", "a*"]).done().is_usage_error("prefix");
    ls(&postgres_url()).args(&["--schema", "a b"]).done().is_usage_error("--schema");
}

/// Wherever a password stands on the line or in the variable, and whatever is wrong with the address.
#[test]
fn no_password_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("none.sock");
    let unix = format!("redis+unix://{}?pass={PASSWORD}", socket.display());
    let mut urls = vec![unix];
    for scheme in ["postgres", "postgresql", "redis", "rediss", "mysql", "sqlite"] {
        for rest in ["127.0.0.1:1/0", "127.0.0.1:x/0", "127.0.0.1:1/x/y", "[::1/0", "h\u{1}st/0", ""] {
            urls.push(format!("{scheme}://user:{PASSWORD}@{rest}"));
        }
        for wrong in ["12/", "12#", "12?", "a/", "@", "%zz", ":"] {
            urls.push(format!("{scheme}://user:{wrong}{PASSWORD}@127.0.0.1:1/0"));
        }
        // Of a file, this is the name.
        urls.extend((scheme != "sqlite").then(|| format!("{scheme}://{PASSWORD}")));
        urls.push(format!("{scheme}://127.0.0.1:1/0?password={PASSWORD}&sslmode=wrong"));
    }
    for url in &urls {
        let as_option = format!("--store={url}");
        let misspelt = format!("--stroe={url}");
        for run in [
            ls(url),
            Run::new(&["store", "ls"]).env("COUNTERFOIL_STORE", url),
            Run::new(&["store", "migrate", &as_option]),
            Run::new(&["store", "ls", url]),
            Run::new(&["store", "ls", &misspelt]),
            Run::new(&["store", "show", url]),
            Run::new(&["store", "ls", "--limit", url]),
            Run::new(&["store", url]),
            Run::new(&[url]),
        ] {
            let done = run.done();
            assert_eq!((done.code, done.stdout.as_str()), (2, ""), "{url}: {}", done.stderr);
            assert!(!done.stderr.is_empty() && !done.stderr.contains(PASSWORD), "{url}: {}", done.stderr);
        }
    }
}

/// A password with a `/` in it would end the host, and its rest be asked for as a database.
#[test]
fn an_address_that_is_not_escaped_is_refused() {
    for scheme in ["postgres", "postgresql", "redis", "rediss"] {
        for mark in ["/", "#", "?"] {
            let done = ls(&format!("{scheme}://user:12{mark}{PASSWORD}@127.0.0.1:1/0")).done();
            done.is_usage_error("%40");
        }
    }
}

#[test]
fn help_does_not_print_the_variable() {
    for arguments in [&["store", "--help"][..], &["store", "ls", "--help"], &["store", "ls", "-h"]] {
        let url = format!("postgres://user:{PASSWORD}@h/db");
        let done = Run::new(arguments).env("COUNTERFOIL_STORE", &url).done();
        assert_eq!(done.code, 0);
        assert!(done.stdout.contains("COUNTERFOIL_STORE") && !done.stdout.contains(PASSWORD), "{}", done.stdout);
    }
}

#[test]
fn a_server_that_would_forget_is_refused_with_what_to_do() {
    let home = Home::postgres();
    let off = format!("{}&options[synchronous_commit]=off", home.url);
    home.run(&["ls"]).env("COUNTERFOIL_STORE", &off).done().is_usage_error("options[synchronous_commit]=on");
    let on = format!("{off}&options[synchronous_commit]=on");
    assert_eq!(home.run(&["ls"]).env("COUNTERFOIL_STORE", &on).done().code, 0);
}

#[test]
fn a_server_that_is_not_there_is_named_at_once() {
    let began = std::time::Instant::now();
    for url in ["postgres://127.0.0.1:1/db", "redis://127.0.0.1:1", "rediss://127.0.0.1:1"] {
        ls(url).args(&["--prefix", &unique_name()]).done().is_usage_error("refused");
    }
    assert!(began.elapsed().as_secs() < 8, "{:?}", began.elapsed());
}

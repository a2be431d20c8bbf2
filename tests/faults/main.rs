//! A service whose disk fails: reads, writes and syncs of its store that end in errors, and a disk that is full.
//!
//! The service is axum-orders on SQLite, as a process. `strace` makes its system calls fail, each fault on a file and from a
//! call on of one's choice; a small file system in memory fills up. New events and copies are sent all the while. Then the
//! process is killed, its files are looked at past the code under test, it is started again, and everything is sent again.
//! [`law::Broken`] lists what must never be seen.
//!
//! `FAULTS_POINTS=3000 cargo test -p counterfoil-tests --test faults further` tries so many more faults, of six kinds in turn, from the
//! first call on to the 500th.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod books;
mod law;
mod run;
mod sender;
mod service;
mod terms;
mod trace;

use counterfoil_testkit::{Disk, may_mount};
use terms::{Call, Error, Fault, Target, When};

/// What a fault is, and from which call of its thread on.
const fn fault(target: Target, call: Call, error: Error, when: When) -> Fault {
    Fault { target, call, error, when }
}

#[test]
fn the_log_cannot_be_synced() {
    run::hold(fault(Target::Log, Call::Sync, Error::Io, When::Between(9, 14)));
    run::hold(fault(Target::Log, Call::Sync, Error::Io, When::From(8)));
    run::hold(fault(Target::Log, Call::Sync, Error::Full, When::Between(4, 4)));
}

#[test]
fn the_log_cannot_be_written() {
    run::hold(fault(Target::Log, Call::Write, Error::Io, When::Between(20, 40)));
    run::hold(fault(Target::Log, Call::Write, Error::Io, When::From(31)));
    run::hold(fault(Target::Log, Call::Write, Error::Full, When::Between(13, 60)));
    run::hold(fault(Target::Log, Call::Write, Error::Full, When::From(22)));
}

#[test]
fn the_log_cannot_be_read() {
    run::hold(fault(Target::Log, Call::Read, Error::Io, When::Between(1, 2)));
    run::hold(fault(Target::Log, Call::Read, Error::Io, When::From(1)));
}

#[test]
fn the_log_cannot_be_moved_to_the_file() {
    run::hold(fault(Target::File, Call::Write, Error::Full, When::Between(1, 30)));
    run::hold(fault(Target::File, Call::Sync, Error::Io, When::From(1)));
}

#[test]
fn the_books_cannot_be_kept() {
    run::hold(fault(Target::Books, Call::Sync, Error::Io, When::Between(5, 9)));
    run::hold(fault(Target::Books, Call::Write, Error::Full, When::From(25)));
}

#[test]
fn further_into_the_run() {
    let points = std::env::var("FAULTS_POINTS").ok().map_or(0, |text| text.parse().unwrap());
    Fault::many().take(points).for_each(run::hold);
}

#[test]
fn it_does_not_start_on_a_file_that_cannot_be_used() {
    for (call, error) in [(Call::Open, Error::Full), (Call::Read, Error::Io), (Call::Write, Error::Io)] {
        run::refuses_to_start(fault(Target::All, call, error, When::From(1)));
    }
}

#[test]
fn the_disk_is_full() {
    if may_mount("the_disk_is_full") {
        run::hold_on(&Disk::mount("2m"));
    }
}

//! A running service.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread;

use counterfoil_testkit::unique_name;
use rustix::process::{Pid, Signal, kill_process};

use crate::books::Books;
use crate::event::{Event, SECRET};
use crate::place::{Kind, Place};
use crate::request::Request;
use crate::wire::{Reply, exchange};

/// Starts a service, and ends it when standard input does: with the tests, however they end. The number cannot be
/// another's by then, because nobody has waited for it. Removes the folder that comes first, if one does.
const GUARD: &str = r#"
folder=$1; shift
"$@" </dev/null &
echo "$!"
exec >/dev/null
read -r _
kill -s KILL "$!"
wait
[ -z "$folder" ] || rm -rf -- "$folder"
"#;

/// A running service, until it is dropped.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) place: Place,
    pub(crate) address: SocketAddr,
    pub(crate) books: Books,
    guard: Child,
    /// Held, because the service ends when it closes.
    stdin: Option<ChildStdin>,
    id: Pid,
    log: PathBuf,
}

impl Service {
    /// One that all tests of this process share. What they send must not get into each other's way.
    pub(crate) fn shared(kind: Kind) -> Arc<Self> {
        static SHARED: LazyLock<Mutex<HashMap<Kind, Arc<Service>>>> = LazyLock::new(Mutex::default);
        // What one test finds wrong is not the others' business.
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.entry(kind).or_insert_with(|| Arc::new(Place::new(kind).left_to_the_guard().start())).clone()
    }

    pub(crate) fn start(place: &Place) -> Self {
        let log = place.folder.join(format!("{}.log", unique_name()));
        let folder = if place.is_left_to_the_guard { place.folder.as_os_str() } else { OsStr::new("") };
        let words = [&["sh", "-c", GUARD, "guard"].map(OsStr::new)[..], &[folder]].concat();
        let words: Vec<_> = words.into_iter().map(OsString::from).chain(place.kind.words()).collect();
        let mut command = place.kind.command(&words, place);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(File::create(&log).unwrap());
        let mut guard = command.spawn().unwrap();
        let stdin = guard.stdin.take();
        let said: Vec<String> =
            BufReader::new(guard.stdout.take().unwrap()).lines().take(2).map(Result::unwrap).collect();
        let address = said.iter().find_map(|line| line.strip_prefix("listening on http://")?.parse().ok());
        let address = address.unwrap_or_else(|| panic!("{:?}: {said:?} {}", place.kind, read(&log)));
        let id = said.iter().find_map(|line| Pid::from_raw(line.parse().ok()?)).unwrap();
        let books = Books::of(&place.folder);
        Self { place: place.clone(), address, books, guard, stdin, id, log }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.place.kind
    }

    /// Sends a request on a connection of its own.
    #[track_caller]
    pub(crate) fn send(&self, request: &Request) -> Reply {
        match exchange(self.address, &request.bytes()) {
            Some(reply) => reply,
            None => panic!("{:?} closed the connection without an answer: {request:?}", self.kind()),
        }
    }

    /// Status and code of the answer; the code is empty where it is not the receiver's.
    #[track_caller]
    pub(crate) fn answer(&self, request: &Request) -> (u16, String) {
        let reply = self.send(request);
        (reply.status, reply.code())
    }

    /// Sends what must be answered with this, to the letter.
    #[track_caller]
    pub(crate) fn refuses(&self, status: u16, code: &str, request: &Request) {
        assert_eq!(self.answer(request), (status, code.to_owned()), "{:?}: {request:?}", self.kind());
    }

    /// Sends an event that must be handled, and no more than once.
    #[track_caller]
    pub(crate) fn handles(&self, event: &Event) {
        self.passes(event, &event.request());
    }

    /// The same in a request that is not as usual.
    #[track_caller]
    pub(crate) fn passes(&self, event: &Event, request: &Request) {
        assert_eq!(self.answer(request), (200, String::new()), "{:?}: {request:?}", self.kind());
        self.holds_once(event);
    }

    /// One effect of this event, and one run of its handler, by whoever reads the database.
    #[track_caller]
    pub(crate) fn holds_once(&self, event: &Event) {
        assert_eq!(self.books.seen(&event.key()), (1, 1, Some(2)), "{:?}: {event:?}", self.kind());
    }

    /// No effect of this event, no run, no row.
    #[track_caller]
    pub(crate) fn knows_nothing_of(&self, event: &Event) {
        assert_eq!(self.books.seen(&event.key()), (0, 0, None), "{:?}: {event:?}", self.kind());
    }

    /// Serves an honest delivery as if nothing had happened, and has logged nothing that is nobody's business.
    #[track_caller]
    pub(crate) fn is_well(&self) {
        let event = Event::of("handl");
        self.handles(&event);
        self.refuses(200, "duplicate", &event.request());
        self.holds_once(&event);
        self.is_calm();
    }

    #[track_caller]
    pub(crate) fn is_calm(&self) {
        let log = self.log();
        for word in [SECRET, "panicked", "Traceback", "Exception", "never awaited"] {
            assert!(!log.contains(word), "{:?}: {word} in {log}", self.kind());
        }
    }

    pub(crate) fn log(&self) -> String {
        read(&self.log)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.id, signal).unwrap();
    }

    /// Kills it without a warning, and starts it again where it was.
    pub(crate) fn killed(self) -> Self {
        let place = self.place.clone();
        drop(self);
        place.start()
    }

    /// The most memory it has had so far, in MiB.
    pub(crate) fn peak_mib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id.as_raw_nonzero())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let ended = self.guard.wait();
        assert!(ended.is_ok() || thread::panicking());
    }
}

fn read(log: &Path) -> String {
    String::from_utf8_lossy(&fs::read(log).unwrap()).into_owned()
}

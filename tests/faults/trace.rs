//! What `strace` saw.

use std::fs;
use std::path::{Path, PathBuf};

/// Its file, line by line as calls return.
#[derive(Debug, Clone)]
pub(crate) struct Trace(PathBuf);

/// What calls there were since a place in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Calls that were made to fail.
    pub(crate) failed: usize,
    /// Syncs that were done.
    pub(crate) synced: usize,
}

impl Trace {
    pub(crate) fn of(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Where it ends as yet.
    pub(crate) fn end(&self) -> usize {
        self.read().len()
    }

    pub(crate) fn since(&self, place: usize) -> Seen {
        Seen::of(&self.read()[place..])
    }

    fn read(&self) -> String {
        fs::read(&self.0).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }
}

impl Seen {
    fn of(lines: &str) -> Self {
        let count = |is: fn(&str) -> bool| lines.lines().filter(|line| is(line)).count();
        Self {
            failed: count(|line| line.ends_with("(INJECTED)")),
            synced: count(|line| (line.contains("fsync") || line.contains("fdatasync")) && line.ends_with("= 0")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_strace() {
        let lines = "7 fsync(9</a/webhooks.db-wal>) = 0\n7 fsync(9</a/webhooks.db-wal>) = -1 EIO (Input/output error) (INJECTED)\n\
                     7 fdatasync(9</a>)    = 0\n7 fsync(9</a> <unfinished ...>\n7 <... fsync resumed>) = 0\n7 pwrite64(9</a>, 0, 0) = 0\n";
        assert_eq!(Seen::of(lines), Seen { failed: 1, synced: 3 });
    }
}

//! What the servers have in common.

use std::ffi::OsString;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use crate::error::KitError;
use crate::home::Home;

/// A kind of server, with the settings of one.
pub(crate) trait Engine {
    /// Names its folders, and itself in errors.
    const NAME: &'static str;
    /// The socket's name in the server's folder.
    const SOCKET: &'static str;
    /// The signal that ends it without a farewell to its data.
    const END: &'static str;
    /// Held by each process that uses the shared server.
    const USERS_LOCK: &'static str;
    /// Held while users come and while the shared server is started or ended.
    const GATE_LOCK: &'static str;

    /// Writes the settings into an empty folder, and says how the server is run there.
    fn prepare(&self, home: &Home, folder: &Path) -> Result<Launch, KitError>;

    /// Whether the server at the other end is ready to work.
    fn greet(&self, stream: &mut UnixStream) -> io::Result<bool>;

    /// The URL of the server in `folder`.
    fn url(folder: &Path) -> String;
}

/// How a server is run.
#[derive(Debug)]
pub(crate) struct Launch {
    /// Makes its data, if it cannot do so itself.
    pub(crate) initdb: Option<PathBuf>,
    /// Runs it in the foreground.
    pub(crate) command: Vec<OsString>,
}

/// A path as part of a URL. It must not be taken for a query or a space.
pub(crate) fn percent(path: &Path) -> String {
    use std::fmt::Write;
    use std::os::unix::ffi::OsStrExt;

    path.as_os_str().as_bytes().iter().fold(String::new(), |mut text, byte| {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => text.push(char::from(*byte)),
            byte => {
                let _ = write!(text, "%{byte:02X}");
            }
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_keeps_its_slashes_and_nothing_that_means_something_else() {
        assert_eq!(percent(Path::new("/tmp/a-b_c.d/0")), "/tmp/a-b_c.d/0");
        assert_eq!(percent(Path::new("/a b+c&d?e#f%ü")), "/a%20b%2Bc%26d%3Fe%23f%25%C3%BC");
    }
}

//! A terminal's window.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs::File;
use std::io::{Read as _, Write as _};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::Run;

/// A window of so many columns, in which somebody types `typed`. Returns the exit code and what was shown.
pub(crate) fn on_terminal(run: Run, columns: u16, typed: &str) -> (i32, String) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    tcsetwinsize(&master, Winsize { ws_row: 40, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let path = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let side = || File::options().read(true).write(true).open(&path).unwrap();

    let Run { mut command, .. } = run.env("TERM", "xterm");
    let mut child = command.stdin(side()).stdout(side()).stderr(side()).spawn().unwrap();
    // It holds the other side open too.
    drop(command);
    let mut window = File::from(master);
    window.write_all(typed.as_bytes()).unwrap();
    let mut shown = Vec::new();
    let mut part = [0; 4096];
    // Once nobody is left on the other side, reading fails.
    while let Ok(read @ 1..) = window.read(&mut part) {
        shown.extend_from_slice(&part[..read]);
    }
    (child.wait().unwrap().code().unwrap(), String::from_utf8(shown).unwrap())
}

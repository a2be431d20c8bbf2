//! The command on a terminal: asked questions, colours, and narrow windows.

use std::fs::File;
use std::io::{Read as _, Write as _};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::{Home, id};
use crate::Run;

/// A window of so many columns, in which somebody types `typed`. Returns the exit code and what was shown.
fn on_terminal(run: Run, columns: u16, typed: &str) -> (i32, String) {
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

#[test]
fn forget_asks_first() {
    for home in Home::all() {
        let (code, shown) = on_terminal(home.run(&["forget", &id(4)]), 120, "n\n");
        assert_eq!(code, 1, "{shown}");
        for part in ["dead", &id(4), "handl order.created evt_4", "[y/N]", "nothing was forgotten"] {
            assert!(shown.contains(part), "{part:?} is not in {shown}");
        }
        assert_eq!(home.listed(&["--state", "dead"]), [id(4)], "{}", home.kind);

        let (code, shown) = on_terminal(home.run(&["forget", &id(4)]), 120, "y\n");
        assert_eq!(code, 0, "{shown}");
        assert_eq!(home.listed(&["--state", "dead"]), [""; 0], "{}", home.kind);
    }
}

#[test]
fn there_is_nothing_to_ask_about_what_is_not_there() {
    let missing = format!("0:{}", super::home::key(1));
    let (code, shown) = on_terminal(Home::sqlite().run(&["forget", &missing]), 120, "");
    assert_eq!(code, 1, "{shown}");
    assert!(shown.contains("not there") && !shown.contains("[y/N]"), "{shown}");
}

#[test]
fn states_are_coloured() {
    let (code, shown) = on_terminal(Home::sqlite().run(&["ls"]), 200, "");
    assert_eq!(code, 0, "{shown}");
    let line = shown.lines().find(|line| line.contains(&id(4))).unwrap();
    assert!(line.contains('\u{1b}') && line.contains("no such customer"), "{line:?}");
}

#[test]
fn a_narrow_window_gets_short_lines() {
    let (code, shown) = on_terminal(Home::sqlite().run(&["ls", "--all"]), 80, "");
    assert_eq!(code, 0, "{shown}");
    for number in 1..=6 {
        assert!(shown.contains(&id(number)) && shown.contains(&format!("evt_{number}")), "{shown}");
    }
}

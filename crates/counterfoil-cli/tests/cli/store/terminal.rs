//! The command on a terminal: asked questions, colours, and narrow windows.

use super::{Home, id};
use crate::window::on_terminal;

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

use super::home::key;
use super::{Home, id};

/// A negative scope looks like an option.
#[test]
fn an_event_can_stand_anywhere_on_the_line() {
    let home = Home::sqlite();
    for arguments in [&["show", &id(1), "--json"][..], &["show", "--json", &id(1)], &["show", "--json", "--", &id(1)]] {
        let done = home.done(arguments);
        assert_eq!(done.json()["event"], id(1), "{arguments:?}: {}", done.stderr);
    }
    let two = home.done(&["show", &id(1), &id(2), "--json", &id(3)]).rows();
    assert_eq!(two.len(), 3);
    assert_eq!(home.listed(&["--after", &id(1), "--limit", "1"]), [id(2)]);
}

#[test]
fn what_names_no_event_is_a_mistake() {
    let home = Home::sqlite();
    for wrong in ["evt_1", "-7", "7:", &format!("x:{}", key(1)), &format!("-9999999999:{}", key(1)), "-7:abc"] {
        for command in ["show", "forget"] {
            let done = home.done(&[command, "--", wrong]);
            done.is_usage_error("32 hex digits");
        }
    }
    home.done(&["ls", "--after", &key(1).to_string()]).is_usage_error("SCOPE:KEY");
    home.done(&["show"]).is_usage_error("<EVENT>");
    home.done(&["ls", "--limit", "0"]).is_usage_error("--limit");
}

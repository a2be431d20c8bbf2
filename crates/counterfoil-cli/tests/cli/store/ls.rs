use counterfoil::idempotency::{ClaimRequest, Note};
use counterfoil::time::parse_rfc3339;
use serde_json::json;

use super::home::request;
use super::{Home, id};

const STATES: [&str; 6] = ["ready", "claimed", "done", "dead", "claimed", "done"];

#[test]
fn ls_prints_a_line_for_each_row() {
    for home in Home::all() {
        let done = home.done(&["ls"]);
        assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{}", home.kind);
        assert!(!done.stdout.contains('\u{1b}'), "colours in a pipe: {}", done.stdout);
        let rows: Vec<&str> = done.stdout.lines().skip(2).collect();
        assert_eq!(rows.len(), 6, "{}", done.stdout);
        for (number, (row, state)) in (1..).zip(rows.iter().zip(STATES)) {
            let words: Vec<&str> = row.split_whitespace().collect();
            assert_eq!(words[..2], [state, &*id(number)], "{}", home.kind);
            assert!(row.contains(&format!("handl order.created evt_{number}")), "{row}");
        }
        assert!(rows[1].contains(" 59m"), "{}: the lease that is left: {}", home.kind, rows[1]);
        assert!(rows[3].ends_with("no such customer"), "{}", rows[3]);
        assert!(rows[4].contains(" passed "), "{}", rows[4]);
    }
}

#[test]
fn ls_takes_one_state() {
    for home in Home::all() {
        for (state, expected) in [("ready", &[1][..]), ("claimed", &[2, 5]), ("done", &[3, 6]), ("dead", &[4])] {
            let expected: Vec<String> = expected.iter().map(|number| id(*number)).collect();
            assert_eq!(home.listed(&["--state", state]), expected, "{}", home.kind);
        }
        home.done(&["ls", "--state", "parked"]).is_usage_error("claimed");
    }
}

#[test]
fn ls_goes_page_by_page() {
    for home in Home::all() {
        let all: Vec<String> = (1..=6).map(id).collect();
        assert_eq!(home.listed(&["--all"]), all, "{}", home.kind);
        assert_eq!(home.listed(&["--limit", "6"]), all, "{}", home.kind);
        assert_eq!(home.listed(&["--all", "--after", &id(4)]), all[4..], "{}", home.kind);
        let (mut seen, mut after) = (Vec::new(), Vec::new());
        loop {
            let done = home.run(&["ls", "--json", "--limit", "4"]).args(&after).done();
            seen.extend(done.rows().iter().map(|row| row["event"].as_str().unwrap().to_owned()));
            // What it says is next can be given back as it is.
            let Some((_, next)) = done.stderr.split_once("add ") else { break };
            after = next.split(',').next().unwrap().split(' ').map(|word| &*word.to_owned().leak()).collect();
        }
        assert_eq!(seen, all, "{}", home.kind);
    }
}

#[test]
fn ls_says_that_there_is_nothing() {
    for home in Home::all() {
        let done = home.done(&["ls", "--after", &id(6)]);
        assert_eq!((done.code, done.stdout.as_str()), (0, ""), "{}", home.kind);
        assert!(done.stderr.contains("no such events"), "{}", done.stderr);
    }
}

#[test]
fn ls_tells_programs_everything() {
    for home in Home::all() {
        let rows = home.done(&["ls", "--json"]).rows();
        let dead = &rows[3];
        assert_eq!(dead["event"], id(4), "{}", home.kind);
        assert_eq!((&dead["scope"], &dead["key"]), (&json!(9), &json!("04".repeat(16))));
        assert_eq!((&dead["state"], &dead["attempts"]), (&json!("dead"), &json!(1)));
        assert_eq!(dead["note"], "handl order.created evt_4");
        assert_eq!(dead["reason"], "no such customer");
        assert_eq!(dead["lease_left_seconds"], json!(null));
        // The first half of `printf '{}' | sha256sum`.
        assert_eq!(dead["fingerprint"], "44136fa355b3678a1146ad16f7e8649e");
        let time = |member: &str| parse_rfc3339(dead[member].as_str().unwrap()).unwrap();
        assert_eq!(time("expires_at").duration_since(time("first_at")).unwrap().as_secs(), 7 * 86_400);
        let left = rows[1]["lease_left_seconds"].as_f64().unwrap();
        assert!((3000.0..=3600.0).contains(&left), "{left}");
        assert_eq!(rows[4]["lease_left_seconds"], json!(0.0));
        assert_eq!((&rows[5]["attempts"], &rows[5]["reason"]), (&json!(2), &json!(null)));
        assert!(rows[5]["token"].as_i64() > rows[4]["token"].as_i64());
    }
}

#[test]
fn a_senders_text_cannot_steer_a_terminal() {
    let home = Home::sqlite();
    let text = "evil \u{1b}[2J\u{9b}2J\u{202e}\r\n\t\u{7f}é";
    let _lease = home.claim(&ClaimRequest { note: Note::new(text), ..request(7) });
    for command in [&["ls"][..], &["show", &id(7)]] {
        let shown = home.done(command).stdout;
        assert!(shown.contains(r"evil \u{1b}[2J\u{9b}2J\u{202e}\r\n\t\u{7f}é"), "{shown}");
    }
    assert_eq!(home.done(&["ls", "--json"]).rows()[6]["note"], text);
}

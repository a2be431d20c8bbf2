use counterfoil::idempotency::{Claim, Fenced, Outcome};

use super::home::request;
use super::{Home, id};

#[test]
fn what_is_forgotten_is_handled_anew() {
    for home in Home::all() {
        for number in [3, 4] {
            let before = home.claim(&request(number));
            let settled = if number == 3 { Outcome::Completed } else { Outcome::Dead };
            assert!(matches!(before, Claim::Duplicate(outcome) if outcome == settled), "{before:?}");
        }
        let done = home.done(&["forget", "--yes", &id(3), &id(4)]);
        assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{}", home.kind);
        assert_eq!(done.stdout, format!("forgotten  {}\nforgotten  {}\n", id(3), id(4)));
        for number in [3, 4] {
            let Claim::Won(lease) = home.claim(&request(number)) else { panic!("{} is handled anew", id(number)) };
            assert_eq!(lease.fence().attempt, 1);
        }
    }
}

#[test]
fn forgetting_fences_the_holder_off() {
    for home in Home::all() {
        assert_eq!(home.done(&["forget", "--yes", &id(2)]).code, 0);
        let completed = home.runtime.block_on(home.live.complete(&*home.store)).unwrap();
        assert_eq!(completed, Fenced::Lost, "{}", home.kind);
    }
}

#[test]
fn forget_says_what_was_not_there() {
    for home in Home::all() {
        let missing = format!("0:{}", super::home::key(1));
        let done = home.done(&["forget", "--yes", "--json", &missing, &id(4), &id(4)]);
        assert_eq!(done.code, 1, "{}: {}", home.kind, done.stderr);
        let rows = done.rows();
        let said: Vec<_> = rows.iter().map(|row| (row["event"].as_str().unwrap(), &row["forgotten"])).collect();
        let (yes, no) = (serde_json::json!(true), serde_json::json!(false));
        assert_eq!(said, [(&*missing, &no), (&*id(4), &yes), (&*id(4), &no)]);
        assert_eq!(home.listed(&["--state", "dead"]), [""; 0]);
    }
}

#[test]
fn without_a_terminal_a_yes_is_needed() {
    for home in Home::all() {
        let done = home.run(&["forget", &id(4)]).stdin("y\n").done();
        done.is_usage_error("--yes");
        assert_eq!(home.listed(&["--state", "dead"]), [id(4)], "{}", home.kind);
    }
}

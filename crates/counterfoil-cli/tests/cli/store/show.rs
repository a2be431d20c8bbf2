use counterfoil::idempotency::{ClaimRequest, Scope};

use super::home::{key, request};
use super::{Home, SCOPES, id};

#[test]
fn show_tells_all_facts() {
    for home in Home::all() {
        let done = home.done(&["show", &id(4)]);
        assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{}", home.kind);
        for fact in [&*id(4), "handl order.created evt_4", "dead: never to be handled", "no such customer"] {
            assert!(done.stdout.contains(fact), "{fact:?} is not in {}", done.stdout);
        }
        let states = ["ready: given back", "claimed: being handled, 59m", "done: handled"];
        for (number, state) in (1..).zip(states) {
            let shown = home.done(&["show", &id(number)]).stdout;
            assert!(shown.contains(state), "{state:?} is not in {shown}");
        }
        let vanished = home.done(&["show", &id(5)]).stdout;
        assert!(vanished.contains("let the lease pass"), "{vanished}");
    }
}

#[test]
fn show_and_ls_tell_programs_the_same() {
    for home in Home::all() {
        let ids: Vec<String> = [1, 3, 4, 6].map(id).to_vec();
        let shown = home.run(&["show", "--json"]).args(&ids.iter().map(String::as_str).collect::<Vec<_>>()).done();
        let listed = home.done(&["ls", "--json"]).rows();
        assert_eq!(shown.rows(), [0, 2, 3, 5].map(|index: usize| listed[index].clone()), "{}", home.kind);
    }
}

#[test]
fn a_key_alone_is_found_in_whichever_scope_it_is() {
    for home in Home::all() {
        for number in [1, 6] {
            let shown = home.done(&["show", "--json", &key(number).to_string()]);
            assert_eq!(shown.json()["event"], id(number), "{}: {}", home.kind, shown.stderr);
        }
        let other = ClaimRequest { scope: Scope::from_i32(SCOPES[1]), ..request(1) };
        let _lease = home.claim(&other);
        let both = format!("{} or {}:{}", id(1), SCOPES[1], key(1));
        home.done(&["show", &key(1).to_string()]).is_usage_error(&both);
        home.done(&["forget", "--yes", &key(1).to_string()]).is_usage_error(&both);
        assert_eq!(home.listed(&[]).len(), 7, "{}: nothing is forgotten of two", home.kind);
    }
}

#[test]
fn what_is_not_there_is_no_success() {
    for home in Home::all() {
        for missing in [format!("0:{}", key(1)), key(99).to_string()] {
            let done = home.done(&["show", "--json", &missing, &id(3)]);
            assert_eq!(done.code, 1, "{}", home.kind);
            assert!(done.stderr.contains(&format!("no event {missing}")), "{}", done.stderr);
            assert_eq!(done.json()["event"], id(3));
        }
    }
}

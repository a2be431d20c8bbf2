use serde_json::json;

use crate::Run;
use crate::window::on_terminal;

#[test]
fn the_table_has_a_line_for_each_sender() {
    let done = Run::new(&["senders"]).done();
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    assert!(!done.stdout.contains('\u{1b}'));
    for sender in counterfoil::senders::ALL.iter().chain(counterfoil::senders::catalogue()) {
        let line = done.stdout.lines().find(|line| line.split_whitespace().next() == Some(&sender.name));
        let line = line.unwrap_or_else(|| panic!("no line for {}", sender.name));
        assert!(line.contains(sender.scheme.header().expect("a header")), "{line}");
    }
}

#[test]
fn a_narrow_window_gets_a_few_lines_for_each() {
    let (code, shown) = on_terminal(Run::new(&["senders"]), 80, "");
    assert_eq!(code, 0, "{shown}");
    for lines in [
        "\u{1b}[1mBuilt in\u{1b}[0m\r\n\u{1b}[36magency-os-ai\u{1b}[0m\r\n",
        "  HMAC-SHA256: X-Agiled-Webhook-Signature over <time>.<body>\r\n  time from header, key from /id\r\n",
        "  remote: x-ah-sig, asked at api.agencyhandy.com\r\n",
        "\r\n\r\n\u{1b}[1mFrom the catalogue\u{1b}[0m\r\n",
        "  token: X-Gitlab-Token\r\n  time from none, key from body\r\n  deadline 10s, retries manual, window none\r\n",
    ] {
        assert!(shown.contains(lines), "{lines:?} is not in {shown:?}");
    }
}

#[test]
fn one_sender_is_told_in_full() {
    let agiled = Run::new(&["senders", "agiled"]).done().stdout;
    for fact in [
        "X-Agiled-Webhook-Signature: <64 hex digits>",
        "<X-Agiled-Webhook-Timestamp>.<body>",
        "the id at /id",
        "5 in 1h 51m, after 1m, 5m, 15m, 30m, 1h",
        "2h past, 1m ahead",
        "not stated",
        "invoice.paid",
        "leave.approved",
    ] {
        assert!(agiled.contains(fact), "{fact:?} is not in {agiled}");
    }
    let plugin = Run::new(&["senders", "agency-os-ai-plugin"]).done().stdout;
    assert!(plugin.contains("Events, shipped") && plugin.contains("sha256=<64 hex digits>"), "{plugin}");
    let agencyhandy = Run::new(&["senders", "agencyhandy"]).done().stdout;
    for fact in [
        "is asked: https://api.agencyhandy.com/api/v1/webhooks/verify-signature",
        "x-ah-sig: a form that only the sender knows",
        "the webhook's id (--webhook-id)",
        "the SHA-256 of the body's canonical form",
    ] {
        assert!(agencyhandy.contains(fact), "{fact:?} is not in {agencyhandy}");
    }
    let documented = Run::new(&["senders", "agency-os-ai"]).done().stdout;
    assert!(documented.contains("<X-AOSAI-Timestamp><body>"), "{documented}");
}

#[test]
fn json_tells_the_same() {
    let all = Run::new(&["senders", "--json"]).done().json();
    let senders = counterfoil::senders::ALL.iter().chain(counterfoil::senders::catalogue());
    assert_eq!(all.as_array().map(Vec::len), Some(senders.clone().count()));
    for (facts, sender) in all.as_array().expect("a list").iter().zip(senders) {
        assert_eq!(facts["name"], *sender.name);
        assert_eq!(facts["events"].as_array().map(Vec::len), Some(sender.events.len()));
        assert_eq!(*facts, Run::new(&["senders", &sender.name, "--json"]).done().json());
    }
    let handl = Run::new(&["senders", "handl", "--json"]).done().json();
    assert_eq!(handl["retries"]["waits_seconds"], json!([30, 300, 1800, 7200, 86400]));
    assert_eq!(handl["retries"]["horizon_seconds"], 95_730);
    assert_eq!(handl["retry_safe_seconds"], 97_200);
    assert_eq!(handl["deadline_seconds"], 10);
    let agencyhandy = Run::new(&["senders", "agencyhandy", "--json"]).done().json();
    assert_eq!((&agencyhandy["kind"], &agencyhandy["key_from"]), (&json!("remote"), &json!("canonical_body")));
    assert_eq!((&agencyhandy["needs"], &agencyhandy["signed"]), (&json!(["webhook_id"]), &json!(null)));
    assert_eq!(
        agencyhandy["remote"]["valid"],
        json!({"status": 200, "member": "verification_status", "text": "SUCCESS"})
    );
    let slack = Run::new(&["senders", "slack", "--json"]).done().json();
    let challenge = json!({"in": "body", "text": "/challenge", "at": "/type", "is": "url_verification"});
    assert_eq!((&slack["from"], &slack["challenge"]), (&json!("catalogue"), &challenge));
    let square = Run::new(&["senders", "square", "--json"]).done().json();
    assert_eq!((&square["signed"], &square["needs"]), (&json!(["url", "body"]), &json!(["public_url"])));
}

#[test]
fn an_unknown_sender_is_a_mistake() {
    Run::new(&["senders", "agild"]).done().is_usage_error("`agiled`");
}

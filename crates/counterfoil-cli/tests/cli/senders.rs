use crate::Run;

#[test]
fn the_table_has_a_line_for_each_sender() {
    let done = Run::new(&["senders"]).done();
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    assert!(!done.stdout.contains('\u{1b}'));
    for sender in &counterfoil::senders::ALL {
        let line = done.stdout.lines().find(|line| line.split_whitespace().next() == Some(&sender.name));
        let line = line.unwrap_or_else(|| panic!("no line for {}", sender.name));
        assert!(line.contains(sender.scheme.header().expect("a header")), "{line}");
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
    let documented = Run::new(&["senders", "agency-os-ai"]).done().stdout;
    assert!(documented.contains("<X-AOSAI-Timestamp><body>"), "{documented}");
}

#[test]
fn json_tells_the_same() {
    let all = Run::new(&["senders", "--json"]).done().json();
    assert_eq!(all.as_array().map(Vec::len), Some(counterfoil::senders::ALL.len()));
    for (facts, sender) in all.as_array().expect("a list").iter().zip(&counterfoil::senders::ALL) {
        assert_eq!(facts["name"], *sender.name);
        assert_eq!(facts["events"].as_array().map(Vec::len), Some(sender.events.len()));
        assert_eq!(*facts, Run::new(&["senders", &sender.name, "--json"]).done().json());
    }
    let handl = Run::new(&["senders", "handl", "--json"]).done().json();
    assert_eq!(handl["retries"]["waits_seconds"], serde_json::json!([30, 300, 1800, 7200, 86400]));
    assert_eq!(handl["retries"]["horizon_seconds"], 95_730);
    assert_eq!(handl["retry_safe_seconds"], 97_200);
    assert_eq!(handl["deadline_seconds"], 10);
}

#[test]
fn an_unknown_sender_is_a_mistake() {
    Run::new(&["senders", "agild"]).done().is_usage_error("'agiled'");
}

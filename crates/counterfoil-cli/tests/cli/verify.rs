use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::{EVENT, Run};

const AGILED: &str = "219835502974342a327d302a062f3cf8ea105407afbcffc45e1f502d00e1a0c1";
const NOON: &str = "2026-05-18T12:00:00Z";

struct Captured {
    sender: &'static str,
    secret: &'static str,
    headers: &'static [&'static str],
    body: &'static str,
    at: &'static str,
    id: Option<&'static str>,
    event_type: &'static str,
    more: &'static [&'static str],
}

/// Made with Python's `hmac` and OpenSSL, not with this code.
const CAPTURED: &[Captured] = &[
    Captured {
        sender: "agiled",
        secret: "agiled_secret_example",
        headers: &[
            "X-Agiled-Webhook-Signature: 219835502974342a327d302a062f3cf8ea105407afbcffc45e1f502d00e1a0c1",
            "X-Agiled-Webhook-Timestamp: 1779105600",
        ],
        body: EVENT,
        at: NOON,
        id: Some("evt_0001"),
        event_type: "invoice.paid",
        more: &[],
    },
    Captured {
        sender: "agiled",
        secret: "agiled_secret_example",
        headers: &[
            "x-agiled-webhook-signature:871BF6180A7D6CB58794CB6E2F146E1AA3537C6CC9B473FECA09505AC0CC4E26",
            "X-AGILED-WEBHOOK-TIMESTAMP: \t2026-05-18T12:00:00.000Z \t",
        ],
        body: EVENT,
        at: NOON,
        id: Some("evt_0001"),
        event_type: "invoice.paid",
        more: &[],
    },
    Captured {
        sender: "agency-os-ai",
        secret: "abcdefghijklmnopqrstuvwxyz012345",
        headers: &[
            "X-AOSAI-Signature: sha256=9bf30d1c8f6732828948e40505bd74dd600347d84ff2c1bb019e8dd66af9b70e",
            "X-AOSAI-Timestamp: 1774958400",
            "X-AOSAI-Event: task.updated",
        ],
        body: PLUGIN_EVENT,
        at: "2026-03-31T12:00:00Z",
        id: None,
        event_type: "task.updated",
        more: &[],
    },
    Captured {
        sender: "agency-os-ai-plugin",
        secret: "abcdefghijklmnopqrstuvwxyz012345",
        headers: &["X-AOSAI-Signature: sha256=b003b4cb6c1ba6a3050ff2eeb717099ec91e07f02945660c7653a3b7f1302f4b"],
        body: PLUGIN_EVENT,
        at: "2026-03-31T10:00:00Z",
        id: None,
        event_type: "task.updated",
        more: &["--utc-offset", "+01:00", "--utc-offset", "+02:00"],
    },
    Captured {
        sender: "agency-os-ai-plugin",
        secret: "abcdefghijklmnopqrstuvwxyz012345",
        headers: &["X-AOSAI-Signature: sha256=b003b4cb6c1ba6a3050ff2eeb717099ec91e07f02945660c7653a3b7f1302f4b"],
        body: PLUGIN_EVENT,
        at: "2026-03-31T15:30:00Z",
        id: None,
        event_type: "task.updated",
        more: &["--utc-offset", "-03:30"],
    },
    Captured {
        sender: "handl",
        secret: "whsec_example",
        headers: &["X-HanDl-Signature: f8ebf7e3b5b2fdaa10901ac8ee461ab60dbf87a5484380903e20e10641822485"],
        body: r#"{"id":"evt_abc123","object":"event","type":"order.created","created_at":"2025-06-15T14:30:00Z","data":{"id":"ord_1042","object":"order","status":"pending","total":850000,"currency":"NGN"}}"#,
        at: "2025-06-15T14:30:00Z",
        id: Some("evt_abc123"),
        event_type: "order.created",
        more: &[],
    },
    Captured {
        sender: "angage",
        secret: "whsec_example",
        headers: &["X-Angage-Signature: sha256=d37716670d05fdbf887e254b6c6f40afe70beb89d7c170e09b2f615ac51b6ba9"],
        body: r#"{"event":"order.created","timestamp":"2026-01-22T15:30:00Z","data":{"order_id":"ord_abc123","order_number":"SO-2026-0892"}}"#,
        at: "2026-01-22T15:30:00Z",
        id: None,
        event_type: "order.created",
        more: &[],
    },
    Captured {
        sender: "angage-marketplace",
        secret: "shared_secret_example",
        headers: &["X-Webhook-Signature: sha256=3b515bdfaa8d6858382b41db6f2c717feea99cfd3a51cc29e98d9b8062d992d8"],
        body: r#"{"event":"app.installed","tenant_id":"tenant-abc-123","extension_slug":"your-extension","timestamp":"2026-04-07T10:00:00Z","data":{}}"#,
        at: "2026-04-07T10:00:00Z",
        id: None,
        event_type: "app.installed",
        more: &[],
    },
];

const PLUGIN_EVENT: &str = r#"{"event":"task.updated","timestamp":1774958400,"data":{"id":"7","estimated_hours":"2.50","note":"caf\u00e9 https:\/\/example.com\/"}}"#;

impl Captured {
    fn unsigned_event_type(&self) -> Option<&str> {
        self.headers.iter().find_map(|header| header.strip_prefix("X-AOSAI-Event: "))
    }

    fn run(&self) -> Run {
        let mut run = Run::new(&["verify", "--sender", self.sender, "--secret-env", "SECRET", "--at", self.at])
            .args(self.more)
            .env("SECRET", self.secret)
            .stdin(self.body);
        for header in self.headers {
            run = run.args(&["-H", header]);
        }
        run
    }
}

/// A request of Agiled that verifies, for what the caller adds to it.
fn agiled() -> Run {
    CAPTURED[0].run()
}

#[track_caller]
fn rejected(run: Run, code: &str) {
    let done = run.done();
    assert_eq!((done.code, done.stderr.as_str()), (1, ""));
    let verdict = done.json();
    assert_eq!(verdict["verdict"], "rejected");
    assert_eq!(verdict["code"], code);
    assert!(verdict["reason"].is_string());
    assert_eq!(verdict.as_object().map(serde_json::Map::len), Some(3));
}

#[test]
fn captured_requests_of_every_sender_are_valid() {
    for captured in CAPTURED {
        let done = captured.run().done();
        assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{}: {}", captured.sender, done.stdout);
        let mut verdict = done.json();
        let key = verdict["key"].take();
        let key = key.as_str().expect("a key");
        assert!(key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_hexdigit()), "{key}");
        let expected = json!({
            "verdict": "valid", "event_id": captured.id, "event_type": captured.event_type,
            "unsigned_event_type": captured.unsigned_event_type(), "signed_at": captured.at,
            "key": null,
        });
        assert_eq!(verdict, expected, "{}", captured.sender);
    }
}

#[test]
fn the_key_is_that_of_every_other_language() {
    // Made with Python's hashlib by the rule of counterfoil::IdempotencyKey.
    let handl = CAPTURED.iter().find(|captured| captured.sender == "handl").expect("handl");
    assert_eq!(handl.run().done().json()["key"], "2c151c1724a22e51cf3c629aa99b237d");
    let other = handl.run().args(&["--endpoint", "shop-2"]).done().json();
    assert_ne!(other["key"], "2c151c1724a22e51cf3c629aa99b237d");
}

#[test]
fn the_body_is_read_from_a_file_byte_for_byte() {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    std::io::Write::write_all(&mut file, EVENT.as_bytes()).expect("written");
    let path = file.path().to_str().expect("a path").to_owned();
    assert_eq!(agiled().stdin("").args(&[&path]).done().code, 0);
    assert_eq!(agiled().args(&["-"]).done().code, 0);
    std::io::Write::write_all(&mut file, b"\n").expect("written");
    rejected(agiled().stdin("").args(&[&path]), "signature_mismatch");
}

#[test]
fn what_differs_from_the_signed_request_is_rejected() {
    let tampered = EVENT.replace("inv_1", "inv_2");
    rejected(agiled().stdin(tampered), "signature_mismatch");
    rejected(agiled().stdin(""), "signature_mismatch");
    rejected(agiled().stdin(b"\xff\x00".to_vec()), "signature_mismatch");
    rejected(agiled().env("SECRET", "another_secret_example"), "signature_mismatch");
    rejected(agiled().args(&["-H", "X-Agiled-Webhook-Timestamp: 1779105600"]), "timestamp_repeated");
    rejected(agiled().args(&["-H", &format!("X-Agiled-Webhook-Signature: {AGILED}")]), "signature_repeated");
    rejected(agiled().args(&["-H", "X-Agiled-Webhook-Event: invoice.created"]), "event_contradicted");
    rejected(agiled().args(&["--event-id-at", "/data/amount"]), "event_id_invalid");

    let bare = |headers: &[&str]| {
        Run::new(&["verify", "--sender", "agiled", "--secret-env", "SECRET", "--at", NOON])
            .args(headers)
            .env("SECRET", "agiled_secret_example")
            .stdin(EVENT)
    };
    let signature = format!("X-Agiled-Webhook-Signature: {AGILED}");
    rejected(bare(&[]), "signature_missing");
    rejected(bare(&["-H", "X-Agiled-Webhook-Signature: abc"]), "signature_malformed");
    rejected(bare(&["-H", &format!("X-Agiled-Webhook-Signature: sha256={AGILED}")]), "signature_malformed");
    rejected(bare(&["-H", &signature]), "timestamp_missing");
    rejected(bare(&["-H", &signature, "-H", "X-Agiled-Webhook-Timestamp: noon"]), "timestamp_malformed");
}

#[test]
#[cfg(unix)]
fn header_values_need_not_be_text() {
    use std::os::unix::ffi::OsStrExt as _;
    let mut run = agiled();
    run.command.arg("-H").arg(std::ffi::OsStr::from_bytes(b"X-Agiled-Webhook-Id: caf\xe9"));
    assert_eq!(run.done().code, 0);
    let mut run = agiled();
    run.command.arg("-H").arg(std::ffi::OsStr::from_bytes(b"X-Agiled-Webhook-Event: invoice.p\xe4id"));
    rejected(run, "event_contradicted");
}

#[test]
fn time_is_judged_by_the_tolerance() {
    let at = |seconds: u64, more: &[&str]| {
        let text = counterfoil::time::format_rfc3339(UNIX_EPOCH + Duration::from_secs(seconds)).expect("a time");
        let mut run = Run::new(&["verify", "--sender", "agiled", "--secret-env", "SECRET", "--at", &text])
            .args(more)
            .env("SECRET", "agiled_secret_example")
            .stdin(EVENT);
        for header in CAPTURED[0].headers {
            run = run.args(&["-H", header]);
        }
        run
    };
    let noon = 1_779_105_600;
    assert_eq!(at(noon + 300, &[]).done().code, 0);
    assert_eq!(at(noon - 60, &[]).done().code, 0);
    rejected(at(noon + 301, &[]), "timestamp_stale");
    rejected(at(noon - 61, &[]), "timestamp_future");
    assert_eq!(at(noon + 7200, &["--tolerance", "retry-safe"]).done().code, 0);
    rejected(at(noon + 7201, &["--tolerance", "retry-safe"]), "timestamp_stale");
    assert_eq!(at(noon + 900, &["--tolerance", "900"]).done().code, 0);
    rejected(at(noon + 901, &["--tolerance", "900"]), "timestamp_stale");
    rejected(at(noon - 61, &["--tolerance", "900"]), "timestamp_future");
    rejected(at(noon + 1, &["--tolerance", "0"]), "timestamp_stale");
    rejected(at(253_402_300_799, &["--tolerance", "strict"]), "timestamp_stale");
    assert_eq!(at(253_402_300_799, &["--tolerance", "18446744073709551615"]).done().code, 0);
}

#[test]
fn without_a_time_it_is_now() {
    let run = Run::new(&["verify", "--sender", "handl", "--secret-env", "SECRET"])
        .args(&["-H", CAPTURED[5].headers[0]])
        .env("SECRET", CAPTURED[5].secret)
        .stdin(CAPTURED[5].body);
    rejected(run, "timestamp_stale");
}

#[test]
fn a_site_without_an_offset_needs_the_retry_safe_tolerance() {
    let plugin = |more: &[&str]| {
        Run::new(&["verify", "--sender", "agency-os-ai-plugin", "--secret-env", "SECRET", "--at", "1774958400"])
            .args(&["-H", CAPTURED[3].headers[0]])
            .args(more)
            .env("SECRET", CAPTURED[3].secret)
            .stdin(PLUGIN_EVENT)
    };
    plugin(&[]).done().is_usage_error("--utc-offset");
    plugin(&["--tolerance", "900"]).done().is_usage_error("--utc-offset");
    let done = plugin(&["--tolerance", "retry-safe"]).done();
    assert_eq!(done.code, 0);
    assert_eq!(done.json()["signed_at"], Value::Null);
    let done = plugin(&["--tolerance", "retry-safe", "--utc-offset", "+00:00"]).done();
    assert_eq!(done.json()["signed_at"], "2026-03-31T12:00:00Z");
}

#[test]
fn a_rotation_tries_every_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("secret");
    let path = path.to_str().expect("a path");
    let rotation = || agiled().env("SECRET", "another_secret_example").args(&["--secret-file", path]);
    for text in ["agiled_secret_example", "agiled_secret_example\n", "agiled_secret_example\r\n"] {
        std::fs::write(path, text).expect("written");
        assert_eq!(rotation().done().code, 0, "{text:?}");
    }
    for text in ["agiled_secret_example\n\n", " agiled_secret_example", "agiled_secret_example "] {
        std::fs::write(path, text).expect("written");
        rejected(rotation(), "signature_mismatch");
    }
    let env = ["--secret-env", "SECRET"];
    agiled().args(&env).args(&env).args(&env).args(&env).done().is_usage_error("at most 4");
}

#[test]
fn mistakes_are_named() {
    let verify = |arguments: &[&str]| Run::new(&["verify"]).args(arguments).env("SECRET", "a_secret_of_some_length");
    let handl = |arguments: &[&str]| verify(&["--sender", "handl", "--secret-env", "SECRET"]).args(arguments);

    let unknown = verify(&["--sender", "handel", "--secret-env", "SECRET"]).done();
    unknown.is_usage_error("`handl`");
    verify(&["--sender", "handl"]).done().is_usage_error("--secret-env");
    verify(&["--secret-env", "SECRET"]).done().is_usage_error("--sender");
    verify(&["--sender", "handl", "--secret-env", "NO_SUCH"]).done().is_usage_error("`NO_SUCH` is not set");
    verify(&["--sender", "handl", "--secret-env", "A_BLANK"]).env("A_BLANK", " ").done().is_usage_error("blank");
    verify(&["--sender", "handl", "--secret-env", "A_REF"])
        .env("A_REF", "env:HANDL_SECRET")
        .done()
        .is_usage_error("reference");
    verify(&["--sender", "handl", "--secret-file", "/no/such/file"]).done().is_usage_error("--secret-file number 1");
    verify(&["--sender", "handl", "--secret-file", "/dev/null"]).done().is_usage_error("blank");
    handl(&["-H", "no colon"]).done().is_usage_error("-H number 1");
    handl(&["-H", "a: b", "-H", "a b: c"]).done().is_usage_error("-H number 2");
    handl(&["--at", "noon"]).done().is_usage_error("--at");
    handl(&["--tolerance", "lax"]).done().is_usage_error("--tolerance");
    handl(&["--utc-offset", "2"]).done().is_usage_error("--utc-offset");
    handl(&["--utc-offset", "+02:00"]).done().is_usage_error("signs UTC");
    handl(&["--event-id-at", "id"]).done().is_usage_error("JSON pointer");
    handl(&["--endpoint", ""]).done().is_usage_error("usable name");
    handl(&["/no/such/body"]).done().is_usage_error("/no/such/body");
    handl(&["/"]).done().is_usage_error("cannot read the body");
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    let secret = "whsec_c2VjcmV0LW9mLW91cnM";
    for arguments in [
        ["--secret-env", secret],
        ["--secret-file", secret],
        ["--secret", secret],
        ["--secret-env", "JBSWY3DPEHPK3PXP"],
    ] {
        let done = Run::new(&["verify", "--sender", "handl"]).args(&arguments).done();
        done.is_usage_error("error:");
        assert!(!done.stderr.contains(arguments[1]), "{}", done.stderr);
    }
    let done = Run::new(&["verify", "--sender", "handl", &format!("--secret={secret}")]).done();
    assert!(!done.stderr.contains(secret), "{}", done.stderr);
}

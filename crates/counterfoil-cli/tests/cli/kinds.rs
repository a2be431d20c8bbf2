//! Senders of every kind: how each is checked and signed. The signatures were made with Python's `hmac`, not with this
//! code, but for those that `sign` makes.

use counterfoil::scheme::{IdSource, Part, Sender, TimestampSource};
use counterfoil::time::TimestampFormat;
use counterfoil::{SecretEncoding, senders};
use serde_json::{Value, json};

use crate::Run;

const NOON: &str = "2026-05-18T12:00:00Z";

fn verify(sender: &str, secret: &str, arguments: &[&str]) -> Run {
    Run::new(&["verify", "--sender", sender, "--secret-env", "SECRET", "--at", NOON])
        .args(arguments)
        .env("SECRET", secret)
}

fn sign(sender: &str, secret: &str, arguments: &[&str]) -> Run {
    Run::new(&["sign", "--sender", sender, "--secret-env", "SECRET"]).args(arguments).env("SECRET", secret)
}

/// The verdict without the key, which is not the matter here.
#[track_caller]
fn verdict(run: Run, code: i32) -> Value {
    let done = run.done();
    assert_eq!((done.code, done.stderr.as_str()), (code, ""), "{}", done.stdout);
    let mut verdict = done.json();
    if let Some(key) = verdict.as_object_mut().expect("an object").remove("key") {
        assert_eq!(key.as_str().map(str::len), Some(32));
    }
    verdict
}

#[track_caller]
fn rejected(run: Run, code: &str) {
    assert_eq!(verdict(run, 1)["code"], code);
}

const STRIPE: &str = r#"{"id":"evt_1Example","object":"event","created":1776158998,"type":"invoice.paid","data":{"object":{"id":"in_1Example","amount_paid":2500}}}"#;

#[test]
fn a_signature_may_be_an_entry_beside_its_time() {
    let stripe = |signature: &str| {
        let header = format!("Stripe-Signature: {signature}");
        let run = Run::new(&["verify", "--sender", "stripe", "--secret-env", "SECRET", "--at", "2026-04-14T09:30:20Z"]);
        run.args(&["-H", &header]).env("SECRET", "whsec_stripe_example").stdin(STRIPE)
    };
    let tag = "v1=7b7d92e73838d69cf7727253fa7eb706ba8114e2a029d6d53eed096e6508f8c8";
    let done = stripe(&format!("t=1776159000,{tag}")).done();
    assert_eq!(
        (done.code, done.stdout.as_str(), done.stderr.as_str()),
        (
            0,
            "{\"verdict\":\"valid\",\"event_id\":\"evt_1Example\",\"event_type\":\"invoice.paid\",\
             \"unsigned_event_type\":null,\"signed_at\":\"2026-04-14T09:30:00Z\",\
             \"key\":\"fa9819d4cf3e12def9c9a1deab802bd4\"}\n",
            ""
        )
    );
    rejected(stripe(&format!("t=1776159001,{tag}")), "signature_mismatch");
    rejected(stripe(tag), "timestamp_missing");

    let signed = sign("stripe", "whsec_stripe_example", &["--at", "1776159000"]).stdin(STRIPE).done();
    assert_eq!(signed.stdout, format!("Stripe-Signature: t=1776159000,{tag}\n"));
}

#[test]
fn headers_may_be_signed_and_one_may_hold_the_id() {
    let body = r#"{"type":"invoice.paid","timestamp":"2026-05-18T12:00:00Z","data":{"id":"in_1"}}"#;
    let secret = "whsec_YV9zZWNyZXRfb2Zfc29tZV9sZW5ndGgh";
    let signature = "svix-signature: v1,7zPzhkebcr8qiaM2XT71xIzhYkOOUEhTZQNwr2CFoAc=";
    let headers = [signature, "svix-timestamp: 1779105600", "svix-id: msg_1"];
    let svix = |headers: &[&str]| {
        let run = verify("svix", secret, &[]).stdin(body);
        headers.iter().fold(run, |run, header| run.args(&["-H", header]))
    };
    let valid = verdict(svix(&headers), 0);
    assert_eq!((&valid["event_id"], &valid["signed_at"]), (&json!("msg_1"), &json!(NOON)));
    rejected(svix(&[signature, headers[1], "svix-id: msg_2"]), "signature_mismatch");
    rejected(svix(&headers[..2]), "signature_missing");
    verify("svix", "a_secret_of_some_length", &[]).done().is_usage_error("not valid Whsec");

    let given = sign("svix", secret, &["--at", NOON, "-H", "svix-id: msg_1", "-H", "X-Trace: 7"]).stdin(body).done();
    assert_eq!(given.stdout, headers.map(|header| format!("{header}\n")).concat() + "x-trace: 7\n");
    let made = sign("svix", secret, &["--at", NOON]).stdin(body).done().stdout;
    assert!(made.contains("\nsvix-id: ") && made.lines().count() == 3, "{made}");
}

#[test]
fn a_sender_may_sign_the_address_it_sends_to() {
    let body = r#"{"merchant_id":"m1","type":"payment.updated","event_id":"6a8f5f28","created_at":"2026-05-18T12:00:00Z","data":{"id":"p1"}}"#;
    let signature = "x-square-hmacsha256-signature: sKBMPXAVgypV+54A2nFY0+4Ylt+aKIR34yuHJ7UhQH4=";
    let url = "https://shop.example/webhooks/square?shop=1";
    let square =
        |arguments: &[&str]| verify("square", "square_signature_key", &["-H", signature]).args(arguments).stdin(body);
    assert_eq!(verdict(square(&["--public-url", url]), 0)["event_id"], "6a8f5f28");
    rejected(square(&["--public-url", &format!("{url}2")]), "signature_mismatch");
    square(&[]).done().is_usage_error("sender `square` signs the address that it sends to: give --public-url URL");

    let signed = |arguments: &[&str]| sign("square", "square_signature_key", arguments).stdin(body).done();
    assert_eq!(signed(&["--public-url", url]).stdout, format!("{signature}\n"));
    signed(&[]).is_usage_error("--public-url");
    let unfit = signed(&["--public-url", "ftp://us:hunter2@shop.example/"]);
    unfit.is_usage_error("--public-url is no public URL");
    assert!(!unfit.stderr.contains("hunter2"), "{}", unfit.stderr);
    let unused = ["--public-url", url];
    sign("agiled", "a_secret_of_some_length", &unused).done().is_usage_error("`agiled` has no use for --public-url");
    verify("agiled", "a_secret_of_some_length", &unused).done().is_usage_error("`agiled` has no use for --public-url");
    verify("agiled", "a_secret_of_some_length", &["--webhook-id", "1"]).done().is_usage_error("--webhook-id");
}

#[test]
fn a_type_that_is_not_signed_is_told_apart() {
    let signature = "X-Hub-Signature-256: sha256=a04ff8e95ae752a2f35ea12585508dc18be993bab81c7baadd423c9e66fa77c0";
    let github = |arguments: &[&str]| {
        verify("github", "github_secret_example", &["-H", signature])
            .args(arguments)
            .stdin(r#"{"ref":"refs/heads/main","action":"opened"}"#)
    };
    let valid = |unsigned: Value| json!({"verdict": "valid", "event_id": null, "event_type": null, "unsigned_event_type": unsigned, "signed_at": null});
    assert_eq!(verdict(github(&["-H", "X-GitHub-Event: push"]), 0), valid("push".into()));
    assert_eq!(verdict(github(&[]), 0), valid(Value::Null));
}

#[test]
fn sha_1_is_checked_where_a_sender_has_nothing_better() {
    let body = r#"{"id":"notif_1","topic":"conversation.user.created","data":{},"created_at":1779105600}"#;
    let signature = "X-Hub-Signature: sha1=ca235de17c4f12f9041a26609918b612f9d2c57c";
    let intercom = verify("intercom", "intercom_client_secret", &["-H", signature]).stdin(body);
    assert_eq!(verdict(intercom, 0)["event_id"], "notif_1");
}

#[test]
fn a_challenge_is_no_event() {
    let slack = |signature: &str| {
        verify("slack", "8f742231b10e8888abcd99yyyzzz85a5", &["-H", "X-Slack-Request-Timestamp: 1779105600"])
            .args(&["-H", &format!("X-Slack-Signature: {signature}")])
            .stdin(r#"{"token":"t","challenge":"3eZbrw1aB","type":"url_verification"}"#)
    };
    let tag = "v0=f3fe421069840d39254ebcc65eca472c028919df4a1fd550d30d0d9bff3b966c";
    let done = slack(tag).done();
    assert_eq!((done.code, done.stdout.as_str()), (0, "{\"verdict\":\"challenge\",\"text\":\"3eZbrw1aB\"}\n"));
    rejected(slack(&tag.replace('3', "4")), "signature_mismatch");
}

#[test]
fn a_token_proves_who_speaks() {
    let gitlab =
        |arguments: &[&str]| verify("gitlab", "a_token_of_some_length", arguments).stdin(r#"{"object_kind":"push"}"#);
    assert_eq!(verdict(gitlab(&["-H", "X-Gitlab-Token: a_token_of_some_length"]), 0)["event_type"], "push");
    rejected(gitlab(&["-H", "X-Gitlab-Token: a_token_of_some_lengtH"]), "credentials_invalid");
    rejected(gitlab(&[]), "signature_missing");

    let signed = sign("gitlab", "a_token_of_some_length", &[]).done();
    assert_eq!((signed.code, signed.stdout.as_str()), (0, "X-Gitlab-Token: a_token_of_some_length\n"));
    assert!(signed.stderr.starts_with("note: the credential is the secret itself"), "{}", signed.stderr);
}

#[test]
fn a_sender_whose_user_chose_another_check() {
    let body = r#"{"event":"order.created","timestamp":"2026-01-22T15:30:00Z","data":{"order_id":"ord_1"}}"#;
    for (check, secret, header) in [
        ("bearer", "a_token_of_some_length", "Authorization: Bearer a_token_of_some_length"),
        (
            "basic",
            "angage:a_password_of_some_length",
            "Authorization: Basic YW5nYWdlOmFfcGFzc3dvcmRfb2Zfc29tZV9sZW5ndGg=",
        ),
        ("api-key=X-Shop-Key", "a_key_of_some_length", "X-Shop-Key: a_key_of_some_length"),
    ] {
        let angage = |header: &str| verify("angage", secret, &["--check", check, "-H", header]).stdin(body);
        let ids = ["--event-id-at", "/event", "--event-id-at", "/data/order_id"];
        let expected = json!({
            "verdict": "valid", "event_id": r#"["order.created","ord_1"]"#, "event_type": "order.created",
            "unsigned_event_type": null, "signed_at": null,
        });
        assert_eq!(verdict(angage(header).args(&ids), 0), expected, "{check}");
        rejected(angage(&header.replace("length", "lengtH").replace("dGg=", "dEg=")), "credentials_invalid");
        rejected(angage("X-Angage-Signature: sha256=00"), "signature_missing");
        assert_eq!(sign("angage", secret, &["--check", check]).done().stdout, format!("{header}\n"));
    }
    let unsigned = ["verify", "--sender", "angage", "--check", "insecure-unsigned"];
    assert_eq!(verdict(Run::new(&unsigned).stdin(body), 0)["event_type"], "order.created");
    let with_secret = Run::new(&unsigned).args(&["--secret-env", "SECRET"]).env("SECRET", "a_secret_of_some_length");
    with_secret.done().is_usage_error("it is unsigned: remove the secret");
    sign("angage", "a_secret_of_some_length", &["--check", "insecure-unsigned"])
        .done()
        .is_usage_error("nothing is signed");
    verify("angage", "no_colon_in_here", &["--check", "basic"]).done().is_usage_error("`user:password`");
    verify("angage", "a_secret_of_some_length", &["--check", "digest"]).done().is_usage_error("api-key=HEADER");
    verify("angage", "a_secret_of_some_length", &["--check", "api-key=a b"]).done().is_usage_error("valid header name");
    verify("angage", "a_secret_of_some_length", &["--event-id-at", "/a"].repeat(5))
        .done()
        .is_usage_error("one to four");
}

#[test]
fn what_is_signed_verifies_for_every_sender() {
    let all = senders::ALL.iter().chain(senders::catalogue());
    let signable: Vec<_> = all.filter(|sender| sender.scheme.remote().is_none()).collect();
    assert_eq!(signable.len() + 1, senders::ALL.len() + senders::catalogue().len());
    for sender in signable {
        let (name, body, secret) = (&*sender.name, body(sender), secret(sender));
        let signs_url = sender.scheme.hmac().is_some_and(|hmac| hmac.signed.contains(&Part::Url));
        let url: &[&str] = if signs_url { &["--public-url", "https://shop.example/hooks"] } else { &[] };
        let signed = sign(name, secret, url).args(&["--at", NOON]).stdin(&*body).done();
        assert_eq!(signed.code, 0, "{name}: {}", signed.stderr);
        let header = sender.scheme.header().expect("a header");
        assert!(signed.stdout.starts_with(&format!("{header}: ")), "{}", signed.stdout);

        let mut verify = verify(name, secret, url).stdin(body);
        if name == "agency-os-ai-plugin" {
            verify = verify.args(&["--utc-offset", "+02:00"]);
        }
        for header in signed.stdout.lines() {
            verify = verify.args(&["-H", header]);
        }
        let verdict = verdict(verify, 0);
        let time = sender.scheme.timestamp().map(|_| NOON);
        assert_eq!((verdict["verdict"].as_str(), verdict["signed_at"].as_str()), (Some("valid"), time), "{name}");
    }
}

fn secret(sender: &Sender) -> &'static str {
    match sender.scheme.secret {
        SecretEncoding::Whsec => "whsec_YV9zZWNyZXRfb2Zfc29tZV9sZW5ndGgh",
        _ => "a_secret_of_some_length",
    }
}

/// A body with all that the sender's are read for.
fn body(sender: &Sender) -> String {
    let mut body = json!({});
    let mut set = |pointer: &str, value: Value| {
        let members = pointer.split('/').skip(1);
        *members.fold(&mut body, |object, member| &mut object[member]) = value;
    };
    if let Some(IdSource::Body(pointers)) = &sender.envelope.id {
        pointers.iter().for_each(|pointer| set(pointer, "evt_1".into()));
    }
    if let Some(pointer) = &sender.envelope.event_type {
        set(pointer, "order.created".into());
    }
    if let Some(TimestampSource::Body { pointer, format }) = sender.scheme.timestamp() {
        set(
            pointer,
            match format {
                TimestampFormat::SiteUnixSeconds => 1_779_112_800.into(),
                TimestampFormat::UnixMillis => 1_779_105_600_000_i64.into(),
                _ => NOON.into(),
            },
        );
    }
    body.to_string()
}

#[test]
fn a_header_that_is_a_secret_is_read_from_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("head.txt");
    let body = r#"{"event":"order.created","timestamp":"2026-05-18T12:00:00Z","data":{}}"#;
    let bearer = |head: &str| {
        std::fs::write(&file, head).expect("a file");
        let head = format!("@{}", file.display());
        verify("angage", "a_token_of_some_length", &["--check", "bearer", "-H", &head]).stdin(body)
    };
    for head in [
        "Authorization: Bearer a_token_of_some_length",
        "Host: x\r\nauthorization:Bearer a_token_of_some_length\r\n\r\n",
    ] {
        assert_eq!(verdict(bearer(head), 0)["verdict"], "valid", "{head}");
    }
    rejected(bearer("Authorization: Bearer another_token"), "credentials_invalid");
    let absent = verify("angage", "a_token_of_some_length", &["--check", "bearer", "-H", "@/nowhere/head.txt"]);
    absent.stdin(body).done().is_usage_error("names a file that cannot be read");
    bearer("no header").done().is_usage_error("has no colon");
}

#[test]
fn a_tenant_is_part_of_the_key() {
    let body = r#"{"id":"evt_1","type":"order.created","created_at":"2026-05-18T12:00:00Z","data":{}}"#;
    let signed = sign("handl", "a_secret_of_some_length", &[]).stdin(body).done();
    let key = |arguments: &[&str]| {
        let run = verify("handl", "a_secret_of_some_length", &["-H", signed.stdout.trim()]);
        run.args(arguments).stdin(body).done().json()["key"].as_str().expect("a key").to_owned()
    };
    let (alone, acme) = (key(&[]), key(&["--tenant", "acme"]));
    assert_eq!((alone.len(), acme.len()), (32, 32));
    assert_ne!(alone, acme);
    assert_ne!(acme, key(&["--tenant", "globex"]));
}

#[test]
fn an_empty_variable_names_no_file_of_senders() {
    let done = Run::new(&["senders", "handl", "--json"]).env("COUNTERFOIL_SENDERS", "").done();
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
}

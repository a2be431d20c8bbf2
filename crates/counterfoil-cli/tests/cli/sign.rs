use crate::{EVENT, Run};

fn sign(sender: &str) -> Run {
    Run::new(&["sign", "--sender", sender, "--secret-env", "SECRET"])
        .env("SECRET", "a_secret_of_some_length")
        .stdin(EVENT)
}

#[test]
fn headers_are_spelt_as_the_sender_spells_them() {
    let done = sign("agiled").env("SECRET", "agiled_secret_example").args(&["--at", "2026-05-18T12:00:00Z"]).done();
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    // Made with Python's `hmac` and OpenSSL.
    assert_eq!(
        done.stdout,
        "X-Agiled-Webhook-Signature: 219835502974342a327d302a062f3cf8ea105407afbcffc45e1f502d00e1a0c1\n\
         X-Agiled-Webhook-Timestamp: 1779105600\n"
    );
}

#[test]
fn a_time_that_changes_nothing_is_mentioned() {
    let done = sign("handl").args(&["--at", "1779105600"]).done();
    assert_eq!(done.code, 0);
    assert!(done.stderr.contains("/created_at"), "{}", done.stderr);
    assert_eq!(done.stdout, sign("handl").done().stdout);
    let github = sign("github").args(&["--at", "1779105600"]).done();
    assert_eq!(github.stderr, "note: --at changes nothing: github signs no time\n");
}

#[test]
fn mistakes_are_named() {
    sign("handl").args(&["--secret-env", "SECRET"]).done().is_usage_error("--secret-env");
    sign("handl").args(&["--secret-file", "/dev/null"]).done().is_usage_error("--secret-file");
    Run::new(&["sign", "--sender", "handl"]).done().is_usage_error("--secret-env");
    Run::new(&["sign", "--sender", "handl", "--secret-file", "/dev/null"]).done().is_usage_error("blank");
    sign("agiled").args(&["--at", "5"]).done().is_usage_error("cannot sign");
    sign("agiled").args(&["/no/such/body"]).done().is_usage_error("/no/such/body");
}

//! Senders of one's own, from a file.

use std::io::Write as _;

use serde_json::json;
use tempfile::NamedTempFile;

use crate::Run;

const TILL: &str = r#"
[[sender]]
name = "till"
title = "Till"
kind = "hmac"
hash = "sha512"
secret = "hex"
signature = { header = "X-Till-Signature", prefix = "v1=", encoding = "base64url", separator = ";" }
timestamp = { header = "X-Till-Time", format = "unix_millis" }
signed = ["timestamp", { literal = "." }, { header = "X-Till-Event" }, { literal = "." }, "body"]
id = { header = "X-Till-Event" }
event_type = "/event"
unsigned = { event = "X-Till-Type" }
challenge = { query = "validationToken" }
deadline = 10
retries = [60, 300]
retry_safe = 900
events = ["sale.closed"]

[[sender]]
name = "doorbell"
kind = "token"
token = { header = "Authorization", prefix = "Basic ", encoding = "base64" }
id = ["/device", "/sequence"]
retries = "never"

[[sender]]
name = "lift"
kind = "insecure_unsigned"
body = "opaque"
"#;

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a file");
    file.write_all(text.as_bytes()).expect("written");
    file
}

fn path(file: &NamedTempFile) -> &str {
    file.path().to_str().expect("text")
}

#[test]
fn its_senders_stand_beside_the_others() {
    let file = file(TILL);
    let table = Run::new(&["senders", "--senders", path(&file)]).done().stdout;
    let titles: Vec<_> = table.lines().filter(|line| *line == "Built in" || line.starts_with("From ")).collect();
    assert_eq!(titles, ["Built in", "From the catalogue", &format!("From {}", path(&file))]);
    let end: Vec<Vec<_>> = table.lines().rev().take(3).map(|line| line.split_whitespace().collect()).collect();
    let [lift, doorbell, till] = &end[..] else { panic!("{table}") };
    assert_eq!(lift[..3], ["lift", "unsigned", "none"]);
    assert_eq!(doorbell[..5], ["doorbell", "token", "Authorization", "nothing", "none"]);
    assert_eq!(till[..5], ["till", "HMAC-SHA512", "X-Till-Signature", "<time>.<X-Till-Event>.<body>", "header"]);
    assert_eq!(Run::new(&["senders"]).env("COUNTERFOIL_SENDERS", path(&file)).done().stdout, table);

    let names = |run: Run| -> Vec<String> {
        let all = run.done().json();
        all.as_array().expect("a list").iter().map(|facts| facts["name"].as_str().expect("a name").to_owned()).collect()
    };
    let own = ["till", "doorbell", "lift"].map(str::to_owned);
    assert_eq!(
        names(Run::new(&["senders", "--json", "--senders", path(&file)])),
        [names(Run::new(&["senders", "--json"])), own.into()].concat()
    );
}

#[test]
fn what_would_break_a_line_is_written_out() {
    let file = file(&TILL.replace("literal = \".\"", "literal = \"\\n\"").replace("\"Till\"", "\"\\u001b[31mTill\""));
    let table = Run::new(&["senders", "--senders", path(&file)]).done().stdout;
    assert_eq!(table.lines().filter(|line| line.contains(r"<time>\n<X-Till-Event>\n<body>")).count(), 1, "{table}");
    let page = Run::new(&["senders", "--senders", path(&file), "till"]).done().stdout;
    assert!(page.starts_with(r"Sender              \u{1b}[31mTill (till)"), "{page:?}");
}

#[test]
fn one_of_its_senders_is_told_in_full() {
    let file = file(TILL);
    let page = |name: &str| Run::new(&["senders", "--senders", path(&file), name]).done().stdout;
    let from = path(&file);
    let till = format!(
        "Sender              Till (till)\n\
         From                {from}\n\
         Check               HMAC-SHA512\n\
         Signature           X-Till-Signature: v1=<86 characters of URL-safe base64>, one or more among entries with `;` between them\n\
         Secret              hex digits, which are decoded\n\
         Signed bytes        <X-Till-Time>.<X-Till-Event>.<body>\n\
         Signed time         header X-Till-Time: Unix milliseconds\n\
         Challenge           a query with `validationToken` is answered with its value, unproven\n\
         Body                one JSON object\n\
         Event type          /event\n\
         Key from            the id in X-Till-Event, which is signed\n\
         Not signed          X-Till-Type\n\
         Deadline            10s\n\
         Retries             2 in 6m, after 1m, 5m\n\
         Strict              5m past, 1m ahead\n\
         Retry-safe          15m past, 1m ahead\n\
         Events, documented  sale.closed\n"
    );
    assert_eq!(page("till"), till);
    let doorbell = format!(
        "Sender      doorbell (doorbell)\n\
         From        {from}\n\
         Check       a credential: it proves who speaks, and nothing of what is said\n\
         Credential  Authorization: Basic <base64 of USER:PASSWORD>\n\
         Secret      USER:PASSWORD\n\
         Body        one JSON object\n\
         Event type  none is read\n\
         Key from    /device, /sequence, which make one id together\n\
         Deadline    not stated\n\
         Retries     none: a failed delivery is lost\n\
         Replays     known by their key alone: no time is checked\n"
    );
    assert_eq!(page("doorbell"), doorbell);
    assert!(page("lift").contains("none: whoever can reach the address decides what happened"));
}

#[test]
fn json_has_the_same_facts() {
    let file = file(TILL);
    let facts = |name: &str| Run::new(&["senders", "--json", "--senders", path(&file), name]).done().json();
    assert_eq!(
        facts("till"),
        json!({
            "name": "till", "title": "Till", "from": "file", "kind": "hmac", "header": "X-Till-Signature",
            "secret": "hex", "hash": "sha512",
            "signature": {"header": "X-Till-Signature", "prefix": "v1=", "encoding": "base64url", "separator": ";"},
            "signed": ["timestamp", {"literal": "."}, {"header": "X-Till-Event"}, {"literal": "."}, "body"],
            "signed_bytes": "<X-Till-Time>.<X-Till-Event>.<body>",
            "signed_time": {"in": "header", "at": "X-Till-Time", "format": "unix_millis"},
            "token": null, "remote": null, "needs": [], "body": "json_object",
            "event_id": {"in": "header", "at": ["X-Till-Event"]}, "key_from": "event_id",
            "event_type_at": "/event", "occurred_at": null, "data_at": null,
            "unsigned_headers": {"event": "X-Till-Type", "id": null},
            "challenge": {"in": "query", "parameter": "validationToken"},
            "deadline_seconds": 10,
            "retries": {"kind": "automatic", "waits_seconds": [60, 300], "horizon_seconds": 360},
            "strict_seconds": 300, "retry_safe_seconds": 900, "future_seconds": 60,
            "events": [{"name": "sale.closed", "source": "documented"}],
        })
    );
    let doorbell = facts("doorbell");
    assert_eq!(doorbell["token"], json!({"prefix": "Basic ", "encoding": "base64"}));
    assert_eq!(doorbell["event_id"], json!({"in": "body", "at": ["/device", "/sequence"]}));
    let lift = facts("lift");
    assert_eq!(
        (&lift["kind"], &lift["header"], &lift["secret"]),
        (&json!("insecure_unsigned"), &json!(null), &json!(null))
    );
    assert_eq!((&lift["body"], &lift["key_from"]), (&json!("opaque"), &json!("body")));
}

#[test]
fn what_is_signed_for_one_verifies() {
    let file = file(TILL);
    let run = |command: &str| {
        Run::new(&[
            command,
            "--senders",
            path(&file),
            "--sender",
            "till",
            "--secret-env",
            "SECRET",
            "--at",
            "1779105600",
        ])
        .env("SECRET", "00112233445566778899aabbccddeeff")
        .stdin(r#"{"event":"sale.closed"}"#)
    };
    let signed = run("sign").args(&["-H", "X-Till-Event: tx-7"]).done();
    // Made with Python's `hmac`.
    assert_eq!(
        signed.stdout,
        "X-Till-Signature: v1=Yy4K0gn3R3F2ByRvJu9OG6-6Akd-3w2JRX6JJ2s3XmPLMzTiL7O7swi4LQN2dbnp0MpPJa8ALILCoJDcQl-5sA\nX-Till-Time: 1779105600000\nX-Till-Event: tx-7\n"
    );
    let verify = signed.stdout.lines().fold(run("verify"), |run, header| run.args(&["-H", header]));
    assert_eq!(verify.done().json()["event_id"], "tx-7");

    let lift = Run::new(&["verify", "--senders", path(&file), "--sender", "lift"]).stdin("up").done();
    assert_eq!((lift.code, &lift.json()["verdict"]), (0, &json!("valid")));
}

#[test]
fn the_file_of_the_help_is_one() {
    let help = Run::new(&["senders", "--help"]).done().stdout;
    let text = &help[help.find("  [[sender]]").expect("a file")..help.find("A mistake in it").expect("its end")];
    let file = file(text);
    let facts = Run::new(&["senders", "--senders", path(&file), "--json", "till"]).done().json();
    assert_eq!(facts["signed_bytes"], "<X-Till-Timestamp>.<body>");
}

#[test]
fn mistakes_are_named_with_their_place() {
    let refused = |text: &str, reason: &str| {
        let file = file(text);
        for command in [&["senders"][..], &["sign", "--sender", "handl", "--secret-env", "SECRET"]] {
            let done =
                Run::new(command).args(&["--senders", path(&file)]).env("SECRET", "a_secret_of_some_length").done();
            done.is_usage_error("");
            assert_eq!(done.stderr, format!("error: {}: {reason}\n", path(&file)));
        }
    };
    refused(
        &TILL.replace("base64url", "base46"),
        "line 8, sender `till`, field `signature`: unknown variant `base46`, expected one of `hex`, `base64`, `base64url`",
    );
    refused(
        &TILL.replace("{ literal = \".\" }, \"body\"]", "\"body\"]"),
        "line 10, sender `till`, field `signed`: two variable parts need a literal between them, or bytes slide from one to the other",
    );
    refused(
        &TILL.replace("[\"/device\", \"/sequence\"]", "\"device\""),
        "line 24, sender `doorbell`, field `id`: `device` is not a JSON pointer: write it as `/member` or `/outer/inner`",
    );
    for (name, owner) in [("stripe", "the catalogue"), ("handl", "counterfoil itself")] {
        refused(
            &TILL.replace("\"lift\"", &format!("\"{name}\"")),
            &format!(
                "line 28, sender `{name}`, field `name`: {owner} has a sender of that name already; choose another"
            ),
        );
    }
    Run::new(&["senders", "--senders", "/no/such/file"])
        .done()
        .is_usage_error("cannot read the senders in `/no/such/file`");
    Run::new(&["senders"]).env("COUNTERFOIL_SENDERS", "/").done().is_usage_error("cannot read the senders in `/`");
}

#[test]
fn an_unknown_name_meets_the_nearest_ones() {
    let file = file(TILL);
    let unknown = |name: &str| {
        let senders = Run::new(&["senders", name, "--senders", path(&file)]).done();
        let verify = ["verify", "--sender", name, "--senders", path(&file), "--secret-env", "SECRET"];
        let verify = Run::new(&verify).done();
        assert_eq!((senders.code, &senders.stderr), (verify.code, &verify.stderr));
        senders.is_usage_error("");
        senders.stderr
    };
    let rest = "`counterfoil senders` lists all there are; --senders FILE adds your own\n";
    assert_eq!(unknown("tills"), format!("error: there is no sender `tills`: did you mean `till`? {rest}"));
    assert_eq!(unknown("Stripe"), format!("error: there is no sender `Stripe`: did you mean `stripe`? {rest}"));
    assert_eq!(
        unknown("agency"),
        format!(
            "error: there is no sender `agency`: did you mean `agencyhandy`, `agency-os-ai` or `agency-os-ai-plugin`? {rest}"
        )
    );
    assert_eq!(unknown("xyz"), format!("error: there is no sender `xyz`: {rest}"));
}

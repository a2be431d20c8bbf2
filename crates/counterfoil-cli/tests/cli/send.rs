use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use counterfoil::{Clock as _, Secret, SecretEncoding, SystemClock, Verifier, senders};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;

use crate::{EVENT, Run};

const SECRET: &str = "a_secret_of_some_length";

/// What the server saw.
#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<(HeaderMap, Vec<u8>)>>,
    open: AtomicUsize,
    most_open: AtomicUsize,
}

/// Answers the requests with these answers in turn, over and over.
struct Server {
    address: String,
    seen: Arc<Seen>,
}

impl Server {
    fn start(answers: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}/webhooks/agiled", listener.local_addr().expect("an address"));
        let seen = Arc::new(Seen::default());
        let shared = seen.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let seen = shared.clone();
                std::thread::spawn(move || serve(connection, &seen, answers));
            }
        });
        Self { address, seen }
    }

    fn send(&self) -> Run {
        send(&self.address)
    }
}

fn send(address: &str) -> Run {
    Run::new(&["send", "--sender", "agiled", "--secret-env", "SECRET", "--to", address])
        .env("SECRET", SECRET)
        .stdin(EVENT)
}

fn serve(mut connection: TcpStream, seen: &Seen, answers: &[&str]) {
    let mut reader = BufReader::new(connection.try_clone().expect("a connection"));
    while let Some((headers, body)) = read(&mut reader) {
        let open = seen.open.fetch_add(1, Ordering::SeqCst) + 1;
        seen.most_open.fetch_max(open, Ordering::SeqCst);
        let index = {
            let mut requests = seen.requests.lock().expect("no panic");
            requests.push((headers, body));
            requests.len() - 1
        };
        // Long enough for requests that may be under way at once to be so.
        std::thread::sleep(Duration::from_millis(20));
        seen.open.fetch_sub(1, Ordering::SeqCst);
        let answer = answers[index % answers.len()];
        if answer.is_empty() || connection.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<(HeaderMap, Vec<u8>)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    assert!(line.starts_with("POST /webhooks/agiled HTTP/1.1"), "{line}");
    let mut headers = HeaderMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        let name: HeaderName = name.parse().expect("a name");
        headers.append(name, HeaderValue::from_str(value).expect("a value"));
    }
    let length = headers["content-length"].to_str().expect("text").parse().expect("a length");
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((headers, body))
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const DUPLICATE: &str = "HTTP/1.1 200 OK\r\nx-webhook-duplicate: 1\r\ncontent-length: 0\r\n\r\n";
const CONFLICT: &str = "HTTP/1.1 200 OK\r\nx-webhook-duplicate: conflict\r\ncontent-length: 0\r\n\r\n";
const IN_FLIGHT: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\n\
                         content-length: 33\r\n\r\n{\"status\":503,\"code\":\"in_flight\"}";
const MOVED: &str = "HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n";
const OTHER_CODE: &str = "HTTP/1.1 500 Oops\r\ncontent-length: 24\r\n\r\n{\"code\":\"\\u001b[31mRed\"} ";

#[test]
fn what_is_sent_verifies() {
    let server = Server::start(&[OK]);
    let done = server.send().done();
    assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{}", done.stdout);
    assert!(done.stdout.starts_with("1  200\n1 sent, 1 accepted"), "{}", done.stdout);

    let requests = server.seen.requests.lock().expect("no panic");
    let [(headers, body)] = &requests[..] else { panic!("{} requests", requests.len()) };
    assert_eq!(headers["content-type"], "application/json");
    let secret = Secret::new(SECRET).expect("a secret");
    let verifier = Verifier::builder(senders::AGILED).secret(secret).build().expect("a verifier");
    let delivery = verifier.verify_at(headers, body.clone(), SystemClock.now()).expect("a delivery");
    assert_eq!(delivery.body(), EVENT.as_bytes());
}

#[test]
fn headers_go_along_and_are_signed_where_the_sender_signs_them() {
    let server = Server::start(&[OK]);
    let secret = "whsec_YV9zZWNyZXRfb2Zfc29tZV9sZW5ndGgh";
    let svix = ["send", "--sender", "svix", "--secret-env", "SECRET", "--to", &server.address];
    let given = ["-H", "svix-id: msg_1", "-H", "Content-Type: application/cloudevents+json", "-H", "X-Trace: 7"];
    assert_eq!(Run::new(&svix).args(&given).env("SECRET", secret).stdin(EVENT).done().code, 0);
    assert_eq!(Run::new(&svix).env("SECRET", secret).stdin(EVENT).done().code, 0);
    let requests = server.seen.requests.lock().expect("no panic");
    let [(given, _), (made, _)] = &requests[..] else { panic!("{} requests", requests.len()) };
    assert_eq!(given.get_all("content-type").iter().collect::<Vec<_>>(), ["application/cloudevents+json"]);
    assert_eq!(
        (&given["svix-id"], &given["x-trace"]),
        (&HeaderValue::from_static("msg_1"), &HeaderValue::from_static("7"))
    );
    assert_eq!(made["content-type"], "application/json");
    let svix = senders::catalogue().iter().find(|sender| sender.name == "svix").expect("svix");
    let secret = Secret::decode(secret, SecretEncoding::Whsec).expect("a secret");
    let verifier = Verifier::builder(svix.clone()).secret(secret).build().expect("a verifier");
    for (headers, body) in &*requests {
        let delivery = verifier.verify_at(headers, body.clone(), SystemClock.now()).expect("a delivery");
        assert_eq!(delivery.event_id().map(|id| id.as_str().as_bytes()), Some(headers["svix-id"].as_bytes()));
    }
}

#[test]
fn answers_are_counted_by_status_code_and_duplicate() {
    let server = Server::start(&[OK, DUPLICATE, DUPLICATE, CONFLICT, IN_FLIGHT, MOVED, OTHER_CODE]);
    let done = server.send().args(&["--times", "7", "--json"]).done();
    assert_eq!((done.code, done.stderr.as_str()), (1, ""));
    let report = done.json();
    assert_eq!((&report["sent"], &report["accepted"]), (&json!(7), &json!(4)));
    assert_eq!(
        report["answers"],
        json!([
            {"status": 200, "code": null, "duplicate": null, "count": 1},
            {"status": 200, "code": null, "duplicate": "1", "count": 2},
            {"status": 200, "code": null, "duplicate": "conflict", "count": 1},
            {"status": 302, "code": null, "duplicate": null, "count": 1},
            {"status": 500, "code": null, "duplicate": null, "count": 1},
            {"status": 503, "code": "in_flight", "duplicate": null, "count": 1},
        ])
    );
    let text = server.send().args(&["--times", "7"]).done().stdout;
    assert!(text.contains("2  200 duplicate\n") && text.contains("1  503 in_flight\n"), "{text}");
}

#[test]
fn no_more_are_under_way_than_allowed() {
    let server = Server::start(&[OK]);
    let done = server.send().args(&["--times", "40", "--concurrency", "4"]).done();
    assert_eq!(done.code, 0);
    assert_eq!(server.seen.requests.lock().expect("no panic").len(), 40);
    let most = server.seen.most_open.load(Ordering::SeqCst);
    assert!((2..=4).contains(&most), "{most} at once");

    let one = Server::start(&[OK]);
    assert_eq!(one.send().args(&["--times", "5"]).done().code, 0);
    assert_eq!(one.seen.most_open.load(Ordering::SeqCst), 1);
}

#[test]
fn each_request_is_signed_afresh() {
    let server = Server::start(&[OK]);
    // The stamp has whole seconds; this many requests of 20 ms, one after another, span more than one.
    assert_eq!(server.send().args(&["--times", "60"]).done().code, 0);
    let requests = server.seen.requests.lock().expect("no panic");
    let stamps: HashSet<_> = requests.iter().map(|(headers, _)| &headers["x-agiled-webhook-timestamp"]).collect();
    let tags: HashSet<_> = requests.iter().map(|(headers, _)| &headers["x-agiled-webhook-signature"]).collect();
    assert!(stamps.len() > 1);
    assert_eq!(stamps.len(), tags.len());
}

#[test]
fn no_answer_is_counted_too() {
    let hung_up = Server::start(&[""]);
    let done = hung_up.send().args(&["--json"]).done();
    assert_eq!((done.code, done.json()["answers"][0]["count"].as_u64()), (1, Some(1)), "{}", done.stdout);
    assert!(done.json()["answers"][0]["error"].is_string());

    let closed = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let done = send(&format!("http://{closed}/")).args(&["--times", "2"]).done();
    assert_eq!(done.code, 1);
    assert!(done.stdout.starts_with("2  no answer: "), "{}", done.stdout);
}

#[test]
fn mistakes_are_named() {
    send("nowhere").done().is_usage_error("--to");
    send("ftp://127.0.0.1/").done().is_usage_error("http://");
    let local = || send("http://127.0.0.1:1/");
    local().args(&["--concurrency", "0"]).done().is_usage_error("--concurrency");
    local().args(&["--times", "0"]).done().is_usage_error("--times");
    local().args(&["/no/such/body"]).done().is_usage_error("/no/such/body");
    Run::new(&["send", "--sender", "agiled", "--to", "http://127.0.0.1:1/"]).done().is_usage_error("--secret-env");
    send("http://127.0.0.1:1/").env("SECRET", "").done().is_usage_error("blank");
}

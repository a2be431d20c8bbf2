//! Any bytes in any header and in the body: a typed refusal, and nothing else.

use std::env;

use crate::differences;
use crate::event::Event;
use crate::random::Random;
use crate::request::Request;
use crate::service::Service;
use crate::wire::exchange;

const REQUESTS: usize = 250;

const SENDERS: [&str; 6] = ["handl", "agiled", "angage", "angage-marketplace", "agency-os-ai", "agency-os-ai-plugin"];

/// What a request may be refused with before a store is asked.
const REFUSALS: [(u16, &str); 13] = [
    (401, "signature_missing"),
    (401, "signature_malformed"),
    (401, "signature_repeated"),
    (401, "signature_mismatch"),
    (401, "timestamp_missing"),
    (401, "timestamp_malformed"),
    (401, "timestamp_repeated"),
    (401, "timestamp_stale"),
    (401, "timestamp_future"),
    (400, "body_not_an_object"),
    (400, "event_id_invalid"),
    (400, "event_contradicted"),
    (415, "content_encoding"),
];

pub(crate) fn t2_any_bytes_anywhere_are_a_typed_refusal_and_nothing_else(service: &Service) {
    // A run finds what the one before it found, unless it is told to look further.
    let seed = env::var("SEED").map_or(0, |text| text.parse().unwrap());
    let mut random = Random::new(seed);
    for number in 0..REQUESTS {
        let (event, request) = any(&mut random);
        let reply = exchange(service.address, &request.bytes());
        let answer = reply.map(|reply| (reply.status, reply.code()));
        let typed = answer.as_ref().is_some_and(|(status, code)| REFUSALS.contains(&(*status, code)));
        let same = answer == Some((200, String::new()));
        // Of what is near to the right request some is the right one.
        let right = same && request.is_as_right_as(&event.request());
        assert!(
            typed || right || differences::cannot_read(answer.as_ref()),
            "{:?} {number}: {answer:?} for {request:?}; the same requests again: SEED={seed}",
            service.kind()
        );
    }
    service.is_well();
}

/// A request of some sender with something wrong about it, and the event that was perhaps signed.
fn any(random: &mut Random) -> (Event, Request) {
    let mut event = Event::of(pick(random, &SENDERS));
    let (signature, time) = (event.wire.signature, event.wire.timestamp.map(|(header, _)| header));
    let names = [signature, time.unwrap_or("Date"), "Content-Encoding", "Content-Type", "X-AOSAI-Event", "Accept"];
    let mut request = event.request();
    for _ in 0..=random.below(2) {
        let name = pick(random, &names);
        request = match random.below(3) {
            0 => request.with(name, field(random)),
            1 => request.and(name, field(random)),
            _ => request,
        };
    }
    if random.one_in(2) {
        let mut body = event.body.clone();
        for _ in 0..=random.below(3) {
            let place = usize::try_from(random.below(u64::try_from(body.len()).unwrap())).unwrap();
            body[place] = byte(random);
        }
        // Signed in half of the cases, so that what lies behind the signature is reached.
        let changed = event.with_body(body);
        let tag = if random.one_in(2) { changed.signature() } else { event.signature() };
        request = request.with(signature, tag).body(changed.body.clone());
        event = changed;
    } else if random.one_in(2) {
        request = request.body((0..random.below(300)).map(|_| byte(random)).collect::<Vec<_>>());
    }
    (event, request)
}

/// What no line of a head is ended by: some text that is near to something, or any bytes.
fn field(random: &mut Random) -> Vec<u8> {
    let near = [
        "",
        " ",
        "sha256=",
        "v1=",
        "sha1=0",
        "0",
        "-1",
        "1e9",
        "gzip",
        "identity",
        "{}",
        "\u{e9}",
        "1779105600",
        ",",
        "\"",
    ];
    let mut bytes = pick(random, &near).as_bytes().to_vec();
    for _ in 0..random.below(80) {
        bytes.push(if random.one_in(2) { b"0123456789abcdef"[usize::from(byte(random) & 15)] } else { byte(random) });
    }
    // Servers do not pass on most of the others.
    bytes.retain(|byte| !byte.is_ascii_control());
    if random.one_in(20) {
        bytes.push(byte(random));
    }
    bytes.retain(|byte| !matches!(byte, b'\r' | b'\n'));
    bytes
}

fn byte(random: &mut Random) -> u8 {
    random.next().to_le_bytes()[0]
}

fn pick<'a>(random: &mut Random, among: &[&'a str]) -> &'a str {
    among[usize::try_from(random.below(u64::try_from(among.len()).unwrap())).unwrap()]
}

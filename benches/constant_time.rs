//! Whether the time of a refusal tells how much of a signature, or of a credential, was right.
//!
//! After dudect (Reparaz, Balasch, Verbauwhede: "Dude, is my code constant time?", 2017): two classes of requests, drawn at
//! random, each timed by itself, compared by Welch's t-test. Both classes are refused at the same place; they differ in
//! nothing but in what is wrong. A |t| of 4.5 or more in any run says that the class shows in the time.
//!
//! The control is a receiver that compares the way everybody writes it first: byte by byte, to the first that differs, behind
//! the same hash of the same body. Where its difference is not found by a |t| above 100, the machine was too noisy or the
//! samples too few, and the run says nothing of the others either.
//!
//! Run it on a machine that does nothing else; it pins itself to one core. `SEED=` repeats a run's requests.
//!
//! ```sh
//! cargo bench -p counterfoil-benches --bench constant_time
//! ```
//!
//! What the compiler made of the comparison can be read beside it. No function that compares a tag calls `memcmp`; this
//! lists those of the crate that do, and among them is none of `signature`, `Presented`, `Tags` or `KeySet`. They compare
//! header names, prefixes and members of JSON, which are no secrets.
//!
//! ```sh
//! objdump -d -C --no-show-raw-insn target/release/deps/constant_time-* \
//!     | awk '/^[0-9a-f]+ <.*>:$/ { name = $0 } /call.*(memcmp|bcmp)/ && name ~ /counterfoil::/ { print name }' | sort -u
//! ```

mod welch;

use std::hint::black_box;
use std::io::{self, Write as _};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Instant, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use counterfoil::idempotency::BoxFuture;
use counterfoil::receiver::{Answer, Head, Parameters};
use counterfoil::scheme::{Check, Sender};
use counterfoil::tenants::{Tenant, Tenants, TenantsError};
use counterfoil::{Clock, Receiver, Rejection, Secret, SystemClock, Verifier, senders};
use counterfoil_benches::markdown::count;
use counterfoil_benches::results::{Row, Tally};
use counterfoil_benches::{Aim, BoxError, Extent, Sheet};
use counterfoil_tower::Tokio;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use sha2::Sha256;
use welch::{Random, Sample, strongest};

/// Above this, two classes differ.
const FOUND: f64 = 4.5;
/// Above this, the control was seen.
const SEEN: f64 = 100.0;
const RUNS: usize = 5;
/// Requests that are made before they are timed, so that the making leaves no trace in one class's caches.
const BATCH: usize = 512;

const SECRET: &str = "5f2d8c1b9e7a4036abcdefABCDEF0123";
const BODY: &[u8] = br#"{"id":"evt_1","type":"order.created","data":{}}"#;

type Measure = Box<dyn FnMut(&mut Random, usize) -> Vec<Sample>>;

/// Two classes of requests, and what was found out about them.
struct Question {
    what: &'static str,
    classes: [&'static str; 2],
    is_control: bool,
    measure: Measure,
    found: Vec<f64>,
}

fn main() -> Result<(), BoxError> {
    let extent = Extent::from_args();
    let (runs, samples) = (extent.pick(RUNS, 1), extent.pick(1_000_000, BATCH));
    let core = pin();
    let mut random = Random::from_env();
    let mut questions = questions()?;
    writeln!(io::stderr().lock(), "SEED={}", random.seed())?;
    for _ in 0..runs {
        for question in &mut questions {
            question.found.push(strongest(&(question.measure)(&mut random, samples)));
        }
    }
    report(extent, &questions, &format!("{runs} runs of {} samples, {core}", count(samples)))
}

fn questions() -> Result<Vec<Question>, BoxError> {
    let tag = right_tag();
    let bearer = |guess: &[u8]| [b"Bearer ", guess].concat();
    let basic = |guess: &[u8]| format!("Basic {}", STANDARD.encode(guess)).into_bytes();
    let with = |check: Check| senders::ANGAGE.with_check(check);
    let secret = SECRET.as_bytes();
    let user = b"shop:5f2d8c1b9e7a4036abcdefABCDEF".as_slice();
    Ok(vec![
        control(&tag),
        ask("signature", EDGES, at_the_edges(&tag), hex, refusal(&senders::HANDL, secret, "x-handl-signature")?),
        ask("signature", PREFIX, by_prefix(&tag), hex, refusal(&senders::HANDL, secret, "x-handl-signature")?),
        ask(
            "bearer token",
            EDGES,
            at_the_edges(secret),
            bearer,
            refusal(&with(Check::bearer()), secret, "authorization")?,
        ),
        ask(
            "bearer token",
            PREFIX,
            by_prefix(secret),
            bearer,
            refusal(&with(Check::bearer()), secret, "authorization")?,
        ),
        ask(
            "API key",
            EDGES,
            at_the_edges(secret),
            <[u8]>::to_vec,
            refusal(&with(Check::api_key("X-Api-Key")), secret, "x-api-key")?,
        ),
        ask("basic authentication", USER, by_user(user), basic, refusal(&with(Check::basic()), user, "authorization")?),
        lengths(bearer)?,
        strangers()?,
    ])
}

const SIGNATURE: HeaderName = HeaderName::from_static("x-handl-signature");
const EDGES: [&str; 2] = ["first byte wrong", "last byte wrong"];
const PREFIX: [&str; 2] = ["nothing right", "all right but the last byte"];
const USER: [&str; 2] = ["unknown user", "user right, password wrong"];
const TENANT: [&str; 2] = ["no such tenant", "a tenant"];
const LENGTH: [&str; 2] = ["secret as long as the guess", "secret three times as long"];

/// Makes the bytes to present: of the second class, if it is said so.
trait Guess: FnMut(&mut Random, bool) -> Vec<u8> + 'static {}
impl<G: FnMut(&mut Random, bool) -> Vec<u8> + 'static> Guess for G {}

fn at_the_edges(right: &[u8]) -> impl Guess + use<> {
    let right = right.to_vec();
    move |random, second| {
        let mut guess = right.clone();
        let at = if second { guess.len() - 1 } else { 0 };
        guess[at] = random.other_than(guess[at]);
        guess
    }
}

fn by_prefix(right: &[u8]) -> impl Guess + use<> {
    let right = right.to_vec();
    move |random, second| {
        let first_wrong = if second { right.len() - 1 } else { 0 };
        right
            .iter()
            .enumerate()
            .map(|(at, byte)| if at < first_wrong { *byte } else { random.other_than(*byte) })
            .collect()
    }
}

/// The part before the colon is right in the second class alone, the part after it never.
fn by_user(right: &'static [u8]) -> impl Guess {
    let colon = right.iter().position(|byte| *byte == b':').unwrap_or_default();
    move |random, second| {
        let keep = |at: usize| at == colon || (second && at < colon);
        right.iter().enumerate().map(|(at, byte)| if keep(at) { *byte } else { random.other_than(*byte) }).collect()
    }
}

fn ask<T: 'static>(
    what: &'static str,
    classes: [&'static str; 2],
    mut guess: impl Guess,
    write: impl Fn(&[u8]) -> Vec<u8> + 'static,
    refuse: impl Fn(&HeaderValue) -> T + 'static,
) -> Question {
    let prepare = move |random: &mut Random, second| header(write(&guess(random, second)));
    Question { what, classes, is_control: false, measure: timed(prepare, refuse), found: Vec::new() }
}

fn header(text: impl AsRef<[u8]>) -> HeaderValue {
    HeaderValue::from_bytes(text.as_ref()).expect("visible ASCII")
}

/// Times `call` on inputs of both classes, mixed.
fn timed<I: 'static, T: 'static>(
    mut prepare: impl FnMut(&mut Random, bool) -> I + 'static,
    call: impl Fn(&I) -> T + 'static,
) -> Measure {
    Box::new(move |random, samples| {
        let mut times = Vec::with_capacity(samples + BATCH);
        let mut warm = false;
        while times.len() < samples {
            let mut prepared = || {
                let second = random.coin();
                (second, prepare(random, second))
            };
            let batch: Vec<_> = std::iter::repeat_with(&mut prepared).take(BATCH).collect();
            for (second, input) in &batch {
                let started = Instant::now();
                let output = black_box(call(black_box(input)));
                let nanos = started.elapsed().as_secs_f64() * 1e9;
                drop(output);
                if warm {
                    times.push(Sample { second: *second, nanos });
                }
            }
            warm = true;
        }
        times
    })
}

/// Presents a value to a verifier that refuses it once the body is there.
fn refusal(
    sender: &Sender,
    secret: &[u8],
    name: &'static str,
) -> Result<impl Fn(&HeaderValue) -> Rejection + use<>, BoxError> {
    let verifier = Verifier::builder(sender.clone()).secret(Secret::new(secret)?).build()?;
    let (body, now, name) = (Bytes::from_static(BODY), SystemClock.now(), HeaderName::from_static(name));
    Ok(move |value: &HeaderValue| refused(&verifier, &name, value, &body, now))
}

fn refused(verifier: &Verifier, name: &HeaderName, value: &HeaderValue, body: &Bytes, now: SystemTime) -> Rejection {
    let mut headers = HeaderMap::with_capacity(1);
    headers.insert(name, value.clone());
    match verifier.verify_at(&headers, body.clone(), now) {
        Err(wrong @ (Rejection::SignatureMismatch { .. } | Rejection::CredentialsInvalid { .. })) => wrong,
        other => panic!("a signature or a credential that is wrong, not {other:?}"),
    }
}

/// One guess, against secrets of two lengths. Where a verifier lies in memory shows in its time too: each pair of them
/// is built anew all the time, in a random order, so that it evens out.
fn lengths(write: impl Fn(&[u8]) -> Vec<u8> + 'static) -> Result<Question, BoxError> {
    const REQUESTS: usize = 8;
    let sender = senders::ANGAGE.with_check(Check::bearer());
    let secrets = [Secret::new(SECRET)?, Secret::new(SECRET.repeat(3))?];
    let verifier = move |second: bool| {
        let secret = secrets[usize::from(second)].clone();
        Verifier::builder(sender.clone()).secret(secret).build().expect("settings that work")
    };
    let mut guess = by_prefix(SECRET.as_bytes());
    let (mut pair, mut made) = ([verifier(false), verifier(true)], 0);
    let prepare = move |random: &mut Random, second| {
        made += 1;
        if made % REQUESTS == 0 {
            let early = random.coin();
            let (one, other) = (verifier(early), verifier(!early));
            pair = if early { [other, one] } else { [one, other] };
        }
        (pair[usize::from(second)].clone(), header(write(&guess(random, false))))
    };
    let (body, now) = (Bytes::from_static(BODY), SystemClock.now());
    let call = move |(verifier, value): &(Verifier, HeaderValue)| {
        refused(verifier, &http::header::AUTHORIZATION, value, &body, now)
    };
    Ok(Question {
        what: "bearer token",
        classes: LENGTH,
        is_control: false,
        measure: timed(prepare, call),
        found: Vec::new(),
    })
}

/// Wrong signatures for a tenant that there is, and for one that there is not. Both were looked up before.
fn strangers() -> Result<Question, BoxError> {
    const REQUESTS: usize = 64;
    const NAMES: [&str; 2] = ["nobody", "tenant"];
    let receiver = || Receiver::builder(senders::HANDL).tenants(Book).build().expect("settings that work");
    let mut guess = by_prefix(&right_tag());
    let (mut current, mut made) = (receiver(), 0);
    let prepare = move |random: &mut Random, second| {
        made += 1;
        if made % REQUESTS == 0 {
            current = receiver();
            let headers = HeaderMap::from_iter([(SIGNATURE, header(hex(&guess(random, false))))]);
            let early = random.coin();
            for second in [early, !early] {
                drop(refused_by(&current, NAMES[usize::from(second)], &headers));
            }
        }
        (
            current.clone(),
            NAMES[usize::from(second)],
            HeaderMap::from_iter([(SIGNATURE, header(hex(&guess(random, false))))]),
        )
    };
    let call = |(receiver, name, headers): &(Receiver, &'static str, HeaderMap)| refused_by(receiver, name, headers);
    Ok(Question {
        what: "signature for a tenant",
        classes: TENANT,
        is_control: false,
        measure: timed(prepare, call),
        found: Vec::new(),
    })
}

/// One tenant.
#[derive(Debug)]
struct Book;

impl Tenants for Book {
    fn name(&self, head: &Head<'_>) -> Option<String> {
        head.parameters.get("tenant").map(str::to_owned)
    }

    fn find<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Tenant>, TenantsError>> {
        Box::pin(async move {
            let secret = (name == "tenant").then(|| Secret::new(SECRET));
            Ok(secret.transpose()?.map(|secret| Tenant::new().secret(secret)))
        })
    }
}

fn refused_by(receiver: &Receiver, tenant: &str, headers: &HeaderMap) -> Answer {
    let uri = Uri::default();
    let parameters: Parameters = [("tenant".to_owned(), tenant.to_owned())].into_iter().collect();
    let head = Head::new(&Method::POST, &uri, headers).with_parameters(parameters);
    let taken = pin!(async {
        let mut intake = receiver.head(&Tokio, &head).await?;
        intake.push(Bytes::from_static(BODY))?;
        intake.finish(headers)
    });
    match taken.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Err(answer)) if answer.status() == StatusCode::UNAUTHORIZED => answer,
        _ => panic!("not refused"),
    }
}

fn right_tag() -> [u8; 32] {
    mac().chain_update(BODY).finalize().into_bytes().into()
}

fn hex(tag: &[u8]) -> Vec<u8> {
    hex::encode(tag).into_bytes()
}

fn mac() -> Hmac<Sha256> {
    Hmac::new_from_slice(SECRET.as_bytes()).expect("a key of any length")
}

/// The receiver that must be found out.
fn control(tag: &[u8; 32]) -> Question {
    let key = mac();
    let naive = move |presented: &HeaderValue| {
        let presented = hex::decode(presented).unwrap_or_default();
        let right: [u8; 32] = key.clone().chain_update(black_box(BODY)).finalize().into_bytes().into();
        presented.iter().zip(&right).all(|(theirs, ours)| black_box(theirs) == ours)
    };
    Question { is_control: true, ..ask("a comparison to the first difference", EDGES, at_the_edges(tag), hex, naive) }
}

/// Keeps this thread on one core, and says on which.
#[cfg(target_os = "linux")]
fn pin() -> String {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let allowed = sched_getaffinity(None).unwrap_or_default();
    let Some(core) = (0..CpuSet::MAX_CPU).rev().find(|core| allowed.is_set(*core)) else { return "not pinned".into() };
    let mut one = CpuSet::new();
    one.set(core);
    sched_setaffinity(None, &one).map_or("not pinned".into(), |()| format!("pinned to core {core}"))
}

#[cfg(not(target_os = "linux"))]
fn pin() -> String {
    "not pinned".into()
}

fn report(extent: Extent, questions: &[Question], how: &str) -> Result<(), BoxError> {
    let rows =
        |control: bool| questions.iter().filter(move |question| question.is_control == control).map(Question::row);
    let tallies = [
        tally("Controls", "smallest |t|", how, rows(true).collect()),
        tally("Refusals", "largest |t|", how, rows(false).collect()),
    ];
    let is_missed = |row: &&Row| row.aim.zip(row.values.last()).is_some_and(|(aim, figure)| !aim.is_met(*figure));
    let missed = tallies.iter().flat_map(|tally| &tally.rows).find(is_missed).map(|row| row.name.clone());
    let mut sheet = Sheet::new(extent);
    tallies.into_iter().try_for_each(|tally| sheet.tally(tally))?;
    sheet.finish()?;
    match missed {
        Some(name) if extent == Extent::Full => Err(format!("not as it should be: {name}").into()),
        _ => Ok(()),
    }
}

fn tally(what: &str, last: &str, how: &str, rows: Vec<Row>) -> Tally {
    let runs = rows.first().map_or(0, |row| row.values.len() - 1);
    let columns = (1..=runs).map(|run| format!("run {run}")).chain([last.to_owned()]).collect();
    Tally { title: format!("{what}, {how}"), of: "compared".to_owned(), columns, rows }
}

impl Question {
    /// The strongest |t| of each run, and then that of the run that is the furthest from what it should be.
    fn row(&self) -> Row {
        let Self { what, classes: [first, second], is_control, found, .. } = self;
        let (furthest, aim) = if *is_control {
            (found.iter().copied().fold(f64::INFINITY, f64::min), Aim::AtLeast(SEEN))
        } else {
            (found.iter().copied().fold(0.0, f64::max), Aim::AtMost(FOUND))
        };
        let values = found.iter().copied().chain([furthest]).map(|t| (t * 10.0).round() / 10.0).collect();
        Row { name: format!("{what}: {first} / {second}"), values, aim: Some(aim) }
    }
}

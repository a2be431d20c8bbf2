//! Verification alone: from the head of a request to the verdict, and to the delivery.
//!
//! The floor is nothing but the SHA-256 compressions that HMAC with a prepared key cannot do without. All
//! contenders get the same headers besides those of their own scheme.
//!
//! What the rows of counterfoil measure:
//!
//! - *to verdict*: head, hash and comparison, on a signature that does not match. The public API has no stop
//!   between the verdict and the reading of the event, and a mismatch is where it stops by itself. The
//!   comparison takes constant time, so that a match costs the same. No clock is read: `now` is an argument,
//!   and no verdict on a signature needs it. `webhook-verify`'s plain HMAC reads none either.
//! - *to delivery*: all of it on a valid request; id, type and time read, the clock too, and the time judged.
//! - *opaque body*: a sender whose body is not read. Its key is the digest of the body, so that this hashes
//!   every body twice; nothing is subtracted.
//!
//! The last contest puts senders of the catalogue beside built-in ones that sign alike.
//!
//! `standardwebhooks` and `svix` sign an id and a time with the body, read the clock and judge the time.
//!
//! `counterfoil` switches the `zeroize` features of `hmac` and `sha2` on, and with them in this one binary
//! those of `webhook-verify`.

use std::hint::black_box;

use bytes::Bytes;
use counterfoil::scheme::Sender;
use counterfoil::{Clock, Delivery, Rejection, Secret, SecretEncoding, Signer, SystemClock, Verifier, senders};
use counterfoil_benches::fixtures::{SECRET, event, opaque, stamp};
use counterfoil_benches::markdown::count;
use counterfoil_benches::{Aim, BoxError, Contest, Extent, Sheet, Unit, timed};
use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::block_api::compress256;
use webhook_verify::{Provider, VerifyOptions};

/// For senders that decode theirs.
const WHSEC: &str = "whsec_NWYyZDhjMWI5ZTdhNDAzNmFiY2RlZg==";

const FLOOR: &str = "floor: SHA-256 compressions alone";
const HANDL_VERDICT: &str = "counterfoil, handl, to verdict";
const AGILED_VERDICT: &str = "counterfoil, agiled, to verdict";
const HANDL_DELIVERY: &str = "counterfoil, handl, to delivery";
const AGILED_DELIVERY: &str = "counterfoil, agiled, to delivery";
const OPAQUE_DELIVERY: &str = "counterfoil, opaque body, to delivery";
const WEBHOOK_VERIFY: &str = "webhook-verify, plain HMAC";
const STANDARD_WEBHOOKS: &str = "standardwebhooks";
const SVIX: &str = "svix";
const AGILED_BESIDE: &str = "agiled, built in";
const STRIPE: &str = "stripe, from the catalogue";
const STANDARD: &str = "standard-webhooks, from the catalogue";
const ANGAGE: &str = "angage, built in";
const GITHUB: &str = "github, from the catalogue";

fn main() -> Result<(), BoxError> {
    let extent = Extent::from_args();
    let mut sheet = Sheet::new(extent);
    let short = contest(extent, 1024)?
        .aim(HANDL_VERDICT, Aim::AtMost(1.25), FLOOR)
        .aim(AGILED_VERDICT, Aim::AtMost(1.25), FLOOR)
        .aim(HANDL_DELIVERY, Aim::AtMost(3.0), FLOOR)
        .aim(AGILED_DELIVERY, Aim::AtMost(3.0), FLOOR)
        .aim(WEBHOOK_VERIFY, Aim::AtLeast(1.3), HANDL_VERDICT)
        .aim(STANDARD_WEBHOOKS, Aim::AtLeast(5.0), HANDL_VERDICT)
        .aim(SVIX, Aim::AtLeast(5.0), HANDL_VERDICT)
        .compare(WEBHOOK_VERIFY, HANDL_DELIVERY)
        .compare(STANDARD_WEBHOOKS, HANDL_DELIVERY);
    sheet.contest(short.run(extent, 1001)?)?;
    let long = contest(extent, 64 * 1024)?.aim(HANDL_VERDICT, Aim::AtMost(1.03), FLOOR).aim(
        AGILED_VERDICT,
        Aim::AtMost(1.03),
        FLOOR,
    );
    sheet.contest(long.run(extent, 501)?)?;
    sheet.contest(from_a_file(extent, 1024)?.run(extent, 1001)?)?;
    sheet.finish()
}

/// Senders of the catalogue beside built-in ones that sign alike: a time in front, or the body alone with the key made
/// of it.
fn from_a_file(extent: Extent, size: usize) -> Result<Contest<'static>, BoxError> {
    let stamp = stamp()?;
    let seconds = unix_seconds()?;
    let delivery = |name: &str, envelope: &str| {
        let mut senders = senders::ALL.iter().chain(senders::catalogue());
        let sender = senders.find(|sender| sender.name == name).ok_or("a sender")?;
        Ok::<_, BoxError>(timed(extent, to_delivery(sender, &event(envelope, size))?))
    };
    let agiled = format!(r#""id":"evt_01jw3x9k2m","event":"invoice.paid","occurred_at":"{stamp}""#);
    let stripe = format!(r#""id":"evt_01jw3x9k2m","type":"invoice.paid","created":{seconds}"#);
    let standard = format!(r#""type":"invoice.paid","timestamp":"{stamp}""#);
    let angage = format!(r#""event":"order.created","timestamp":"{stamp}""#);
    Ok(Contest::new(format!("Senders from a file, JSON body of {} bytes, to delivery", count(size)), Unit::Time)
        .ours(AGILED_BESIDE, delivery("agiled", &agiled)?)
        .ours(STRIPE, delivery("stripe", &stripe)?)
        .ours(STANDARD, delivery("standard-webhooks", &standard)?)
        .ours(ANGAGE, delivery("angage", &angage)?)
        .ours(GITHUB, delivery("github", r#""action":"opened""#)?)
        .aim(STRIPE, Aim::AtMost(1.1), AGILED_BESIDE)
        .aim(STANDARD, Aim::AtMost(1.1), AGILED_BESIDE)
        .aim(GITHUB, Aim::AtMost(1.1), ANGAGE))
}

fn contest(extent: Extent, size: usize) -> Result<Contest<'static>, BoxError> {
    let stamp = stamp()?;
    let handl_body = event(
        &format!(r#""id":"evt_01jw3x9k2m","object":"event","type":"order.created","created_at":"{stamp}""#),
        size,
    );
    let agiled_body = event(
        &format!(r#""id":"01jw3x9k-2m4n-7p6q","event":"invoice.paid","occurred_at":"{stamp}","account_id":"acc_71""#),
        size,
    );
    let (message, outer) = blocks(handl_body.as_bytes());
    let compressions = count(message.len() + outer.len());
    let title = format!("Verification, JSON body of {} bytes ({compressions} compressions)", count(size));
    let floor = move || {
        let (mut inner_state, mut outer_state) = black_box(([1; 8], [2; 8]));
        compress256(&mut inner_state, black_box(&message));
        compress256(&mut outer_state, black_box(&outer));
        (inner_state, outer_state)
    };
    let webhook_verify = webhook_verify(&handl_body)?;
    let standard_webhooks = standard_webhooks(&handl_body)?;
    let svix = svix(&handl_body)?;
    Ok(Contest::new(title, Unit::Time)
        .enter(FLOOR, timed(extent, floor))
        .ours(HANDL_VERDICT, timed(extent, to_verdict(&senders::HANDL, &handl_body)?))
        .ours(AGILED_VERDICT, timed(extent, to_verdict(&senders::AGILED, &agiled_body)?))
        .ours(HANDL_DELIVERY, timed(extent, to_delivery(&senders::HANDL, &handl_body)?))
        .ours(AGILED_DELIVERY, timed(extent, to_delivery(&senders::AGILED, &agiled_body)?))
        .ours(OPAQUE_DELIVERY, timed(extent, to_delivery(&opaque(), &handl_body)?))
        .enter(WEBHOOK_VERIFY, timed(extent, webhook_verify))
        .enter(STANDARD_WEBHOOKS, timed(extent, standard_webhooks))
        .enter(SVIX, timed(extent, svix)))
}

/// The blocks that HMAC compresses once the key's two blocks are done: the padded message, and the padded
/// inner digest. Agiled's timestamp fits into the message's last block.
fn blocks(message: &[u8]) -> (Vec<[u8; 64]>, Vec<[u8; 64]>) {
    (padded(message), padded(&[0x5c; 32]))
}

fn padded(message: &[u8]) -> Vec<[u8; 64]> {
    let mut bytes = message.to_vec();
    bytes.push(0x80);
    bytes.resize((bytes.len() + 8).next_multiple_of(64), 0);
    bytes.as_chunks().0.to_vec()
}

fn to_delivery(sender: &Sender, body: &str) -> Result<impl FnMut() -> Delivery + use<>, BoxError> {
    let (verifier, headers, body) = request(sender, SECRET, body)?;
    Ok(move || {
        let verified = verifier.verify_at(black_box(&headers), black_box(&body).clone(), SystemClock.now());
        verified.expect("a valid request")
    })
}

fn to_verdict(sender: &Sender, body: &str) -> Result<impl FnMut() -> Rejection + use<>, BoxError> {
    let (verifier, headers, body) = request(sender, "whsec_some_other_secret", body)?;
    // Leaked, because a clone of other bytes is work that no receiver does.
    let body = Bytes::from_static(body.to_vec().leak());
    let now = SystemClock.now();
    Ok(move || {
        let verified = verifier.verify_at(black_box(&headers), black_box(&body).clone(), now);
        match verified {
            Err(mismatch @ Rejection::SignatureMismatch { .. }) => mismatch,
            other => panic!("a mismatch, not {other:?}"),
        }
    })
}

/// A request signed under `secret`, and a verifier that expects [`SECRET`].
fn request(sender: &Sender, secret: &str, body: &str) -> Result<(Verifier, HeaderMap, Bytes), BoxError> {
    let read = |text: &str| match sender.scheme.secret {
        SecretEncoding::Whsec => Secret::decode(WHSEC, SecretEncoding::Whsec),
        _ => Secret::new(text),
    };
    let verifier = Verifier::builder(sender.clone()).secret(read(SECRET)?).build()?;
    let mut signed = Signer::new(sender, &read(secret)?)?.sign(body.as_bytes(), SystemClock.now())?;
    let unsigned = &sender.scheme.unsigned;
    for (name, value) in [(&unsigned.event, "invoice.paid"), (&unsigned.id, "01jw3x9k-2m4n-7p6q")] {
        if let Some(name) = name {
            signed.insert(HeaderName::try_from(name.as_ref())?, HeaderValue::from_static(value));
        }
    }
    Ok((verifier, head(body, signed)?, Bytes::copy_from_slice(body.as_bytes())))
}

/// What comes with every webhook, and the headers of one scheme.
fn head(body: &str, scheme: HeaderMap) -> Result<HeaderMap, BoxError> {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("host", "shop.example"),
        ("user-agent", "Webhooks/1.0"),
        ("content-type", "application/json"),
        ("accept", "*/*"),
        ("accept-encoding", "gzip"),
        ("x-forwarded-for", "203.0.113.7"),
        ("x-forwarded-proto", "https"),
        ("content-length", &body.len().to_string()),
    ] {
        headers.insert(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
    }
    headers.extend(scheme);
    Ok(headers)
}

/// The peer's shortest path: GitHub's scheme, the body alone under the MAC and no time.
fn webhook_verify(body: &str) -> Result<impl FnMut() + use<>, BoxError> {
    let mut signed = Signer::new(&senders::HANDL, &Secret::new(SECRET)?)?.sign(body.as_bytes(), SystemClock.now())?;
    let tag = signed.remove("x-handl-signature").ok_or("a signature")?;
    signed.insert("x-hub-signature-256", HeaderValue::try_from(format!("sha256={}", tag.to_str()?))?);
    let (headers, body) = (head(body, signed)?, body.to_owned());
    let secret = webhook_verify::Secret::new(SECRET);
    Ok(move || {
        let (headers, body) = black_box((&headers, body.as_bytes()));
        webhook_verify::verify(Provider::GitHub, headers, body, &secret, VerifyOptions::default())
            .expect("a valid request");
    })
}

fn standard_webhooks(body: &str) -> Result<impl FnMut() + use<>, BoxError> {
    let webhook = standardwebhooks::Webhook::from_bytes(SECRET.into())?;
    let (id, at) = ("msg_01jw3x9k2m", unix_seconds()?);
    let headers = head(body, standard_headers("webhook", id, at, &webhook.sign(id, at, body.as_bytes())?)?)?;
    let body = body.to_owned();
    Ok(move || webhook.verify(black_box(body.as_bytes()), black_box(&headers)).expect("a valid request"))
}

fn svix(body: &str) -> Result<impl FnMut() + use<>, BoxError> {
    let webhook = svix::webhooks::Webhook::from_bytes(SECRET.into())?;
    let (id, at) = ("msg_01jw3x9k2m", unix_seconds()?);
    let headers = head(body, standard_headers("svix", id, at, &webhook.sign(id, at, body.as_bytes())?)?)?;
    let body = body.to_owned();
    Ok(move || webhook.verify(black_box(body.as_bytes()), black_box(&headers)).expect("a valid request"))
}

fn standard_headers(brand: &str, id: &str, at: i64, signature: &str) -> Result<HeaderMap, BoxError> {
    let mut headers = HeaderMap::new();
    for (name, value) in [("id", id), ("timestamp", &at.to_string()), ("signature", signature)] {
        headers.insert(HeaderName::try_from(format!("{brand}-{name}"))?, HeaderValue::try_from(value)?);
    }
    Ok(headers)
}

fn unix_seconds() -> Result<i64, BoxError> {
    Ok(i64::try_from(SystemClock.now().duration_since(std::time::UNIX_EPOCH)?.as_secs())?)
}

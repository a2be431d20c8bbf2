//! Every vector against the verifier, and the vectors against the program that makes them.

use std::process::Command;

use bytes::Bytes;
use counterfoil::scheme::Sender;
use counterfoil::verifier::Verified;
use counterfoil::{Delivery, Rejection, senders};
use counterfoil_tests::{Example, Vector, signing};

#[test]
fn agency_os_ai() {
    check(&senders::AGENCY_OS_AI);
}

#[test]
fn agency_os_ai_plugin() {
    check(&senders::AGENCY_OS_AI_PLUGIN);
}

#[test]
fn agiled() {
    check(&senders::AGILED);
}

#[test]
fn angage() {
    check(&senders::ANGAGE);
}

#[test]
fn angage_marketplace() {
    check(&senders::ANGAGE_MARKETPLACE);
}

#[test]
fn handl() {
    check(&senders::HANDL);
}

#[test]
fn every_sender_has_enough_vectors_and_names_that_differ() {
    for sender in signing() {
        let vectors = Vector::load(&sender.name);
        let valid = vectors.iter().filter(|vector| vector.is_valid()).count();
        let refused = vectors.len() - valid;
        assert!(valid >= 6 && refused >= 10, "{}: {valid} valid, {refused} refused", sender.name);
        let names: std::collections::HashSet<_> = vectors.iter().map(|vector| &vector.name).collect();
        assert_eq!(names.len(), vectors.len(), "{}", sender.name);
    }
    assert_eq!(signing().count(), 6, "a sender without a test of its own above");
}

#[test]
fn the_catalogue() {
    for sender in senders::catalogue() {
        let vectors = Vector::load_of_catalogue(&sender.name);
        let refused = vectors.iter().filter(|vector| !vector.is_valid() && vector.challenge.is_none()).count();
        assert!(vectors.len() - refused >= 3 && refused >= 8, "{}: {refused} refused", sender.name);
        check_all(sender, &vectors);
    }
}

#[test]
fn the_examples_of_the_other_tests_are_the_first_vectors() {
    for example in Example::all() {
        let first = &Vector::load(example.wire.sender)[0];
        assert_eq!(example.headers(), first.headers(), "{}", example.wire.sender);
    }
}

#[test]
fn the_files_are_what_the_programs_make() {
    for program in ["make.py", "catalogue.py"] {
        let script = format!("{}/vectors/{program}", env!("CARGO_MANIFEST_DIR"));
        let output = Command::new("python3").args([&script, "--check"]).output().expect("python3 runs");
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

fn check(sender: &Sender) {
    check_all(sender, &Vector::load(&sender.name));
}

fn check_all(sender: &Sender, vectors: &[Vector]) {
    let wrong: Vec<String> = vectors.iter().flat_map(|vector| complaints(sender, vector)).collect();
    let (count, all, name) = (wrong.len(), 4 * vectors.len(), &sender.name);
    assert!(wrong.is_empty(), "{name}: {count} of {all} outcomes are wrong:\n{}", wrong.join("\n"));
}

fn complaints(sender: &Sender, vector: &Vector) -> Vec<String> {
    let verifier = vector.verifier(sender);
    let (headers, body, now) = (vector.headers(), vector.body(), vector.at());
    let in_frames = |size: usize| {
        let mut presented = verifier.present(&headers, now)?;
        body.chunks(size).for_each(|frame| presented.push(Bytes::copy_from_slice(frame)));
        match presented.finish(&headers, now)? {
            Verified::Fresh(delivery) => Ok(Outcome::Delivery(delivery)),
            Verified::Stale(stale) => Err(stale.into_rejection()),
            Verified::Challenge(text) => Ok(Outcome::Challenge(text)),
            other => panic!("{other:?}"),
        }
    };
    let at_once = match verifier.verify_at(&headers, body.clone(), now) {
        // A verifier on its own has nobody to answer a challenge to.
        Err(Rejection::BodyNotAnObject { .. }) if vector.challenge.is_some() => in_frames(usize::MAX),
        outcome => outcome.map(Outcome::Delivery),
    };
    let outcomes = [
        ("at once", at_once),
        ("in frames of 1 byte", in_frames(1)),
        ("in frames of 7 bytes", in_frames(7)),
        ("in one frame", in_frames(usize::MAX)),
    ];
    let complain = |(way, outcome): &(&str, _)| {
        complaint(vector, &body, outcome).map(|what| format!("  {} ({way}): {what}", vector.name))
    };
    outcomes.iter().filter_map(complain).collect()
}

enum Outcome {
    Delivery(Delivery),
    Challenge(Bytes),
}

fn complaint(vector: &Vector, body: &Bytes, outcome: &Result<Outcome, Rejection>) -> Option<String> {
    let delivery = match outcome {
        Ok(Outcome::Delivery(delivery)) if vector.is_valid() => delivery,
        Ok(Outcome::Challenge(text)) => {
            let right = vector.challenge.as_deref().is_some_and(|expected| expected.as_bytes() == text);
            return (!right).then(|| format!("the challenge {text:?}, expected {}", vector.expected));
        }
        Ok(Outcome::Delivery(_)) => return Some(format!("accepted, expected {}", vector.expected)),
        Err(rejection) if rejection.kind().code() == vector.expected => return None,
        Err(rejection) => return Some(format!("{} ({rejection}), expected {}", rejection.kind(), vector.expected)),
    };
    let id = delivery.event_id().map(|id| id.as_str());
    let facts = (id, delivery.event_type(), delivery.signed_at());
    let expected = (vector.event_id.as_deref(), vector.event_type.as_deref(), vector.signed_at());
    (facts != expected || delivery.body() != body).then(|| format!("read {facts:?}, expected {expected:?}"))
}

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
fn the_examples_of_the_other_tests_are_the_first_vectors() {
    for example in Example::all() {
        let first = &Vector::load(example.wire.sender)[0];
        assert_eq!(example.headers(), first.headers(), "{}", example.wire.sender);
    }
}

#[test]
fn the_files_are_what_the_program_makes() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/make.py");
    let output = Command::new("python3").args([script, "--check"]).output().expect("python3 runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn check(sender: &Sender) {
    let vectors = Vector::load(&sender.name);
    let wrong: Vec<String> = vectors.iter().flat_map(|vector| complaints(sender, vector)).collect();
    assert!(wrong.is_empty(), "{} of {} outcomes are wrong:\n{}", wrong.len(), vectors.len(), wrong.join("\n"));
}

fn complaints(sender: &Sender, vector: &Vector) -> Vec<String> {
    let verifier = vector.verifier(sender);
    let (headers, body, now) = (vector.headers(), vector.body(), vector.at());
    let in_frames = |size: usize| {
        let mut presented = verifier.present(&headers, now)?;
        body.chunks(size).for_each(|frame| presented.push(Bytes::copy_from_slice(frame)));
        match presented.finish(&headers, now)? {
            Verified::Fresh(delivery) => Ok(delivery),
            Verified::Stale(stale) => Err(stale.into_rejection()),
            other => panic!("{other:?}"),
        }
    };
    let outcomes = [
        ("at once", verifier.verify_at(&headers, body.clone(), now)),
        ("in frames of 1 byte", in_frames(1)),
        ("in frames of 7 bytes", in_frames(7)),
        ("in one frame", in_frames(usize::MAX)),
    ];
    let complain = |(way, outcome): &(&str, _)| {
        complaint(vector, &body, outcome).map(|what| format!("  {} ({way}): {what}", vector.name))
    };
    outcomes.iter().filter_map(complain).collect()
}

fn complaint(vector: &Vector, body: &Bytes, outcome: &Result<Delivery, Rejection>) -> Option<String> {
    let delivery = match outcome {
        Ok(delivery) if vector.is_valid() => delivery,
        Ok(_) => return Some(format!("accepted, expected {}", vector.expected)),
        Err(rejection) if rejection.kind().code() == vector.expected => return None,
        Err(rejection) => return Some(format!("{} ({rejection}), expected {}", rejection.kind(), vector.expected)),
    };
    let id = delivery.event_id().map(|id| id.as_str());
    let facts = (id, delivery.event_type(), delivery.signed_at());
    let expected = (vector.event_id.as_deref(), vector.event_type.as_deref(), vector.signed_at());
    (facts != expected || delivery.body() != body).then(|| format!("read {facts:?}, expected {expected:?}"))
}

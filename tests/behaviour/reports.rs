//! What operators see: one event for each delivery, metrics, and the answer in the response's extensions.

use counterfoil::receiver::Answer;
use counterfoil::{Clock, Rejection, Secret, Signer, SystemClock, senders};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};

use crate::handler::{Act, Handler, SECRET, answer, body, memory, receiver, request, send, service, signed};
use crate::log::Log;

#[tokio::test(flavor = "current_thread")]
async fn every_delivery_is_one_line_and_none_holds_a_secret() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let handler = Handler::new([Act::Answer(200), Act::Answer(500)]);
    let service = service(receiver(memory()).build().unwrap(), &handler);
    let event = body("evt_1");
    send(&service, request(event.clone())).await;
    send(&service, request(event.clone())).await;
    send(&service, request(body("evt_2"))).await;
    let other: bytes::Bytes = [&event[..event.len() - 1], br#","note":1}"#].concat().into();
    send(&service, request(other)).await;
    let mut forged = request(event.clone());
    let stranger = Signer::new(&senders::HANDL, &Secret::new("a secret of somebody else").unwrap()).unwrap();
    *forged.headers_mut() = stranger.sign(&event, SystemClock.now()).unwrap();
    send(&service, forged).await;

    let text = log.text();
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("outcome=")).collect();
    assert_eq!(lines.len(), 5, "{text}");
    for (line, parts) in lines.iter().zip([
        ["INFO", "outcome=\"handled\"", "status=200"],
        ["INFO", "outcome=\"duplicate\"", "status=200"],
        ["WARN", "outcome=\"failed\"", "status=500"],
        ["ERROR", "outcome=\"conflict\"", "status=200"],
        ["WARN", "outcome=\"refused\"", "code=\"signature_mismatch\""],
    ]) {
        for part in parts {
            assert!(line.contains(part), "{part} in {line}");
        }
        assert!(line.contains("sender=handl endpoint=handl"), "{line}");
    }
    assert!(lines[0].contains("event_type=\"order.created\"") && lines[0].contains("event_id=evt_1"), "{}", lines[0]);
    assert!(lines[4].contains("no active secret (of 1) matches"), "the operator gets the reason: {}", lines[4]);
    let tag = signed(&event)["x-handl-signature"].to_str().unwrap().to_owned();
    for secret in [SECRET, &tag, "850000"] {
        assert!(!text.contains(secret), "{secret} must not be logged");
    }
}

#[tokio::test]
async fn t12_a_layer_outside_can_count_failures() {
    let service = service(receiver(memory()).build().unwrap(), &Handler::default());
    let mut forged = request(body("evt_1"));
    forged.headers_mut().insert("x-handl-signature", "0".repeat(64).parse().unwrap());
    let response = send(&service, forged).await;
    assert!(matches!(answer(&response), Some(Answer::Refused(Rejection::SignatureMismatch { secrets: 1 }))));
    assert_eq!(response.body().as_ref(), br#"{"status":401,"code":"signature_mismatch"}"#);
}

#[test]
fn metrics_count_outcomes_without_open_labels() {
    let recorder = DebuggingRecorder::new();
    let snapshots = recorder.snapshotter();
    metrics::with_local_recorder(&recorder, || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let service = service(receiver(memory()).build().unwrap(), &Handler::default());
            let event = body("evt_1");
            for _ in 0..3 {
                send(&service, request(event.clone())).await;
            }
        });
    });
    let mut counts = Vec::new();
    for (key, _, _, value) in snapshots.snapshot().into_vec() {
        let key = key.key();
        let labels: Vec<String> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        assert!(labels.iter().all(|label| !label.contains("order.created") && !label.contains("evt_1")), "{labels:?}");
        if let DebugValue::Counter(count) = value {
            counts.push((key.name().to_owned(), labels.join(","), count));
        }
    }
    counts.sort();
    let name = "counterfoil_deliveries_total".to_owned();
    assert_eq!(
        counts,
        [
            (name.clone(), "sender=handl,endpoint=handl,outcome=duplicate,code=".to_owned(), 2),
            (name, "sender=handl,endpoint=handl,outcome=handled,code=".to_owned(), 1),
        ]
    );
}

//! What is counted.

use agencyhandy_endpoint::Fault;
use counterfoil::remote::RemoteVerifier as _;
use metrics_util::debugging::{DebugValue, DebuggingRecorder};

use crate::shop::{Sent, builder, endpoint, many, ms};

#[test]
fn questions_are_counted_by_what_became_of_them() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    metrics::with_local_recorder(&recorder, || {
        runtime.block_on(async {
            let endpoint = endpoint().await;
            let client = builder(&endpoint).rate(many(1), many(3)).breaker(many(1), ms(10_000)).build().unwrap();
            let ask = async |number| client.ask(&Sent::number(number).question()).await;
            tokio::join!(ask(0), ask(0));
            ask(0).await;
            let _ = ask(1).await;
            endpoint.set_fault(Fault::ServerError);
            for number in 2..5 {
                ask(number).await;
            }
        });
    });
    let mut counts: Vec<(String, u64)> = Vec::new();
    for (key, _, _, value) in snapshotter.snapshot().into_vec() {
        let key = key.key();
        assert_eq!(key.name(), "counterfoil_questions_total");
        let DebugValue::Counter(count) = value else { panic!("a counter") };
        counts.push((key.labels().map(|label| label.value().to_owned()).collect(), count));
    }
    counts.sort();
    let expected = [("cached", 1), ("decided", 2), ("failed", 1), ("paused", 2), ("shared", 1)];
    assert_eq!(counts, expected.map(|(outcome, count)| (outcome.to_owned(), count)));
}

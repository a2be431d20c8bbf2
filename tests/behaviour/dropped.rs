//! Response futures of the layer's that are dropped while their handler runs: it goes on without them.

use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use counterfoil::idempotency::State;
use http::StatusCode;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

use crate::handler::{Act, Handler, body, memory, receiver, request, send, service, until};
use crate::settle::{event, state};

const SHORT: Duration = Duration::from_secs(2);

fn runtimes() -> [Runtime; 2] {
    [Builder::new_current_thread(), Builder::new_multi_thread()]
        .map(|mut builder| builder.enable_all().build().unwrap())
}

/// Polls once.
async fn begin<F: Future>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

#[tokio::test]
async fn t42_wherever_it_is_dropped_the_handler_comes_to_its_end() {
    let elsewhere = |future: Box<dyn Send>| std::thread::spawn(move || drop(future)).join().unwrap();
    let ways: [fn(Box<dyn Send>); 2] = [drop, elsewhere];
    for drop_it in ways {
        let (store, handler) = (Arc::new(memory()), Handler::new([Act::Hold]));
        let receiver = receiver(store.clone()).build().unwrap();
        let (service, event_body) = (service(receiver.clone(), &handler), body("evt_1"));
        let mut response = Box::pin(service.oneshot(request(event_body.clone())));
        assert!(begin(&mut response).await.is_pending());
        assert_eq!(handler.runs(), 1, "it runs without a task of its own");
        drop_it(Box::new(response));
        assert_eq!(receiver.health().await.running, 1);
        handler.release();
        receiver.shutdown(pending()).await;
        assert_eq!((handler.runs(), handler.finished()), (1, 1));
        assert_eq!(state(&store, &event(&receiver, &event_body)).await, Some((State::Done, 1)));
    }
}

#[tokio::test]
async fn one_that_goes_on_is_stopped_by_its_time_and_by_a_shutdown() {
    let handler =
        Handler::new([Act::Sleep(Duration::from_secs(3600)), Act::Spin(Duration::from_secs(3600)), Act::Hold]);
    let receiver = receiver(memory()).handler_time(Duration::from_millis(100)).build().unwrap();
    let service = service(receiver.clone(), &handler);
    for runs in 1..=3 {
        let mut response = Box::pin(service.clone().oneshot(request(body(&format!("evt_{runs}")))));
        assert!(begin(&mut response).await.is_pending());
        assert_eq!(handler.runs(), runs);
        drop(response);
        if runs < 3 {
            while receiver.health().await.running > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
    receiver.shutdown(std::future::ready(())).await;
    assert_eq!((receiver.health().await.running, handler.finished()), (0, 0));
}

/// Nothing panics, nothing goes on, and nothing is lost.
#[test]
fn t42_a_runtime_that_goes_down_leaves_the_event_to_its_lease() {
    for (dropped_first, runtime) in [false, true].into_iter().zip(runtimes()) {
        let (store, handler) = (Arc::new(memory()), Handler::new([Act::Hold, Act::Hold]));
        let receiver = receiver(store.clone()).lease(SHORT).build().unwrap();
        let service = service(receiver.clone(), &handler);
        let (in_a_task, outside) = (body("evt_1"), body("evt_2"));
        let mut response = Box::pin(service.clone().oneshot(request(outside.clone())));
        let response = runtime.block_on(async {
            tokio::spawn(service.clone().oneshot(request(in_a_task.clone())));
            assert!(begin(&mut response).await.is_pending());
            until(|| handler.runs() == 2).await;
            (!dropped_first).then_some(response)
        });
        drop(runtime);
        drop(response);
        assert_eq!(handler.finished(), 0);
        let fresh = Builder::new_current_thread().enable_all().build().unwrap();
        fresh.block_on(async {
            for body in [&in_a_task, &outside] {
                assert_eq!(state(&store, &event(&receiver, body)).await, Some((State::Claimed, 1)));
            }
            tokio::time::sleep(SHORT).await;
            for body in [in_a_task, outside] {
                assert_eq!(send(&service, request(body)).await.status(), StatusCode::OK);
            }
            assert_eq!(receiver.health().await.running, 0);
        });
    }
}

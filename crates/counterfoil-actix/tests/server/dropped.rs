//! Response futures of the middleware's that are dropped while their handler runs, with no server around them.

use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use actix_web::dev::Service;
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, rt, web};
use counterfoil::idempotency::{MemoryStore, State, Store};
use counterfoil::{Clock, Delivery, Receiver, SystemClock};
use counterfoil_actix::WebhookMiddleware;

use crate::event::{body, memory, receiver, signature};
use crate::handler::{Act, Handler, run};

const SHORT: Duration = Duration::from_secs(2);

/// The handling of `body`, as far as it comes without waiting.
async fn begun(receiver: &Receiver, handler: &Handler, body: &[u8]) -> Pin<Box<dyn Future<Output = ()>>> {
    let hook = web::resource("/hook").wrap(WebhookMiddleware::new(receiver.clone())).route(web::post().to(run));
    let service = init_service(App::new().app_data(web::Data::new(handler.clone())).service(hook)).await;
    let signature = signature(body);
    let signature = signature.trim().split_once(": ").unwrap();
    let request = TestRequest::post().uri("/hook").insert_header(signature).set_payload(body.to_vec()).to_request();
    let mut response: Pin<Box<dyn Future<Output = ()>>> =
        Box::pin(async move { assert_eq!(service.call(request).await.unwrap().status(), 200) });
    let runs = handler.runs();
    let pending = poll_fn(|cx| Poll::Ready(response.as_mut().poll(cx).is_pending())).await;
    assert!(pending, "the handler holds the answer back");
    assert_eq!(handler.runs(), runs + 1, "it runs without a task of its own");
    response
}

async fn state(store: &MemoryStore, receiver: &Receiver, body: &[u8]) -> State {
    let event = Delivery::assertion(receiver.verifier(), body.to_vec(), SystemClock.now()).unwrap();
    store.get(event.scope(), event.key()).await.unwrap().unwrap().state
}

#[actix_web::test]
async fn t42_the_handler_comes_to_its_end() {
    let (store, handler) = (Arc::new(memory()), Handler::new([Act::Sleep(Duration::from_millis(50))]));
    let (receiver, body) = (receiver().store(store.clone()).build().unwrap(), body("evt_1"));
    drop(begun(&receiver, &handler, &body).await);
    assert_eq!(receiver.health().await.running, 1);
    receiver.shutdown(pending()).await;
    assert_eq!((handler.runs(), handler.finished()), (1, 1));
    assert_eq!(state(&store, &receiver, &body).await, State::Done);
}

/// Nothing panics, nothing goes on, and nothing is lost.
#[test]
fn t42_where_it_cannot_go_on_the_event_is_left_to_its_lease() {
    let (store, handler) = (Arc::new(memory()), Handler::new([Act::Hang; 4]));
    let receiver = receiver().store(store.clone()).lease(SHORT).build().unwrap();
    let bodies = ["evt_1", "evt_2", "evt_3", "evt_4"].map(body);

    let worker = rt::Runtime::new().unwrap();
    let after = worker.block_on(async {
        let in_a_task = begun(&receiver, &handler, &bodies[0]).await;
        rt::spawn(in_a_task);
        drop(begun(&receiver, &handler, &bodies[1]).await);
        [begun(&receiver, &handler, &bodies[2]).await]
    });
    drop(worker);
    drop(after);
    // Here handlers run, and there are no tasks for what stays on its thread.
    let other = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    other.block_on(async { drop(begun(&receiver, &handler, &bodies[3]).await) });

    assert_eq!(handler.finished(), 0);
    rt::Runtime::new().unwrap().block_on(async {
        for body in &bodies {
            assert_eq!(state(&store, &receiver, body).await, State::Claimed);
        }
        rt::time::sleep(SHORT).await;
        assert_eq!(receiver.health().await.running, 0);
        let again = Handler::new([Act::Hang; 4]);
        for body in &bodies {
            drop(begun(&receiver, &again, body).await);
        }
    });
}

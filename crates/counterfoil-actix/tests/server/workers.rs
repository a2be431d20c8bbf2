//! Workers that share one receiver.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;

use actix_web::{HttpResponse, web};
use counterfoil_actix::{Delivery, WebhookMiddleware};

use crate::client::send;
use crate::event::{body, receiver, request};
use crate::serve::serve;

type Seen = Arc<Mutex<HashMap<String, Vec<ThreadId>>>>;

#[actix_web::test]
async fn an_event_is_handled_once_whichever_workers_its_copies_meet() {
    async fn handler(seen: web::Data<Seen>, delivery: Delivery) -> HttpResponse {
        let id = delivery.event_id().unwrap().as_str().to_owned();
        seen.lock().unwrap().entry(id).or_default().push(std::thread::current().id());
        HttpResponse::Ok().finish()
    }
    let seen = Seen::default();
    let (webhook, data) = (WebhookMiddleware::new(receiver().build().unwrap()), web::Data::new(seen.clone()));
    let address = serve(move |app| {
        let hook = web::resource("/hook").wrap(webhook.clone());
        app.app_data(data.clone()).service(hook.route(web::post().to(handler)));
    });
    let (mut events, mut handled) = (0, 0);
    // Which worker a new connection goes to is the server's to say: until both have handled some.
    while events < 50 || threads(&seen).len() < 2 {
        events += 1;
        assert!(events < 1000, "one worker has handled everything");
        let request = Arc::new(request(&body(&format!("evt_{events}"))));
        let copies = [(); 5].map(|()| {
            let request = request.clone();
            actix_web::rt::spawn(async move { send(address, &request).await })
        });
        for copy in copies {
            let reply = copy.await.unwrap();
            assert_eq!(reply.status, 200, "{reply:?}");
            handled += usize::from(reply.header("x-webhook-duplicate").is_none());
        }
    }
    let seen = seen.lock().unwrap();
    assert_eq!((handled, seen.len()), (events, events));
    assert!(seen.values().all(|runs| runs.len() == 1), "{seen:?}");
}

fn threads(seen: &Seen) -> HashSet<ThreadId> {
    seen.lock().unwrap().values().flatten().copied().collect()
}

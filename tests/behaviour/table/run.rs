//! Runs the table against one server at a time.

use agencyhandy_endpoint::Endpoint;
use bytes::Bytes;
use http::{Response, Version};

use super::case::{Answer, Case, Step};
use crate::client::Client;
use crate::differences;
use crate::handler::HANDLED;
use crate::servers::Host;

pub(super) async fn all(cases: Vec<Case>, host: &Host, version: Version) {
    for Case { name, receiver, endpoint, acts, steps } in cases {
        let served = host.serve(receiver, acts).await;
        let client = Client::new(served.address(), version);
        for (number, step) in steps.iter().enumerate() {
            if step.unread && !differences::can_leave_bodies_unread(host.stack, version) {
                continue;
            }
            let at = format!("{name}, step {number}, {:?} over {version:?}", host.stack);
            let asked_before = set(endpoint.as_deref(), step);
            let response = client.send(step.sent.request()).await;
            let is_unread = step.unread && differences::sees_bodies_arrive(host.stack);
            let connection = differences::connection(host.stack, version, !is_unread && !step.closing);
            check(step, &response, connection, &at);
            assert_eq!(served.runs().await, step.runs, "{at}");
            let asked = endpoint.as_ref().map_or(0, |endpoint| endpoint.calls() - asked_before);
            assert_eq!(asked, step.asked, "{at}");
        }
    }
}

/// Sets the step's fault, and says how often the endpoint was asked before.
fn set(endpoint: Option<&Endpoint>, step: &Step) -> usize {
    let Some(endpoint) = endpoint else { return 0 };
    endpoint.set_fault(step.fault);
    endpoint.calls()
}

fn check(step: &Step, response: &Response<Bytes>, connection: Option<&str>, at: &str) {
    let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap());
    let body = std::str::from_utf8(response.body()).unwrap();
    assert_eq!(response.status(), step.status, "{at}: {body}");
    let (content_type, duplicate, expected) = match step.answer {
        Answer::Handled => (None, None, HANDLED.to_owned()),
        Answer::Duplicate(kind) => (None, Some(kind), String::new()),
        Answer::Refused(code) => {
            let problem = format!(r#"{{"status":{},"code":"{code}"}}"#, step.status);
            (Some("application/problem+json"), None, problem)
        }
        Answer::Echoed(text) => (Some("text/plain; charset=utf-8"), None, text.to_owned()),
    };
    assert_eq!((body, header("x-webhook-duplicate")), (&*expected, duplicate), "{at}");
    let ours = !matches!(step.answer, Answer::Handled);
    let refused = matches!(step.answer, Answer::Refused(_));
    assert_eq!(header("cache-control"), ours.then_some("no-store"), "{at}");
    assert_eq!(header("content-type"), content_type, "{at}");
    let echoed = matches!(step.answer, Answer::Echoed(_));
    assert_eq!(header("x-content-type-options"), echoed.then_some("nosniff"), "{at}");
    assert_eq!(header("retry-after").is_some(), refused && step.status == 503, "{at}");
    assert_eq!(header("allow"), (refused && step.status == 405).then_some("POST"), "{at}");
    assert_eq!(header("connection"), connection, "{at}");
}

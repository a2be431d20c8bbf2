//! What is refused by the head alone, and bodies that never end well.

use std::time::Duration;

use crate::client::{Client, send};
use crate::event::{body, receiver, request, request_to, signature};
use crate::handler::{Handler, served};

const LIMIT: usize = 4096;

#[actix_web::test]
async fn t11_t46_what_the_head_refuses_is_answered_without_its_body() {
    let address = served(receiver().body_limit(LIMIT).build().unwrap(), &Handler::new([]));
    let signed = signature(b"anything");
    let cases = [
        ("POST", "content-length: 10\r\n".to_owned(), 401, "signature_missing"),
        ("POST", "transfer-encoding: chunked\r\n".to_owned(), 401, "signature_missing"),
        ("POST", "x-handl-signature: 00\r\ntransfer-encoding: chunked\r\n".to_owned(), 401, "signature_malformed"),
        ("POST", format!("{signed}{signed}content-length: 10\r\n"), 401, "signature_repeated"),
        ("POST", format!("{signed}content-length: 4097\r\n"), 413, "body_too_large"),
        ("POST", format!("{signed}content-length: 18446744073709551615\r\n"), 413, "body_too_large"),
        ("POST", format!("{signed}content-encoding: gzip\r\ncontent-length: 10\r\n"), 415, "content_encoding"),
        ("PUT", "content-length: 10\r\n".to_owned(), 405, "method_not_allowed"),
        ("GET", String::new(), 405, "method_not_allowed"),
        ("PURGE", "transfer-encoding: chunked\r\n".to_owned(), 405, "method_not_allowed"),
    ];
    let refusals = cases.map(|(method, lines, status, code)| {
        actix_web::rt::spawn(async move {
            let mut client = Client::connect(address).await;
            // No body byte is ever sent, and the answer comes all the same.
            let reply = client.send(format!("{method} /hook HTTP/1.1\r\nhost: x\r\n{lines}\r\n").as_bytes()).await;
            assert_eq!((reply.status, reply.code().as_deref()), (status, Some(code)), "{method} {lines}");
            assert_eq!(reply.header("connection"), Some("close"), "{method} {lines}");
            assert_eq!(reply.header("allow"), (status == 405).then_some("post"), "{method} {lines}");
            assert!(client.is_closed().await, "{method} {lines}");
        })
    });
    for refusal in refusals {
        refusal.await.unwrap();
    }
}

#[actix_web::test]
async fn t11_an_endless_body_is_given_up() {
    let address = served(receiver().body_limit(LIMIT).build().unwrap(), &Handler::new([]));
    for (signed, status) in [(String::new(), 401), (signature(b"anything"), 413)] {
        let mut client = Client::connect(address).await;
        let head = format!("POST /hook HTTP/1.1\r\nhost: x\r\n{signed}transfer-encoding: chunked\r\n\r\n");
        client.write(head.as_bytes()).await.unwrap();
        let chunk = [b"400\r\n".as_slice(), &[b' '; 1024], b"\r\n"].concat();
        for _ in 0..5 {
            client.write(&chunk).await.unwrap();
        }
        let reply = client.reply().await;
        assert_eq!((reply.status, reply.header("connection")), (status, Some("close")));
        let sending = async { while client.write(&chunk).await.is_ok() {} };
        let stopped = tokio::time::timeout(Duration::from_secs(10), sending).await;
        assert!(stopped.is_ok(), "{status}: the server still reads");
    }
}

#[actix_web::test]
async fn t47_the_limit_counts_bytes_not_what_is_declared() {
    let handler = Handler::new([]);
    let address = served(receiver().body_limit(LIMIT).build().unwrap(), &handler);
    let chunked = |body: &[u8]| {
        let head = format!("POST /hook HTTP/1.1\r\nhost: x\r\n{}transfer-encoding: chunked\r\n\r\n", signature(body));
        let chunks =
            body.chunks(100).flat_map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
        [head.as_bytes(), &chunks.collect::<Vec<u8>>(), b"0\r\n\r\n"].concat()
    };
    let over = crate::event::long_body("evt_1", LIMIT + 1);
    let reply = send(address, &chunked(&over)).await;
    assert_eq!((reply.status, reply.code().as_deref(), handler.runs()), (413, Some("body_too_large"), 0));
    let within = &over[..LIMIT];
    assert_eq!((send(address, &chunked(within)).await.status, handler.bodies()), (200, vec![within.to_vec().into()]));
}

#[actix_web::test]
async fn a_body_that_stalls_is_408() {
    let address = served(receiver().body_timeout(Duration::from_millis(100)).build().unwrap(), &Handler::new([]));
    let mut client = Client::connect(address).await;
    let event = body("evt_1");
    let reply = client.send(&request(&event)[..request(&event).len() - 1]).await;
    assert_eq!((reply.status, reply.code().as_deref()), (408, Some("body_timeout")));
    assert_eq!(reply.header("connection"), Some("close"));
    assert!(client.is_closed().await);
}

#[actix_web::test]
async fn a_body_that_breaks_off_is_400() {
    let address = served(receiver().build().unwrap(), &Handler::new([]));
    let event = body("evt_1");
    let mut client = Client::connect(address).await;
    client.write(&request_to("/hook", &signature(&event), &event)[..200]).await.unwrap();
    client.finish().await;
    let reply = client.reply().await;
    assert_eq!((reply.status, reply.code().as_deref()), (400, Some("body_unreadable")));

    let head = format!("POST /hook HTTP/1.1\r\nhost: x\r\n{}transfer-encoding: chunked\r\n\r\n", signature(&event));
    let reply = send(address, &[head.as_bytes(), b"3\r\n{}}\r\nno length\r\n"].concat()).await;
    assert_eq!((reply.status, reply.code().as_deref()), (400, Some("body_unreadable")), "chunks that are none");
}

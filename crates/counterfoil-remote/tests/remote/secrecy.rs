//! Where a question goes, and who sees it.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use agencyhandy_endpoint::{Fault, PATH};
use counterfoil::remote::RemoteVerifier as _;
use counterfoil_remote::{Client, ClientError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tracing_subscriber::fmt::MakeWriter;

use crate::settings::{again, is_again};
use crate::shop::{BODY, SECRET, Sent, Shop, WEBHOOK, builder, endpoint, ms};

const SUCCESS: &[u8] =
    b"HTTP/1.1 200 OK\r\nset-cookie: a=b\r\ncontent-length: 33\r\n\r\n{\"verification_status\":\"SUCCESS\"}";

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// What comes in until there is a pause, or the end.
async fn read(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(Ok(count @ 1..)) = tokio::time::timeout(ms(300), stream.read(&mut chunk)).await {
        bytes.extend_from_slice(&chunk[..count]);
    }
    bytes
}

/// Answers two questions with a success, and gives both back as they came.
fn two_questions(listener: TcpListener) -> JoinHandle<Vec<String>> {
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut questions = Vec::new();
        for _ in 0..2 {
            questions.push(String::from_utf8(read(&mut stream).await).unwrap());
            stream.write_all(SUCCESS).await.unwrap();
        }
        questions
    })
}

#[tokio::test]
async fn t22_a_request_holds_the_question_and_nothing_else() {
    let (listener, address) = listen().await;
    let client = Client::builder().insecure_base_url(format!("http://{address}")).without_cache().build().unwrap();
    let questions = two_questions(listener);
    let question = Sent::new(BODY).question();
    for _ in 0..2 {
        assert!(client.ask(&question).await.is_conclusive());
    }
    let body = String::from_utf8(question.body().to_vec()).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let expected = format!(
        "POST {PATH} HTTP/1.1\r\ncontent-type: application/json\r\naccept: */*\r\nuser-agent: counterfoil/{version}\r\n\
         host: {address}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    // The second one without the cookie, and on the same connection.
    assert_eq!(questions.await.unwrap(), [expected.clone(), expected]);
}

#[tokio::test]
async fn t22_redirects_are_not_followed() {
    let endpoint = endpoint().await;
    let shop = Shop::new(builder(&endpoint).build().unwrap());
    endpoint.set_fault(Fault::Redirect);
    assert!(shop.receive(&Sent::new(BODY)).await.is_unverified());
    assert_eq!((endpoint.calls(), endpoint.redirected(), shop.handled()), (1, 0, 0));
}

#[tokio::test]
async fn t22_without_a_base_url_the_question_goes_to_the_senders_host_over_tls() {
    // A proxy sees who is connected to, and what is sent before anything is encrypted.
    let (listener, address) = listen().await;
    let client = Client::builder().proxy(format!("http://user:hunter2@{address}")).timeout(ms(2000)).build().unwrap();
    let proxy = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let connect = read(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        (connect, read(&mut stream).await)
    });
    let verdict = client.ask(&Sent::new(BODY).question()).await;
    assert!(!verdict.is_conclusive());
    let (connect, hello) = proxy.await.unwrap();
    let connect = String::from_utf8(connect).unwrap();
    assert!(connect.starts_with("CONNECT api.agencyhandy.com:443 HTTP/1.1\r\n"), "{connect}");
    assert!(is_client_hello(&hello), "{hello:?}");
    assert_secret_free(&connect);
    assert_secret_free(&String::from_utf8_lossy(&hello));
    assert!(!verdict.reason().unwrap().contains("hunter2"));
    assert!(
        !format!("{client:?} {:?}", Client::builder().proxy("http://user:hunter2@proxy.example")).contains("hunter2")
    );
}

/// The first record of TLS: a handshake.
fn is_client_hello(bytes: &[u8]) -> bool {
    matches!(bytes, [0x16, 0x03, _, _, _, 0x01, ..])
}

/// A server with a certificate that it has made itself, and how its handshake went.
async fn impostor() -> (SocketAddr, JoinHandle<io::Result<()>>) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    let (listener, address) = listen().await;
    let served = tokio::spawn(async move {
        let (stream, _) = listener.accept().await?;
        let mut stream = TlsAcceptor::from(Arc::new(config)).accept(stream).await?;
        stream.write_all(SUCCESS).await
    });
    (address, served)
}

#[tokio::test]
async fn t22_a_certificate_of_nobody_gets_no_question() {
    let (address, served) = impostor().await;
    let client = Client::builder().insecure_base_url(format!("https://{address}")).build().unwrap();
    let verdict = client.ask(&Sent::new(BODY).question()).await;
    let reason = verdict.reason().unwrap();
    assert!(reason.contains("invalid peer certificate"), "{reason}");
    assert!(served.await.unwrap().is_err(), "the handshake failed before anything was sent");
}

#[tokio::test]
async fn t22_proxies_of_the_environment_are_passed_over() {
    if !is_again() {
        let proxy = "http://127.0.0.1:1";
        let environment = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
        let environment = environment.map(|name| (name, proxy));
        return again("secrecy::t22_proxies_of_the_environment_are_passed_over", &environment);
    }
    let endpoint = endpoint().await;
    assert!(reqwest::get(endpoint.url()).await.is_err(), "others go to the proxy, where nobody is");
    let shop = Shop::new(builder(&endpoint).build().unwrap());
    assert!(shop.receive(&Sent::new(BODY)).await.is_handled());
}

/// Everything that is logged.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Log {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn t14_nothing_that_is_shown_holds_a_part_of_the_question() {
    if !is_again() {
        // Alone in its process: whether an event is logged is decided once for all threads.
        return again("secrecy::t14_nothing_that_is_shown_holds_a_part_of_the_question", &[]);
    }
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false);
    let _guard = tracing::subscriber::set_default(subscriber.with_max_level(tracing::Level::TRACE).finish());
    let endpoint = endpoint().await;
    let mut shown = String::new();
    for fault in [
        Fault::None,
        Fault::ServerError,
        Fault::TooManyRequests,
        Fault::BrokenJson,
        Fault::Redirect,
        Fault::Close,
        Fault::Hang,
        Fault::FailedWith200,
        Fault::Endless,
    ] {
        let one = crate::shop::many(1);
        let client = builder(&endpoint).timeout(ms(300)).breaker(one, ms(1)).rate(one, crate::shop::many(3)).build();
        let client = client.unwrap();
        endpoint.set_fault(fault);
        let sent = Sent::new(BODY);
        let verdict = client.ask(&sent.question()).await;
        shown += &format!("{verdict:?} {client:?} {:?}", Shop::new(client.clone()).receive(&sent).await);
        for number in 0..3 {
            shown += &format!("{:?}", client.ask(&Sent::number(number).question()).await);
        }
    }
    shown += &format!("{:?} {:?}", builder(&endpoint), ClientError::BadProxy);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for said in ["left alone", "rate limit", "decided nothing", "nothing is sent to it for a while", "webhook refused"]
    {
        assert!(log.contains(said), "{said}: {log}");
    }
    assert_secret_free(&log);
    assert_secret_free(&shown);
}

fn assert_secret_free(text: &str) {
    let signature = Sent::new(BODY).signature;
    let digest = Sent::new(BODY).question().digest().map(|byte| byte.to_string()).join(", ");
    for part in [SECRET, &SECRET[12..], &*signature, "Zürich", "64f0aa", WEBHOOK, &digest[..20]] {
        assert!(!text.contains(part), "{part} is shown in {text}");
    }
}

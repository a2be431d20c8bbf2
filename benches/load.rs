//! A load generator for whole servers over loopback: keep-alive, bodies of 1 KiB.
//!
//! Every contender gets the same bytes: one pool of requests, each a new event signed in advance, with the signature
//! under both names that are asked for. Every round starts a server afresh, and with it the memory store, so that every
//! claim is a new one; the connections are warmed up before the clock starts.
//!
//! The generator has a thread of its own, which writes bytes made in advance and looks for the end of an answer. That is
//! half a core's work at most, so that on two cores it is the server, with one worker, that limits the rate.

use std::io::Write as _;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use counterfoil::{Clock, Secret, Signer, SystemClock, senders};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use crate::fixtures::{SECRET, event, stamp};
use crate::{BoxError, Extent};

/// The bytes of a body.
pub const BODY: usize = 1024;

/// Connections that are kept alive.
pub const CONNECTIONS: usize = 32;

/// Room in the memory store: more than one round needs.
pub const ROWS: NonZeroU32 = NonZeroU32::new(1_000_000).expect("not zero");

/// Counts runs of a handler, to prove that every request got as far as one.
static HANDLED: AtomicUsize = AtomicUsize::new(0);

/// Counts a run.
pub fn handled() {
    HANDLED.fetch_add(1, Ordering::Relaxed);
}

/// Requests as they go over the wire, all of one length.
#[derive(Debug)]
struct Pool {
    bytes: Vec<u8>,
    length: usize,
}

impl Pool {
    fn new(requests: usize) -> Result<Self, BoxError> {
        let now = SystemClock.now();
        let stamp = stamp()?;
        let signer = Signer::new(&senders::HANDL, &Secret::new(SECRET)?)?;
        let mut bytes = Vec::new();
        for number in 0..requests {
            let envelope =
                format!(r#""id":"evt_{number:010}","object":"event","type":"order.created","created_at":"{stamp}""#);
            let body = event(&envelope, BODY);
            let headers = signer.sign(body.as_bytes(), now)?;
            let tag = headers["x-handl-signature"].to_str()?;
            write!(
                bytes,
                "POST / HTTP/1.1\r\nhost: shop.example\r\nuser-agent: Webhooks/1.0\r\naccept: */*\r\n\
                 content-type: application/json\r\ncontent-length: {BODY}\r\nx-forwarded-for: 203.0.113.7\r\n\
                 x-handl-signature: {tag}\r\nx-hub-signature-256: sha256={tag}\r\n\r\n{body}"
            )?;
        }
        Ok(Self { length: bytes.len() / requests, bytes })
    }

    fn len(&self) -> usize {
        self.bytes.len() / self.length
    }

    fn request(&self, number: usize) -> &[u8] {
        &self.bytes[number * self.length..][..self.length]
    }
}

/// The generator.
#[derive(Debug)]
pub struct Load {
    client: Runtime,
    pool: Arc<Pool>,
    warm_up: usize,
}

impl Load {
    /// A generator with its requests made.
    ///
    /// # Errors
    /// A request could not be signed, or a runtime not be had.
    pub fn new(extent: Extent) -> Result<Self, BoxError> {
        let warm_up = extent.pick(1024, CONNECTIONS);
        let requests = extent.pick(8192, CONNECTIONS);
        let client = Builder::new_current_thread().enable_all().build()?;
        Ok(Self { client, pool: Arc::new(Pool::new(warm_up + requests)?), warm_up })
    }

    /// Requests a second against a fresh server.
    ///
    /// # Errors
    /// The server hung up, answered anything but 200, or did not handle every request once.
    pub fn run(&self, address: SocketAddr) -> Result<f64, BoxError> {
        HANDLED.store(0, Ordering::Relaxed);
        let rate = self.rate(address)?;
        if HANDLED.load(Ordering::Relaxed) == self.len() {
            Ok(rate)
        } else {
            Err("not every request was handled once".into())
        }
    }

    /// How many requests one run sends, each a new event.
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.pool.len()
    }

    /// As [`run`](Self::run), against a server in a process of its own, which counts what it has handled.
    ///
    /// # Errors
    /// The server hung up, or answered anything but 200.
    pub fn rate(&self, address: SocketAddr) -> Result<f64, BoxError> {
        self.client.block_on(async {
            let mut connections = Vec::new();
            for _ in 0..CONNECTIONS {
                let connection = TcpStream::connect(address).await?;
                connection.set_nodelay(true)?;
                connections.push(connection);
            }
            let connections = self.drive(connections, 0..self.warm_up).await?;
            let started = Instant::now();
            self.drive(connections, self.warm_up..self.pool.len()).await?;
            let requests = u32::try_from(self.pool.len() - self.warm_up)?;
            Ok(f64::from(requests) / started.elapsed().as_secs_f64())
        })
    }

    /// Sends each request of `numbers` once, on whichever connection is free.
    async fn drive(&self, connections: Vec<TcpStream>, numbers: Range<usize>) -> Result<Vec<TcpStream>, BoxError> {
        let next = Arc::new(AtomicUsize::new(numbers.start));
        let mut senders = JoinSet::new();
        for connection in connections {
            senders.spawn(send(connection, self.pool.clone(), next.clone(), numbers.end));
        }
        let mut connections = Vec::new();
        while let Some(sender) = senders.join_next().await {
            connections.push(sender??);
        }
        Ok(connections)
    }
}

async fn send(
    mut connection: TcpStream,
    pool: Arc<Pool>,
    next: Arc<AtomicUsize>,
    end: usize,
) -> Result<TcpStream, BoxError> {
    let mut answer = [0; 1024];
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= end {
            return Ok(connection);
        }
        connection.write_all(pool.request(number)).await?;
        let mut filled = 0;
        // No answer here has a body.
        while !answer[..filled].ends_with(b"\r\n\r\n") {
            match connection.read(&mut answer[filled..]).await? {
                0 => return Err("the server hung up".into()),
                read => filled += read,
            }
        }
        if !answer.starts_with(b"HTTP/1.1 200 ") {
            return Err(String::from_utf8_lossy(&answer[..filled]).into());
        }
    }
}

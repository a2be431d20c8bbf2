//! One attacker: writes, and reads what it is told, until the connection ends.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use counterfoil::receiver::DEFAULT_BODY_LIMIT;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

/// What an attacker sends.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    pub(crate) name: &'static str,
    /// At once.
    pub(crate) opening: Bytes,
    pub(crate) then: Then,
    /// The statuses that may be the answer.
    pub(crate) statuses: &'static [u16],
    /// Whether it may also be cut off without one.
    pub(crate) may_be_silent: bool,
    /// How long the server may let it go on. `None` where it has no such limit.
    pub(crate) limit: Option<Duration>,
}

/// A server that is busy may be so much later than its limit.
const GRACE: Duration = Duration::from_secs(20);

/// What has no limit is given up after so long.
const ENOUGH: Duration = Duration::from_secs(20);

/// Bytes under way.
const SEND_BUFFER: u32 = 64 * 1024;

/// More than a body may have, by what is under way.
const LATE: usize = 2 * DEFAULT_BODY_LIMIT;

/// More than a server and the operating systems have room for: they take all of it only if the server reads on and on.
const TOO_MUCH: usize = 64 * 1024 * 1024;

#[derive(Debug, Clone)]
pub(crate) enum Then {
    /// Nothing; all is sent.
    Wait,
    /// The end of what is sent, before all that was promised.
    Hang,
    /// These bytes again and again, after a pause each.
    Repeat(Bytes, Duration),
}

/// How it ended.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub(crate) script: &'static str,
    /// The status of the first answer.
    pub(crate) status: Option<u16>,
    /// Whether the server ended the connection, and did not have to be given up on.
    pub(crate) cut: bool,
    /// When it was told.
    pub(crate) after: Duration,
    /// Bytes that the operating systems took.
    pub(crate) sent: usize,
    /// Whether it ended as it should.
    pub(crate) is_right: bool,
    /// Whether that was only because its time was over.
    pub(crate) is_late: bool,
}

impl Script {
    pub(crate) async fn play(&self, address: SocketAddr) -> Ended {
        let patience = self.limit.map_or(ENOUGH, |limit| limit + GRACE);
        let start = Instant::now();
        let (mut sent, mut said, mut after) = (0, Vec::new(), None);
        let played = timeout(patience, async {
            let Ok(stream) = connect(address).await else { return false };
            let (reading, writing) = stream.into_split();
            let told = async {
                read(reading, &mut said).await;
                after = Some(start.elapsed());
            };
            // It writes on when it has been told: a server that only says that it closes goes on taking bytes.
            tokio::join!(told, self.write(writing, &mut sent));
            true
        });
        let (cut, connected) = played.await.map_or((false, true), |connected| (connected, connected));
        let status = status(&said);
        // On a machine that is busy the time may be over before the server has seen too much.
        let is_late = status == Some(408) && sent <= LATE && !self.statuses.contains(&408);
        let is_told = is_late || status.map_or(self.may_be_silent, |status| self.statuses.contains(&status));
        let is_right = match self.limit {
            Some(_) => cut && is_told && sent < TOO_MUCH,
            None => connected && !cut,
        };
        let after = after.unwrap_or_else(|| start.elapsed());
        Ended { script: self.name, status, cut, after, sent, is_right, is_late }
    }

    /// Writes until nobody takes it any more.
    async fn write(&self, mut stream: OwnedWriteHalf, sent: &mut usize) {
        let mut written = write(&mut stream, &self.opening, sent).await;
        match &self.then {
            Then::Wait => {}
            Then::Hang => return,
            Then::Repeat(bytes, pause) => {
                while written.is_ok() {
                    sleep(*pause).await;
                    written = write(&mut stream, bytes, sent).await;
                }
            }
        }
        // Dropped, it would tell the server that this is the end.
        stream.forget();
    }
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    // A network has less room than the memory of one machine.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.connect(address).await
}

async fn write(stream: &mut OwnedWriteHalf, mut bytes: &[u8], sent: &mut usize) -> io::Result<()> {
    while !bytes.is_empty() {
        let taken = stream.write(bytes).await?;
        *sent += taken;
        bytes = &bytes[taken..];
    }
    Ok(())
}

async fn read(mut stream: OwnedReadHalf, said: &mut Vec<u8>) {
    let mut bytes = [0; 1024];
    // An error is an end as well: what was not read is thrown back at us.
    while let Ok(1..) = stream.read(&mut bytes).await.inspect(|&taken| said.extend_from_slice(&bytes[..taken])) {}
}

fn status(said: &[u8]) -> Option<u16> {
    let line = said.strip_prefix(b"HTTP/1.1 ").or_else(|| said.strip_prefix(b"HTTP/1.0 "))?;
    std::str::from_utf8(line.get(..3)?).ok()?.parse().ok()
}

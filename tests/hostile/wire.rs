//! Connections to a service, and what comes back on them.

use std::fmt;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// No answer takes that long, so that whoever waits for ever says so.
const PATIENCE: Duration = Duration::from_secs(20);

/// What came back.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The code of a refusal of ours, which holds nothing else; `duplicate` or `conflict` where it is one, else empty.
    pub(crate) fn code(&self) -> String {
        if let Some(kind) = self.header("x-webhook-duplicate") {
            assert!(self.body.is_empty(), "{self:?}");
            return if kind == "1" { "duplicate" } else { kind }.to_owned();
        }
        let text = std::str::from_utf8(&self.body).unwrap_or_default();
        let begin = format!(r#"{{"status":{},"code":""#, self.status);
        let code = text.strip_prefix(&begin).and_then(|rest| rest.strip_suffix("\"}")).unwrap_or_default();
        code.to_owned()
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (status, headers, body) = (self.status, &self.headers, self.body.escape_ascii());
        write!(f, "{status} {headers:?} {body}")
    }
}

/// A connection to a service.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let reader = BufReader::new(stream.try_clone().unwrap());
        Self { stream, reader }
    }

    /// An error is the service's, which has closed the connection.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.stream.write_all(bytes) {
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                panic!("the service neither reads nor closes")
            }
            written => written,
        }
    }

    /// Says that nothing more will come.
    pub(crate) fn finish(&self) {
        // It may be closed on the other side by now.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// One answer; `None` where the connection is closed without any.
    pub(crate) fn reply(&mut self) -> Option<Reply> {
        match read(&mut self.reader) {
            Ok(reply) => reply,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => None,
            Err(error) => panic!("no answer: {error}"),
        }
    }

    /// Whether nothing arrives for a moment, neither an answer nor an end.
    pub(crate) fn is_silent(&mut self) -> bool {
        self.stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let silent = self.reader.fill_buf().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        silent
    }
}

/// Sends bytes on a connection of their own.
pub(crate) fn exchange(address: SocketAddr, bytes: &[u8]) -> Option<Reply> {
    let mut connection = Connection::open(address);
    // What is refused early is answered before all of it is written.
    let _ = connection.write(bytes);
    connection.reply()
}

fn read(reader: &mut BufReader<TcpStream>) -> io::Result<Option<Reply>> {
    let Some(line) = line(reader)? else { return Ok(None) };
    let status = line.split(' ').nth(1).and_then(|text| text.parse().ok());
    let status = status.unwrap_or_else(|| panic!("{line:?} is no status line"));
    let mut headers = Vec::new();
    while let Some(line) = line_of_head(reader)? {
        let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("{line:?} is no header"));
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut reply = Reply { status, headers, body: Vec::new() };
    reply.body = body(reader, &reply)?;
    Ok(Some(reply))
}

fn body(reader: &mut BufReader<TcpStream>, reply: &Reply) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if let Some(length) = reply.header("content-length") {
        body.resize(length.parse().unwrap(), 0);
        reader.read_exact(&mut body)?;
    } else if reply.header("transfer-encoding") == Some("chunked") {
        loop {
            let size = line(reader)?.unwrap_or_default();
            let mut chunk = vec![0; usize::from_str_radix(&size, 16).unwrap()];
            reader.read_exact(&mut chunk)?;
            line(reader)?;
            if chunk.is_empty() {
                break;
            }
            body.extend(chunk);
        }
    } else if reply.status != 204 {
        reader.read_to_end(&mut body)?;
    }
    Ok(body)
}

/// A line without its end; `None` at the end of the connection.
fn line(reader: &mut BufReader<TcpStream>) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    if reader.read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned()))
}

fn line_of_head(reader: &mut BufReader<TcpStream>) -> io::Result<Option<String>> {
    Ok(line(reader)?.filter(|line| !line.is_empty()))
}

//! HTTP/1.1 as bytes, because a client would mend or refuse most of what is sent here.

use std::fmt;

/// A request as it goes over the wire.
#[derive(Clone)]
pub(crate) struct Request {
    method: String,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    framing: Framing,
}

#[derive(Debug, Clone)]
enum Framing {
    /// The length of the body.
    Length,
    /// Chunks of this many bytes, and their end.
    Chunks(usize),
    /// Whatever the headers say.
    OfItsOwn,
}

impl Request {
    pub(crate) fn post(target: impl Into<String>, body: &[u8]) -> Self {
        let (target, body) = (target.into(), body.to_vec());
        Self { method: "POST".into(), target, headers: Vec::new(), body, framing: Framing::Length }
    }

    pub(crate) fn method(self, method: &str) -> Self {
        Self { method: method.into(), ..self }
    }

    pub(crate) fn to(self, target: &str) -> Self {
        Self { target: target.into(), ..self }
    }

    /// With this header in the place of others of its name.
    pub(crate) fn with(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.without(name).and(name, value)
    }

    /// With this header too.
    pub(crate) fn and(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.into(), value.as_ref().to_vec()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self
    }

    pub(crate) fn body(self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self }
    }

    pub(crate) fn in_chunks(self, of: usize) -> Self {
        Self { framing: Framing::Chunks(of), ..self }
    }

    /// Framed by what stands in its headers, true or not.
    pub(crate) fn self_framed(self) -> Self {
        Self { framing: Framing::OfItsOwn, ..self }
    }

    /// The head alone, with the length of a body that never comes.
    pub(crate) fn announced(self) -> Self {
        let length = self.body.len().to_string();
        self.body([]).with("Content-Length", length).self_framed()
    }

    /// With all names of headers in capitals.
    pub(crate) fn shouted(mut self) -> Self {
        self.headers.iter_mut().for_each(|(name, _)| name.make_ascii_uppercase());
        self
    }

    /// Whether this says the same to who reads nothing else: the body, and the headers that the other one has.
    pub(crate) fn is_as_right_as(&self, other: &Self) -> bool {
        let mine = |name: &str| {
            self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v).collect::<Vec<_>>()
        };
        self.body == other.body && other.headers.iter().all(|(name, value)| mine(name) == [value])
    }

    pub(crate) fn head(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: localhost\r\n", self.method, self.target).into_bytes();
        let framing = match self.framing {
            Framing::Length => format!("Content-Length: {}\r\n", self.body.len()),
            Framing::Chunks(_) => "Transfer-Encoding: chunked\r\n".into(),
            Framing::OfItsOwn => String::new(),
        };
        head.extend(framing.into_bytes());
        for (name, value) in &self.headers {
            head.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        head.extend(b"\r\n");
        head
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let body = match self.framing {
            Framing::Chunks(of) => [chunks(&self.body, of), b"0\r\n\r\n".to_vec()].concat(),
            _ => self.body.clone(),
        };
        [self.head(), body].concat()
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.bytes();
        write!(f, "{} ({} bytes)", bytes[..bytes.len().min(1500)].escape_ascii(), bytes.len())
    }
}

/// These bytes as chunks, without an end.
pub(crate) fn chunks(bytes: &[u8], of: usize) -> Vec<u8> {
    bytes.chunks(of).flat_map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat()).collect()
}

//! Headers on the command line.

use std::ffi::OsString;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::error::Error;

/// Reads what each `-H` gives: a header, or with `@` before it a file of them, one on each line.
pub(crate) fn read(texts: &[OsString]) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    for (text, number) in texts.iter().zip(1..) {
        let refuse = |reason| Error::Header { number, reason };
        let mut add = |bytes: &[u8]| {
            let (name, value) = header(bytes).map_err(refuse)?;
            headers.try_append(name, value).map(drop).map_err(|_| refuse("is one header too many"))
        };
        match text.to_str().and_then(|text| text.strip_prefix('@')) {
            None => add(text.as_encoded_bytes())?,
            Some(path) => {
                let lines = std::fs::read(path).map_err(|_| refuse("names a file that cannot be read"))?;
                lines.split(|byte| *byte == b'\n').map(line).filter(|line| !line.is_empty()).try_for_each(add)?;
            }
        }
    }
    Ok(headers)
}

/// The header as it stood on the wire: the value's bytes, whatever they are, without the white space around them.
fn header(bytes: &[u8]) -> Result<(HeaderName, HeaderValue), &'static str> {
    let colon = bytes.iter().position(|byte| *byte == b':').ok_or("has no colon")?;
    let name = HeaderName::from_bytes(&bytes[..colon]).map_err(|_| "has no valid name")?;
    let value = HeaderValue::from_bytes(trim(&bytes[colon + 1..])).map_err(|_| "has no valid value")?;
    Ok((name, value))
}

/// Takes off what RFC 9110 calls optional white space: spaces and tabs, nothing else.
fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// A line of a file, without the carriage return that ends it on some systems.
fn line(bytes: &[u8]) -> &[u8] {
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_read_as_http_reads_them() {
        let read = |text: &str| header(text.as_bytes()).map(|(name, value)| (name.to_string(), value));
        let value = |text: &[u8]| HeaderValue::from_bytes(text).unwrap();
        assert_eq!(read("X-Ts: \t2026-05-18T12:00:00Z \t"), Ok(("x-ts".into(), value(b"2026-05-18T12:00:00Z"))));
        assert_eq!(read("x-empty:"), Ok(("x-empty".into(), value(b""))));
        assert_eq!(read("x:\u{a0}é "), Ok(("x".into(), value("\u{a0}é".as_bytes()))));
        for text in ["", "x-ts", ": value", "x ts: value", " x: value", "x : value", "x: a\nb", "x: a\0b", "é: value"]
        {
            assert!(read(text).is_err(), "{text:?}");
        }
    }
}

//! Headers on the command line.

use std::ffi::{OsStr, OsString};

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::error::Error;

/// Reads what each `-H` gives.
pub(crate) fn read(texts: &[OsString]) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    for (text, number) in texts.iter().zip(1..) {
        let refuse = |reason| Error::Header { number, reason };
        let (name, value) = header(text).map_err(refuse)?;
        headers.try_append(name, value).map_err(|_| refuse("is one header too many"))?;
    }
    Ok(headers)
}

/// The header as it stood on the wire: the value's bytes, whatever they are, without the white space around them.
fn header(text: &OsStr) -> Result<(HeaderName, HeaderValue), &'static str> {
    let bytes = text.as_encoded_bytes();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_read_as_http_reads_them() {
        let read = |text: &str| header(OsStr::new(text)).map(|(name, value)| (name.to_string(), value));
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

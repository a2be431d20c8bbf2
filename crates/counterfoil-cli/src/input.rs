//! What several subcommands read: bodies and times.

use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use counterfoil::time::{format_rfc3339, parse_rfc3339};

use crate::error::Error;

/// Reads a body byte for byte; `-` is stdin.
pub(crate) fn body(path: &Path) -> Result<Vec<u8>, Error> {
    if path != Path::new("-") {
        return std::fs::read(path).map_err(|source| Error::Body { origin: format!("`{}`", path.display()), source });
    }
    let mut stdin = io::stdin().lock();
    if stdin.is_terminal() {
        let _ = writeln!(anstream::stderr(), "reading the body from the terminal; end it with Ctrl-D");
    }
    let mut body = Vec::new();
    stdin.read_to_end(&mut body).map_err(|source| Error::Body { origin: "stdin".to_owned(), source })?;
    Ok(body)
}

/// Reads RFC 3339, or whole seconds since 1970.
pub(crate) fn time(text: &str) -> Result<SystemTime, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = || digits.then(|| text.parse().ok()).flatten().map(Duration::from_secs);
    parse_rfc3339(text)
        .or_else(|| UNIX_EPOCH.checked_add(seconds()?))
        // Milliseconds taken for seconds end up far beyond the year 9999, the last that RFC 3339 can write.
        .filter(|at| format_rfc3339(*at).is_some())
        .ok_or_else(|| "write it as 2026-05-18T12:00:00Z or as Unix seconds, 1779105600".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_or_unix_seconds() {
        let noon = UNIX_EPOCH + Duration::from_secs(1_779_105_600);
        for text in ["1779105600", "2026-05-18T12:00:00Z", "2026-05-18T14:00:00.000+02:00"] {
            assert_eq!(time(text), Ok(noon), "{text}");
        }
        assert_eq!(time("0"), Ok(UNIX_EPOCH));
        for text in ["", "now", "-1", "+1", "1.5", "1779105600000", "99999999999999999999", "2026-05-18"] {
            assert!(time(text).is_err(), "{text:?}");
        }
    }
}

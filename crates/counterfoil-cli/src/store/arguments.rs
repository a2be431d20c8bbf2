//! The command line, as far as a store's events and addresses need care in it.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::ffi::{OsStr, OsString};
use std::io::Write as _;

use clap::Parser;

/// Parses the command line, or ends the program as `clap` does. No message repeats the address of a store, wherever on
/// the line it was given by mistake: it may hold a password.
pub(crate) fn parse<C: Parser>() -> C {
    let given: Vec<OsString> = std::env::args_os().collect();
    C::try_parse_from(given.iter().map(|argument| positional(argument))).unwrap_or_else(|error| {
        if !error.use_stderr() {
            error.exit();
        }
        let text = mask(error.render().ansi().to_string(), &given);
        // With stderr gone too there is nobody left to tell.
        let _ = write!(anstream::stderr(), "{text}");
        std::process::exit(error.exit_code())
    })
}

/// An event of a negative scope, `-7:..`, would be taken for an option. With a space before it, which reading an event
/// takes off again, it is not.
fn positional(argument: &OsStr) -> Cow<'_, OsStr> {
    match argument.to_str() {
        Some(text) if text.starts_with('-') && super::event::address(text).is_ok() => {
            Cow::Owned(format!(" {text}").into())
        }
        _ => Cow::Borrowed(argument),
    }
}

/// Takes what follows `://` in any of the arguments out of `text`.
fn mask(text: String, given: &[OsString]) -> String {
    let lossy: Vec<_> = given.iter().map(|argument| argument.to_string_lossy()).collect();
    let mut addresses: Vec<&str> = lossy.iter().filter_map(|text| text.find("://").map(|at| &text[at..])).collect();
    // One may be the beginning of another, and would leave its end.
    addresses.sort_by_key(|address| Reverse(address.len()));
    addresses.into_iter().fold(text, |text, address| text.replace(address, "://..."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_events_of_a_negative_scope_change() {
        let key = "2c151c1724a22e51cf3c629aa99b237d";
        assert_eq!(positional(OsStr::new(&format!("-7:{key}"))), *OsStr::new(&format!(" -7:{key}")));
        for same in [format!("7:{key}"), key.to_owned(), "--yes".into(), "-H".into(), "-7".into(), "-7:ab".into()] {
            assert_eq!(positional(OsStr::new(&same)), *OsStr::new(&same));
        }
    }

    #[test]
    fn addresses_are_masked_wherever_they_stand() {
        let given = ["--stor=redis://:pw@h", "x://u", "x://u:pw@h/db", "plain"].map(OsString::from);
        let text = "'redis://:pw@h' and x://u:pw@h/db, x://u, plain".to_owned();
        assert_eq!(mask(text, &given), "'redis://...' and x://..., x://..., plain");
    }
}

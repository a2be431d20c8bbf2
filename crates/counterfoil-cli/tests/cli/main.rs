//! Runs the built command as a person or a script would.

mod demo;
mod file;
mod kinds;
mod readme;
mod remote;
mod send;
mod senders;
mod sign;
mod store;
mod verify;
mod window;

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A run of the command that sees only these variables: nobody's proxy or colour settings change a test.
struct Run {
    command: Command,
    stdin: Vec<u8>,
}

impl Run {
    fn new(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_counterfoil"));
        command.args(arguments).env_clear();
        Self { command, stdin: Vec::new() }
    }

    fn args(mut self, arguments: &[&str]) -> Self {
        self.command.args(arguments);
        self
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    fn done(mut self) -> Done {
        let pipes = self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = pipes.spawn().expect("the command starts");
        // A command that refuses its options does not read on.
        let _ = child.stdin.take().expect("a pipe").write_all(&self.stdin);
        Done::new(&child.wait_with_output().expect("the command ends"))
    }
}

struct Done {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Done {
    fn new(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
        Self {
            code: output.status.code().expect("an exit code"),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// The one JSON object on the one line of stdout.
    #[track_caller]
    fn json(&self) -> Value {
        let line = self.stdout.strip_suffix('\n').expect("a line");
        assert!(!line.contains('\n'), "one line: {line}");
        serde_json::from_str(line).expect("JSON")
    }

    /// The JSON objects, one on each line of stdout.
    #[track_caller]
    fn rows(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// A mistake of the caller: exit code 2, a reason, and nothing that a script could take for an answer.
    #[track_caller]
    fn is_usage_error(&self, reason: &str) {
        assert_eq!((self.code, self.stdout.as_str()), (2, ""), "{}", self.stderr);
        assert!(self.stderr.contains(reason), "{:?} lacks {reason:?}", self.stderr);
        assert!(!self.stderr.contains('\u{1b}'), "colours in a pipe: {:?}", self.stderr);
    }
}

const EVENT: &str = r#"{"id":"evt_0001","event":"invoice.paid","organization_id":"org_1","occurred_at":"2026-05-18T12:00:00.000Z","data":{"id":"inv_1"}}"#;

#[test]
fn help_and_version_are_answers() {
    for arguments in [&["--help"][..], &["-h"], &["--version"], &["help", "verify"], &["senders", "--help"]] {
        let done = Run::new(arguments).done();
        assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{arguments:?}");
        assert!(!done.stdout.is_empty() && !done.stdout.contains('\u{1b}'), "{arguments:?}");
    }
    let overview = Run::new(&["--help"]).done().stdout;
    assert!(overview.contains("--senders FILE") && overview.contains("COUNTERFOIL_SENDERS"), "{overview}");
    assert!(Run::new(&["--version"]).done().stdout.starts_with("counterfoil "));
    for command in ["demo", "verify", "sign", "send", "senders", "store"] {
        let help = Run::new(&[command, "--help"]).done().stdout;
        assert!(help.contains("Examples:") && help.contains("Exit codes: 0"), "{command}");
    }
}

#[test]
fn no_command_is_a_mistake() {
    Run::new(&[]).done().is_usage_error("Usage: counterfoil");
    Run::new(&["verfy"]).done().is_usage_error("verify");
}

#[test]
#[cfg(target_os = "linux")]
fn an_answer_that_cannot_be_written_is_no_success() {
    let full = std::fs::File::options().write(true).open("/dev/full").expect("a full device");
    let mut command = Command::new(env!("CARGO_BIN_EXE_counterfoil"));
    let status = command.arg("senders").stdout(full).stderr(Stdio::null()).status().expect("the command runs");
    assert_eq!(status.code(), Some(2));
}

//! The program: its variables, and what it prints.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, Stdio};

use agencyhandy_endpoint::PATH;

use crate::{SECRET, SUCCESS, WEBHOOK_ID, client, question};

const EXAMPLE: &str = r#"{"event":"ORDER.UPDATED"}"#;

struct Program {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Program {
    fn start(fault: &str) -> Self {
        let mut command = command(&[("WEBHOOK_ID", WEBHOOK_ID), ("SECRET", SECRET), ("PORT", "0"), ("FAULT", fault)]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdout }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }
}

fn command(variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_agencyhandy-endpoint"));
    for name in ["WEBHOOK_ID", "SECRET", "PORT", "FAULT"] {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied());
    command
}

/// How the program fails with these variables.
fn refusal(variables: &[(&str, &str)]) -> String {
    let mut child = command(variables).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{said}");
    said
}

#[tokio::test]
async fn the_example_that_is_printed_is_accepted() {
    let mut program = Program::start("");
    let [listening, note, example] = std::array::from_fn(|_| program.line());
    let url = listening.strip_prefix("listening on ").unwrap();
    assert!(note.contains("not AgencyHandy's"), "{note}");
    assert!(!example.contains(SECRET) && example.contains("$SECRET"), "{example}");
    assert!(example.contains(&format!("{url}{PATH}")) && example.contains(EXAMPLE), "{example}");
    let signature = example.split('"').find(|part| part.starts_with("stand-in-")).unwrap();

    let question = question(WEBHOOK_ID, SECRET, signature, EXAMPLE);
    let request = client().post(format!("{url}{PATH}")).header("content-type", "application/json").body(question);
    assert_eq!(request.send().await.unwrap().text().await.unwrap(), SUCCESS);
}

#[tokio::test]
async fn a_fault_can_be_set() {
    for (fault, status) in [("none", 400), ("500", 500), ("success-403", 403)] {
        let mut program = Program::start(fault);
        let listening = program.line();
        let url = listening.strip_prefix("listening on ").unwrap();
        assert_eq!(client().post(format!("{url}{PATH}")).send().await.unwrap().status(), status, "{fault}");
    }
}

#[test]
fn what_is_missing_or_wrong_is_named_without_the_secret() {
    let account = [("WEBHOOK_ID", WEBHOOK_ID), ("SECRET", SECRET)];
    let with = |variable| refusal(&[account[0], account[1], variable]);
    for (said, name) in [
        (refusal(&[]), "WEBHOOK_ID is not set"),
        (refusal(&[("WEBHOOK_ID", ""), account[1]]), "WEBHOOK_ID is not set"),
        (refusal(&[account[0]]), "SECRET is not set"),
        (with(("PORT", "70000")), "PORT: "),
        (with(("FAULT", "404")), "FAULT=404 is none of none, slow, 500, "),
    ] {
        assert!(said.starts_with(name), "{said}");
        assert!(!said.contains(SECRET), "{said}");
    }
}

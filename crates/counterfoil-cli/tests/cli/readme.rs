//! The README's commands print what it says.

use std::path::Path;
use std::process::Command;

fn readme() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).expect("the README")
}

#[test]
fn console_blocks_print_what_they_show() {
    let readme = readme();
    let blocks: Vec<&str> = readme.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        // One shell for the whole block, as in a terminal; `$` lines are the input.
        let input: String =
            block.lines().filter_map(|line| line.strip_prefix("$ ")).map(|line| format!("{line}\n")).collect();
        let output: String =
            block.lines().filter(|line| !line.starts_with("$ ")).map(|line| format!("{line}\n")).collect();
        assert_eq!(shell(&input), output);
    }
}

#[test]
fn the_two_commands_are_the_ones_that_are_run() {
    let readme = readme();
    let commands: Vec<&str> = readme.split("```sh\n").skip(1).filter_map(|rest| rest.split("\n```").next()).collect();
    assert_eq!(commands, ["cargo run --release -p counterfoil-cli -- demo", "cargo test --workspace"]);
    let ci = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.ci/run")).expect(".ci/run");
    assert!(ci.contains(commands[1]), "CI runs the README's test command");
}

/// Each sender's page shows one captured request that verifies.
#[test]
fn the_senders_pages_show_requests_that_verify() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/senders");
    for sender in counterfoil::senders::ALL.iter().filter(|sender| sender.scheme.hmac().is_some()) {
        let page = std::fs::read_to_string(format!("{folder}/{}.md", sender.name)).expect("a page for every sender");
        let blocks = page.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
        let verifying: Vec<&str> = blocks.filter(|block| block.contains("counterfoil verify")).collect();
        assert!(!verifying.is_empty(), "{}", sender.name);
        for block in verifying {
            let shell = shell(block);
            let last = shell.lines().last().unwrap_or_default();
            assert!(last.starts_with(r#"{"verdict":"valid""#), "{}: {shell}", sender.name);
        }
        for event in &*sender.events {
            assert!(page.contains(&*event.name), "{} does not name {}", sender.name, event.name);
        }
    }
}

/// What a person's shell prints for `input`, in a folder of its own, with the command installed.
fn shell(input: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let binary = Path::new(env!("CARGO_BIN_EXE_counterfoil")).parent().expect("a folder");
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").expect("a path"));
    let shell = Command::new("sh").args(["-c", input]).current_dir(folder.path()).env("PATH", path).output();
    let shell = shell.expect("a shell");
    assert!(shell.stderr.is_empty(), "{}", String::from_utf8_lossy(&shell.stderr));
    String::from_utf8(shell.stdout).expect("text")
}

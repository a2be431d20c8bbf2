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

/// Each sender's page shows one captured request that verifies, offline: for a sender whose endpoint is asked there is
/// none to show.
#[test]
fn the_senders_pages_show_requests_that_verify() {
    for sender in &counterfoil::senders::ALL {
        let page = page(&sender.name);
        let asked = sender.scheme.remote().is_some();
        assert!(asked || verify_all(&page, &sender.name) > 0, "{}", sender.name);
        for event in &*sender.events {
            assert!(page.contains(&*event.name), "{} does not name {}", sender.name, event.name);
        }
    }
}

#[test]
fn the_catalogues_page_shows_requests_that_verify() {
    let page = page("catalogue");
    assert!(verify_all(&page, "catalogue") > 1);
    for sender in counterfoil::senders::catalogue() {
        assert!(page.contains(&format!("\n## {}\n", sender.name)), "{} has no section", sender.name);
    }
}

fn page(name: &str) -> String {
    let path = format!("{}/../../docs/senders/{name}.md", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Runs every block of a page that verifies, and returns how many there are.
#[track_caller]
fn verify_all(page: &str, name: &str) -> usize {
    let blocks = |kind: &str| -> Vec<String> {
        let opening = format!("```{kind}\n");
        let blocks = page.split(&opening).skip(1).filter_map(|rest| rest.split("```").next());
        blocks.map(str::to_owned).collect()
    };
    let file = blocks("toml").into_iter().find(|block| block.starts_with("# senders.toml\n"));
    let shells = blocks("sh").into_iter().filter(|block| block.contains("counterfoil verify"));
    let shells: Vec<_> = shells.collect();
    for block in &shells {
        let shell = shell_beside(block, file.as_deref());
        let last = shell.lines().last().unwrap_or_default();
        assert!(last.starts_with(r#"{"verdict":"valid""#), "{name}: {shell}");
    }
    shells.len()
}

/// What a person's shell prints for `input`, in a folder of its own, with the command installed.
fn shell(input: &str) -> String {
    shell_beside(input, None)
}

/// The same, beside a `senders.toml` with this in it.
fn shell_beside(input: &str, senders: Option<&str>) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    if let Some(text) = senders {
        std::fs::write(folder.path().join("senders.toml"), text).expect("written");
    }
    let binary = Path::new(env!("CARGO_BIN_EXE_counterfoil")).parent().expect("a folder");
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").expect("a path"));
    let shell = Command::new("sh").args(["-c", input]).current_dir(folder.path()).env("PATH", path).output();
    let shell = shell.expect("a shell");
    assert!(shell.stderr.is_empty(), "{}", String::from_utf8_lossy(&shell.stderr));
    String::from_utf8(shell.stdout).expect("text")
}

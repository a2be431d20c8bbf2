#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
//! One environment serves all, and whoever gets none is told why.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::thread;

fn testkit() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_testkit"));
    command.arg("python");
    command
}

#[track_caller]
fn said(output: Output) -> String {
    assert!(!output.status.success() && output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn processes_share_an_environment_with_the_package_in_it() {
    let paths: Vec<String> = thread::scope(|scope| {
        let two = [(); 2].map(|()| scope.spawn(|| testkit().output().unwrap()));
        two.into_iter().map(|one| String::from_utf8(one.join().unwrap().stdout).unwrap()).collect()
    });
    assert_eq!(paths[0], paths[1]);
    let mut python = Command::new(paths[0].trim_end());
    let imported =
        python.args(["-I", "-c", "import counterfoil, pytest; print(counterfoil.__file__)"]).output().unwrap();
    let environment = Path::new(paths[0].trim_end()).ancestors().nth(2).unwrap();
    assert!(Path::new(std::str::from_utf8(&imported.stdout).unwrap()).starts_with(environment), "{imported:?}");
}

#[test]
fn without_a_python_it_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    // A path without programs: there is no `apt-get` either.
    let absent = testkit().env("PATH", folder.path()).env_remove("TEST_PYTHON").output().unwrap();
    assert!(said(absent).contains("python3-venv"));
    let wrong = testkit().env("TEST_PYTHON", "/bin/false").output().unwrap();
    assert!(said(wrong).contains("`TEST_PYTHON` is /bin/false"));
}

#[test]
fn all_that_a_failed_program_said_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let python = folder.path().join("without-venv");
    // One that can do everything but make an environment.
    let script = "#!/bin/sh\n[ \"$2\" = -m ] || exec python3 \"$@\"\nseq -f 'line %g' 1 40\necho no room >&2\nexit 1\n";
    fs::write(&python, script).unwrap();
    fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
    let output = testkit().env("TEST_PYTHON", &python).env("CARGO_TARGET_DIR", folder.path()).output().unwrap();
    let said = said(output);
    for part in ["-m venv", "line 1\n", "line 40\n", "no room"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!folder.path().join("python/made-of.txt").exists());
}

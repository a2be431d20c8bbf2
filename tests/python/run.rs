//! Programs of the environment that the package is installed in.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What each test runs: Python itself, or a module of it.
pub(crate) fn python(folder: &str) -> Command {
    let python = counterfoil_testkit::python();
    let programs = python.parent().unwrap();
    let path =
        env::join_paths([programs.to_owned()].into_iter().chain(env::split_paths(&env::var_os("PATH").unwrap())));
    let mut command = Command::new(&python);
    command.current_dir(workspace().join(folder)).env("PATH", path.unwrap()).env("PYTHONDONTWRITEBYTECODE", "1");
    for name in ["PYTHONPATH", "PYTHONHOME", "PYTHONWARNINGS", "PYTEST_ADDOPTS"] {
        command.env_remove(name);
    }
    command
}

/// A module of the environment's, with these arguments, in a folder of the workspace.
pub(crate) fn module(name: &str, arguments: &[&str], folder: &str) -> Command {
    let mut command = python(folder);
    command.args(["-m", name]).args(arguments);
    command
}

/// Runs it to its end, and gives what it said.
#[track_caller]
pub(crate) fn passes(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
    said
}

/// A folder of the environment's, which outlives a run.
pub(crate) fn cache(name: &str) -> PathBuf {
    counterfoil_testkit::python().ancestors().nth(3).unwrap().join(name)
}

pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

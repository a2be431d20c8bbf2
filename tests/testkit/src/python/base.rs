//! The Python that virtual environments are made from.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::error::KitError;
use crate::home::Home;
use crate::programs::{self, Program};

const NAMES: [&str; 5] = ["python3", "python3.11", "python3.12", "python3.13", "python3.14"];

/// Prints what tells one interpreter from another, where it can load the package and make an environment.
const DESCRIBE: &str = "
import ensurepip, os, sys, sysconfig, venv
if sys.implementation.name != 'cpython' or sys.version_info < (3, 11) or sysconfig.get_config_var('Py_GIL_DISABLED'):
    sys.exit(1)
print(os.path.realpath(sys.executable), sys.version)
";

/// An interpreter from which an environment can be made.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Base {
    pub(super) program: PathBuf,
    /// What tells it from others: where it is, and its version.
    pub(super) description: String,
}

/// The one that `TEST_PYTHON` names, else the first on the path, which is installed where that is ours to do.
pub(super) fn find() -> Result<Base, KitError> {
    if let Some(program) = env::var_os("TEST_PYTHON") {
        let program = PathBuf::from(program);
        return describe(program.clone()).ok_or(KitError::WrongPython(program));
    }
    match on_path() {
        Some(found) => Ok(found),
        None => programs::find_or_install(&Home::open()?, Program::Python, "python3-venv", on_path),
    }
}

fn on_path() -> Option<Base> {
    NAMES.into_iter().filter_map(programs::on_path).find_map(describe)
}

fn describe(program: PathBuf) -> Option<Base> {
    let mut command = Command::new(&program);
    let output = command.args(["-I", "-c", DESCRIBE]).stdin(Stdio::null()).output().ok()?;
    let description = String::from_utf8(output.stdout).ok()?;
    output.status.success().then_some(Base { program, description })
}

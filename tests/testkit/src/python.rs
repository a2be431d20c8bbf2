//! A Python that has the package installed.

mod base;
mod environment;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::{env, io};

use crate::error::KitError;
use crate::or_panic;

use environment::{Environment, tell};

/// This crate's place in the workspace.
const HERE: &str = "tests/testkit";

/// The interpreter of a virtual environment in which the wheel of `bindings/python` is installed, with all that the
/// `requirements.txt` of its tests and of the examples name.
///
/// The wheel is built for release from the sources as they are now. All test processes share the environment, which lies in
/// the target folder. It is made anew when the requirements have changed, and the wheel is installed again when that has, in
/// both cases once nobody uses it any more. Standard error says what is going on: it takes minutes at first, then a second.
///
/// # Panics
/// There is no Python of 3.11 or later here, the wheel cannot be built, or a package cannot be had. The text is all that the
/// program said which failed.
#[must_use]
#[track_caller]
pub fn python() -> PathBuf {
    static PYTHON: OnceLock<Result<Shared, KitError>> = OnceLock::new();
    or_panic(PYTHON.get_or_init(join).as_ref()).python.clone()
}

/// Our share in the environment.
#[derive(Debug)]
struct Shared {
    python: PathBuf,
    /// Held until the process ends, however it does.
    _user: File,
}

/// Becomes a user of the environment, once it is up to date.
fn join() -> Result<Shared, KitError> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workspace = here.ancestors().nth(Path::new(HERE).components().count()).unwrap_or(here);
    let target = workspace.join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()));
    let folder = target.join("python");
    fs::create_dir_all(&folder).map_err(KitError::io("cannot make", &folder))?;

    let base = base::find()?;
    // Users come only while they hold it, so that nobody comes while one of them is alone.
    let _gate = locked(&folder.join("gate.lock"), File::lock)?;
    let users = folder.join("users.lock");
    let environment = Environment { base: &base, workspace, target: &target, folder: &folder };
    environment.provide(|| locked(&users, alone))?;
    Ok(Shared { python: environment.python(), _user: locked(&users, File::lock_shared)? })
}

/// Waits until nobody else uses the environment.
fn alone(users: &File) -> io::Result<()> {
    if let Err(TryLockError::WouldBlock) = users.try_lock() {
        tell("waiting for the tests that use the environment as it was");
    }
    users.lock()
}

fn locked(path: &Path, lock: impl Fn(&File) -> io::Result<()>) -> Result<File, KitError> {
    let file = OpenOptions::new().create(true).append(true).open(path).map_err(KitError::io("cannot open", path))?;
    lock(&file).map_err(KitError::io("cannot lock", path))?;
    Ok(file)
}

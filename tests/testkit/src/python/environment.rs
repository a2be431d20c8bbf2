//! The virtual environment, and what is installed into it.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::KitError;

use super::base::Base;

/// What cargo tells a test about itself. A build inside of one must not depend on which it is.
const OF_A_TEST: [&str; 4] = ["CARGO_BIN_", "CARGO_CRATE_", "CARGO_MANIFEST_", "CARGO_PKG_"];

/// A folder below the target folder, and what it is made from.
#[derive(Debug)]
pub(super) struct Environment<'a> {
    pub(super) base: &'a Base,
    pub(super) workspace: &'a Path,
    pub(super) target: &'a Path,
    pub(super) folder: &'a Path,
}

impl Environment<'_> {
    pub(super) fn python(&self) -> PathBuf {
        self.program("python")
    }

    /// Brings it up to date. `alone` waits until nobody uses it.
    pub(super) fn provide(&self, alone: impl Fn() -> Result<File, KitError>) -> Result<(), KitError> {
        let requirements = self.requirements()?;
        let made_of = self.made_of(&requirements)?;
        if !fs::read_to_string(self.stamp()).is_ok_and(|stamp| stamp == made_of) {
            let _alone = alone()?;
            self.make(&requirements)?;
            fs::write(self.stamp(), made_of).map_err(KitError::io("cannot write", self.stamp()))?;
        }
        let wheel = self.build()?;
        if read(&wheel)? != read(&self.installed()).unwrap_or_default() {
            let _alone = alone()?;
            self.install(&wheel)?;
        }
        Ok(())
    }

    /// The files of the package's tests, and of every example.
    fn requirements(&self) -> Result<Vec<PathBuf>, KitError> {
        let examples = files_in(&self.workspace.join("examples"))?;
        let mut found: Vec<PathBuf> = examples.iter().map(|folder| folder.join("requirements.txt")).collect();
        found.retain(|file| file.exists());
        found.push(self.workspace.join("bindings/python/tests/requirements.txt"));
        found.sort();
        Ok(found)
    }

    /// All that decides what is in it, but for the wheel.
    fn made_of(&self, requirements: &[PathBuf]) -> Result<String, KitError> {
        let mut text = format!("{}{}\n", self.base.description, self.folder.display());
        for file in requirements {
            text += &String::from_utf8_lossy(&read(file)?);
        }
        Ok(text)
    }

    fn make(&self, requirements: &[PathBuf]) -> Result<(), KitError> {
        tell("installing what the tests of the Python package need");
        remove(&self.stamp())?;
        remove(&self.installed())?;
        run(Command::new(&self.base.program).args(["-I", "-m", "venv", "--clear"]).arg(self.venv()))?;
        run(self.pip().args(requirements.iter().flat_map(|file| [OsStr::new("--requirement"), file.as_os_str()])))
    }

    /// Builds the wheel into a folder of its own, so that no other can be taken for it.
    fn build(&self) -> Result<PathBuf, KitError> {
        tell("building the wheel; the first time it takes minutes");
        let wheels = self.folder.join("wheel");
        if wheels.exists() {
            fs::remove_dir_all(&wheels).map_err(KitError::io("cannot remove", &wheels))?;
        }
        let mut command = Command::new(self.program("maturin"));
        command.args(["build", "--release", "--locked", "--manifest-path", "bindings/python/Cargo.toml"]);
        command.arg("--target-dir").arg(self.target).arg("--out").arg(&wheels).current_dir(self.workspace);
        for (name, _) in std::env::vars_os() {
            if OF_A_TEST.iter().any(|begin| name.to_string_lossy().starts_with(begin)) {
                command.env_remove(name);
            }
        }
        run(&mut command)?;
        only_wheel(files_in(&wheels)?)
    }

    fn install(&self, wheel: &Path) -> Result<(), KitError> {
        tell("installing the wheel");
        remove(&self.installed())?;
        run(self.pip().args(["--force-reinstall", "--no-deps"]).arg(wheel))?;
        fs::copy(wheel, self.installed()).map(drop).map_err(KitError::io("cannot copy", wheel))
    }

    fn pip(&self) -> Command {
        let mut command = Command::new(self.python());
        command.args(["-I", "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar=off"]);
        command
    }

    fn program(&self, name: &str) -> PathBuf {
        self.venv().join("bin").join(name)
    }

    fn venv(&self) -> PathBuf {
        self.folder.join("venv")
    }

    /// Says what it was made of; absent until that is done.
    fn stamp(&self) -> PathBuf {
        self.folder.join("made-of.txt")
    }

    /// A copy of the wheel that is in it; absent until that is done.
    fn installed(&self) -> PathBuf {
        self.folder.join("installed.whl")
    }
}

/// One, of this version, that every CPython from 3.11 on can load.
fn only_wheel(found: Vec<PathBuf>) -> Result<PathBuf, KitError> {
    const BEGIN: &str = concat!("counterfoil-", env!("CARGO_PKG_VERSION"), "-cp311-abi3-");
    let is_ours = |path: &Path| {
        path.file_name().and_then(OsStr::to_str).is_some_and(|name| name.starts_with(BEGIN) && name.ends_with(".whl"))
    };
    match &found[..] {
        [wheel] if is_ours(wheel) => Ok(wheel.clone()),
        _ => Err(KitError::Wheel { begin: BEGIN, found }),
    }
}

fn run(command: &mut Command) -> Result<(), KitError> {
    let program = command.get_program().to_owned();
    let output = command.stdin(Stdio::null()).output().map_err(KitError::io("cannot run", program))?;
    if output.status.success() {
        return Ok(());
    }
    let words = std::iter::once(command.get_program()).chain(command.get_args()).map(OsStr::to_string_lossy);
    let output = [output.stdout, output.stderr].concat();
    let output = String::from_utf8_lossy(&output).into_owned();
    Err(KitError::Failed { command: words.collect::<Vec<_>>().join(" "), output })
}

/// Whoever waits wants to know what for. Nothing depends on its being heard.
pub(super) fn tell(what: &str) {
    let _ = writeln!(io::stderr(), "testkit: {what}");
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>, KitError> {
    let list = || fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>();
    list().map_err(KitError::io("cannot read", folder))
}

fn read(file: &Path) -> Result<Vec<u8>, KitError> {
    fs::read(file).map_err(KitError::io("cannot read", file))
}

fn remove(file: &Path) -> Result<(), KitError> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(KitError::io("cannot remove", file)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_wheel_of_the_stable_interface_is_taken() {
        let wheel = |tag: &str| PathBuf::from(format!("/w/counterfoil-{}-{tag}.whl", env!("CARGO_PKG_VERSION")));
        let (abi3, one) = (wheel("cp311-abi3-linux_x86_64"), wheel("cp311-cp311-linux_x86_64"));
        assert_eq!(only_wheel(vec![abi3.clone()]).unwrap(), abi3);
        for refused in [vec![], vec![one], vec![abi3.clone(), abi3], vec!["/w/other-1-cp311-abi3-any.whl".into()]] {
            assert!(matches!(only_wheel(refused), Err(KitError::Wheel { .. })));
        }
    }
}

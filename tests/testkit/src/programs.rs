//! Finding programs, and installing them where that is ours to do.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::KitError;
use crate::home::{Home, tail};

/// Where Debian and its kin keep each version's programs.
const VERSIONS: &str = "/usr/lib/postgresql";

const INSTALL: &str = include_str!("install.sh");

/// What must be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    Postgres,
    Redis,
    Python,
    Strace,
}

/// PostgreSQL's programs, all of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PostgresPrograms {
    pub(crate) initdb: PathBuf,
    pub(crate) postgres: PathBuf,
}

/// PostgreSQL: the one `TEST_PG_BIN` names, else the newest of Debian's, else the one on the path.
pub(crate) fn postgres(home: &Home) -> Result<PostgresPrograms, KitError> {
    if let Some(folder) = env::var_os("TEST_PG_BIN") {
        return postgres_in(Path::new(&folder)).ok_or_else(|| KitError::WrongFolder(folder.into()));
    }
    find_or_install(home, Program::Postgres, "postgresql", || {
        newest(Path::new(VERSIONS))
            .or_else(|| Some(PostgresPrograms { initdb: on_path("initdb")?, postgres: on_path("postgres")? }))
    })
}

/// The Redis or Valkey server on the path.
pub(crate) fn redis(home: &Home) -> Result<PathBuf, KitError> {
    find_or_install(home, Program::Redis, "redis-server", || {
        on_path("redis-server").or_else(|| on_path("valkey-server"))
    })
}

/// The tracer on the path.
pub(crate) fn strace(home: &Home) -> Result<PathBuf, KitError> {
    find_or_install(home, Program::Strace, "strace", || on_path("strace"))
}

/// What `find` finds, once `package` is installed where it is needed and that is ours to do.
pub(crate) fn find_or_install<T>(
    home: &Home,
    program: Program,
    package: &str,
    find: impl Fn() -> Option<T>,
) -> Result<T, KitError> {
    if let Some(found) = find() {
        return Ok(found);
    }
    if !home.is_root() || on_path("apt-get").is_none() {
        return Err(KitError::Missing(program));
    }
    let lock = home.lock("install.lock")?;
    // Another process may have done it while we waited.
    if find().is_none() {
        install(package, Stdio::from(lock))?;
    }
    find().ok_or(KitError::Missing(program))
}

/// Installs a package. The installer holds `lock` until it is done, even if we are killed.
fn install(package: &str, lock: Stdio) -> Result<(), KitError> {
    let output = Command::new("sh")
        .args(["-c", INSTALL, "install", package])
        .stdin(lock)
        // An interrupt from the terminal must not stop it half way.
        .process_group(0)
        .output()
        .map_err(KitError::io("cannot run", "sh"))?;
    if output.status.success() {
        return Ok(());
    }
    let output = [output.stdout, output.stderr].concat();
    Err(KitError::Failed { command: format!("apt-get install {package}"), output: tail(&output) })
}

fn newest(versions: &Path) -> Option<PostgresPrograms> {
    let mut found: Vec<(u32, PostgresPrograms)> = fs::read_dir(versions)
        .ok()?
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, postgres_in(&entry.path().join("bin"))?))
        })
        .collect();
    found.sort_by_key(|(version, _)| *version);
    found.pop().map(|(_, programs)| programs)
}

fn postgres_in(folder: &Path) -> Option<PostgresPrograms> {
    let (initdb, postgres) = (folder.join("initdb"), folder.join("postgres"));
    (is_program(&initdb) && is_program(&postgres)).then_some(PostgresPrograms { initdb, postgres })
}

/// The program of that name on the path.
pub(crate) fn on_path(name: impl AsRef<OsStr>) -> Option<PathBuf> {
    let name = Path::new(name.as_ref());
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(folder: &Path, name: &str, mode: u32) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join(name), "").unwrap();
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_newest_version_with_both_programs_is_taken() {
        let root = tempfile::tempdir().unwrap();
        for version in ["9", "15", "16", "common"] {
            let bin = root.path().join(version).join("bin");
            put(&bin, "initdb", 0o755);
            put(&bin, "postgres", 0o755);
        }
        // A client alone, and a server that cannot be run.
        put(&root.path().join("18/bin"), "initdb", 0o755);
        put(&root.path().join("17/bin"), "initdb", 0o755);
        put(&root.path().join("17/bin"), "postgres", 0o644);
        assert_eq!(newest(root.path()).unwrap().initdb, root.path().join("16/bin/initdb"));
        assert_eq!(newest(&root.path().join("none")), None);
    }
}

//! The folder that all test processes of one user share.

use std::env;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::account::{self, Account};
use crate::error::KitError;
use crate::unique_name;

/// The lock file that a folder's guard holds, and its error output.
pub(crate) const GUARD_LOG: &str = "guard.log";

/// Held while folders are made and swept.
const FOLDERS_LOCK: &str = "folders.lock";

/// Sockets' paths must be shorter than this on every system we know.
const PATH_BYTES: usize = 104;

/// Lock files, and in `run` one folder for each server.
#[derive(Debug)]
pub(crate) struct Home {
    base: PathBuf,
    run: PathBuf,
    /// Who runs the servers, unless we do.
    account: Option<Account>,
}

impl Home {
    /// Makes the folder where it is missing.
    pub(crate) fn open() -> Result<Self, KitError> {
        let us = rustix::process::geteuid().as_raw();
        let base = env::var_os("TESTKIT_DIR")
            .map_or_else(|| env::temp_dir().join(format!("counterfoil-testkit-{us}")), PathBuf::from);
        // The servers have other working directories.
        let base = std::path::absolute(&base).map_err(KitError::io("cannot find", base))?;
        // The servers' user has to pass through, and to read the locks.
        own_folder(&base, 0o755, us)?;
        let mut home = Self { run: base.join("run"), base, account: None };
        let _alone = home.lock(FOLDERS_LOCK)?;
        let owner = make_or_find(&home.run, 0o700)?.uid();
        if us == 0 {
            home.account = Some(account::choose(owner)?);
            if owner == us {
                give(&home.run, home.account)?;
            }
        }
        // Whoever reached a socket would be the server's administrator.
        own_folder(&home.run, 0o700, home.account.map_or(us, |account| account.user))?;
        Ok(home)
    }

    pub(crate) const fn is_root(&self) -> bool {
        self.account.is_some()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.base.join(name)
    }

    /// Waits for a lock of our own; it ends with the file that is returned.
    pub(crate) fn lock(&self, name: &str) -> Result<File, KitError> {
        self.locked(name, File::lock)
    }

    /// As `lock`, beside others that share it.
    pub(crate) fn lock_shared(&self, name: &str) -> Result<File, KitError> {
        self.locked(name, File::lock_shared)
    }

    fn locked(&self, name: &str, lock: impl Fn(&File) -> io::Result<()>) -> Result<File, KitError> {
        let path = self.path(name);
        let file = open(&path)?;
        // Guards lock it too, and the process's mask may have taken that away.
        file.set_permissions(Permissions::from_mode(0o644)).map_err(KitError::io("cannot set the mode of", &path))?;
        lock(&file).map_err(KitError::io("cannot lock", path))?;
        Ok(file)
    }

    /// A new folder for a server, and its lock, to be handed to its guard. `socket` is the name of the socket.
    pub(crate) fn new_folder(&self, kind: &str, socket: &str) -> Result<(PathBuf, File), KitError> {
        // A folder without its lock would be swept.
        let _alone = self.lock(FOLDERS_LOCK)?;
        self.sweep()?;
        let path = self.run.join(format!("{kind}-{}", &unique_name()[2..10]));
        if path.join(socket).as_os_str().len() >= PATH_BYTES {
            return Err(KitError::TooLong(path.join(socket)));
        }
        make_folder(&path, 0o700)?;
        give(&path, self.account)?;
        let log = path.join(GUARD_LOG);
        let lock = open(&log)?;
        lock.lock().map_err(KitError::io("cannot lock", log))?;
        Ok((path, lock))
    }

    /// The folder of the shared server of this kind, if it has a guard.
    pub(crate) fn current(&self, kind: &str) -> Option<PathBuf> {
        let folder = fs::read_link(self.link(kind)).ok()?;
        is_guarded(&folder).then_some(folder)
    }

    /// Names the folder of the shared server of this kind.
    pub(crate) fn set_current(&self, kind: &str, folder: &Path) -> Result<(), KitError> {
        let link = self.link(kind);
        if let Err(error) = fs::remove_file(&link)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(KitError::io("cannot remove", link)(error));
        }
        std::os::unix::fs::symlink(folder, &link).map_err(KitError::io("cannot make", link))
    }

    /// The link that names the folder of the shared server of this kind.
    pub(crate) fn link(&self, kind: &str) -> PathBuf {
        self.run.join(kind)
    }

    /// A shell that runs `script` in `folder` as the servers' user, untouched by our environment.
    pub(crate) fn shell(&self, script: &Path, folder: &Path) -> Command {
        let mut command = Command::new("sh");
        command.arg(script).current_dir(folder).env_clear().env("LC_ALL", "C");
        for name in ["PATH", "LD_LIBRARY_PATH"] {
            if let Some(value) = env::var_os(name) {
                command.env(name, value);
            }
        }
        if let Some(account) = self.account {
            command.uid(account.user).gid(account.group);
        }
        command
    }

    /// Wraps what the system said when it was to run the shell.
    pub(crate) fn no_shell(&self, source: io::Error) -> KitError {
        if self.is_root() && source.kind() == io::ErrorKind::PermissionDenied {
            return KitError::Closed(self.base.clone());
        }
        KitError::io("cannot run", "sh")(source)
    }

    /// Adds to a file, which the servers' user can then read.
    pub(crate) fn append(&self, path: &Path, text: &str) -> Result<(), KitError> {
        open(path)?.write_all(text.as_bytes()).map_err(KitError::io("cannot write", path))?;
        give(path, self.account)
    }

    /// Removes folders that nobody guards, as the end of power leaves them.
    fn sweep(&self) -> Result<(), KitError> {
        for entry in fs::read_dir(&self.run).map_err(KitError::io("cannot read", &self.run))? {
            let path = entry.map_err(KitError::io("cannot read", &self.run))?.path();
            let is_folder = fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir());
            if is_folder && !is_guarded(&path) {
                // A program whose starter was killed may still write there; the next sweep has it.
                let _ = fs::remove_dir_all(&path);
            }
        }
        Ok(())
    }
}

/// The last lines, enough to see why something ended.
pub(crate) fn tail(log: &[u8]) -> String {
    let text = String::from_utf8_lossy(log);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

fn is_guarded(folder: &Path) -> bool {
    File::open(folder.join(GUARD_LOG)).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn open(path: &Path) -> Result<File, KitError> {
    OpenOptions::new().create(true).append(true).open(path).map_err(KitError::io("cannot open", path))
}

/// Makes the folder where it is missing, and checks that nobody else can put anything into it.
fn own_folder(path: &Path, mode: u32, owner: u32) -> Result<(), KitError> {
    let found = make_or_find(path, mode)?;
    let ours = found.is_dir() && found.uid() == owner && found.permissions().mode() & 0o022 == 0;
    if ours { Ok(()) } else { Err(KitError::NotOurs(path.into())) }
}

fn make_or_find(path: &Path, mode: u32) -> Result<Metadata, KitError> {
    match make_folder(path, mode) {
        Err(KitError::Io { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => {}
        other => other?,
    }
    fs::symlink_metadata(path).map_err(KitError::io("cannot read", path))
}

fn make_folder(path: &Path, mode: u32) -> Result<(), KitError> {
    DirBuilder::new().mode(mode).create(path).map_err(KitError::io("cannot make", path))?;
    // The process's mask may have taken some of the mode away.
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(KitError::io("cannot set the mode of", path))
}

fn give(path: &Path, account: Option<Account>) -> Result<(), KitError> {
    let Some(account) = account else { return Ok(()) };
    chown(path, Some(account.user), Some(account.group)).map_err(KitError::io("cannot give away", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_others_can_write_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let us = rustix::process::geteuid().as_raw();
        let path = root.path().join("home");
        own_folder(&path, 0o755, us).unwrap();
        own_folder(&path, 0o755, us).unwrap();
        assert!(matches!(own_folder(&path, 0o755, us + 1), Err(KitError::NotOurs(_))));
        fs::set_permissions(&path, Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(own_folder(&path, 0o755, us), Err(KitError::NotOurs(_))));
        let link = root.path().join("link");
        std::os::unix::fs::symlink(root.path(), &link).unwrap();
        assert!(matches!(own_folder(&link, 0o755, us), Err(KitError::NotOurs(_))));
    }
}

//! A file system in memory that fills up.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use crate::unique_name;

/// Set in a test that runs again where it may mount.
const INSIDE: &str = "COUNTERFOIL_TEST_MAY_MOUNT";

/// A small disk, which is gone with this. Anybody may write to it.
#[derive(Debug)]
pub struct Disk(PathBuf);

impl Disk {
    /// One of a size such as `2m`.
    ///
    /// # Panics
    /// It cannot be mounted: see [`may_mount`].
    #[must_use]
    pub fn mount(size: &str) -> Self {
        let folder = std::env::temp_dir().join(unique_name());
        fs::create_dir(&folder).expect("a folder for temporary files");
        let disk = Self(folder);
        disk.mounted(&["-t", "tmpfs", "-o", &format!("size={size},mode=777"), "tmpfs"]);
        disk
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// Leaves no room for one more page.
    ///
    /// # Panics
    /// Nothing can be written to it for another reason.
    pub fn fill(&self) {
        let mut zeros = File::create(self.zeros()).expect("room for the name of a file");
        while zeros.write_all(&[0; 4096]).is_ok() {}
    }

    /// Takes back what [`fill`](Self::fill) did.
    ///
    /// # Panics
    /// It is not full.
    pub fn make_room(&self) {
        fs::remove_file(self.zeros()).expect("a disk that was filled");
    }

    /// Nothing can be written to it any more.
    ///
    /// # Panics
    /// It cannot be mounted again.
    pub fn make_read_only(&self) {
        self.mounted(&["-o", "remount,bind,ro"]);
    }

    fn zeros(&self) -> PathBuf {
        self.0.join("zeros")
    }

    fn mounted(&self, options: &[&str]) {
        let status = Command::new("mount").args(options).arg(&self.0).status();
        let done = status.as_ref().is_ok_and(ExitStatus::success);
        assert!(done, "mount {options:?}: {status:?}; root in a container needs CAP_SYS_ADMIN for it");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
        let _ = fs::remove_dir(&self.0);
    }
}

/// Whether this process may mount. Where it may not, the test of that name was run, and has passed, in a namespace in
/// which it may.
///
/// # Panics
/// There is no such namespace, or the test has failed in it.
#[must_use]
pub fn may_mount(test: &str) -> bool {
    if rustix::process::geteuid().is_root() {
        return true;
    }
    assert!(std::env::var_os(INSIDE).is_none(), "cannot become root in a user namespace: run this test as root");
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount"]).arg(std::env::current_exe().expect("this program"));
    let status = command.args(["--exact", test]).env(INSIDE, "1").status();
    let passed = status.as_ref().is_ok_and(ExitStatus::success);
    assert!(passed, "{test} in a user namespace ({status:?}): run it as root where user namespaces are forbidden");
    false
}

//! A file system in memory that fills up.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Set in a test that runs again where it may mount.
const INSIDE: &str = "COUNTERFOIL_TEST_MAY_MOUNT";

/// Gone with the value.
pub(crate) struct Disk(TempDir);

impl Disk {
    pub(crate) fn mount(size: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(folder.path());
        assert!(command.status().unwrap().success(), "{command:?}");
        Self(folder)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    /// Leaves no room for one more page.
    pub(crate) fn fill(&self) {
        let mut zeros = File::create(self.zeros()).unwrap();
        while zeros.write_all(&[0; 4096]).is_ok() {}
    }

    pub(crate) fn make_room(&self) {
        fs::remove_file(self.zeros()).unwrap();
    }

    fn zeros(&self) -> PathBuf {
        self.folder().join("zeros")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.folder()).status();
    }
}

/// Whether this process may mount. Where it may not, the test of that name was run, and has passed, in a namespace in
/// which it may.
pub(crate) fn may_mount(test: &str) -> bool {
    if rustix::process::geteuid().is_root() {
        return true;
    }
    assert!(std::env::var_os(INSIDE).is_none(), "cannot become root in a user namespace: run this test as root");
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount"]).arg(std::env::current_exe().unwrap());
    let status = command.args(["--exact", test]).env(INSIDE, "1").status();
    let passed = status.as_ref().is_ok_and(std::process::ExitStatus::success);
    assert!(passed, "{test} in a user namespace ({status:?}): run it as root where user namespaces are forbidden");
    false
}

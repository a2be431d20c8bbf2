//! What is in the wheel, and what it asks for.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::run::{cache, module, passes, python, workspace};

/// The folder that the package's modules are in.
const SOURCE: &str = "bindings/python/python";

/// Takes a wheel apart.
const UNPACK: &str = "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])";

/// Signs and verifies a delivery, with nothing but the standard library beside it.
const USE: &str = r#"
import sys
sys.path.insert(0, sys.argv[1])
from counterfoil import Verifier, sign
body = b'{"id":"evt_1","event":"invoice.paid","data":{}}'
print(Verifier("agiled", "a secret").verify(sign("agiled", "a secret", body), body).event_id)
"#;

/// The wheel, taken apart.
fn unpacked() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    // Asked for first: the wheel is built for it.
    let mut python = python(".");
    passes(python.args(["-I", "-c", UNPACK]).arg(cache("installed.whl")).arg(folder.path()));
    folder
}

/// The files below a folder, by their paths from there.
fn files(folder: &Path) -> BTreeSet<String> {
    fn add(folder: &Path, root: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                add(&path, root, found);
            } else {
                found.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    let mut found = BTreeSet::new();
    add(folder, folder, &mut found);
    found
}

/// A file about the package.
fn about(name: &str) -> String {
    format!("counterfoil-{}.dist-info/{name}", env!("CARGO_PKG_VERSION"))
}

#[test]
fn it_holds_the_package_its_types_and_its_licences_and_nothing_else() {
    let (wheel, source) = (unpacked(), workspace().join(SOURCE));
    let mut expected = files(&source);
    assert!(expected.contains("counterfoil/py.typed") && expected.contains("counterfoil/_core.pyi"), "{expected:?}");
    expected.insert("counterfoil/_core.abi3.so".into());
    expected.extend(["METADATA", "RECORD", "WHEEL", "licenses/LICENSE-APACHE", "licenses/LICENSE-MIT"].map(about));
    assert_eq!(files(wheel.path()), expected);
    for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
        let packed = fs::read(wheel.path().join(about(&format!("licenses/{licence}")))).unwrap();
        assert!(packed == fs::read(workspace().join(licence)).unwrap(), "{licence}");
    }
}

#[test]
fn it_is_for_every_python_from_3_11_on_and_needs_no_other_package() {
    let wheel = unpacked();
    let read = |name| fs::read_to_string(wheel.path().join(about(name))).unwrap();
    let (metadata, tags) = (read("METADATA"), read("WHEEL"));
    let tags: Vec<&str> = tags.lines().filter_map(|line| line.strip_prefix("Tag: ")).collect();
    assert!(matches!(tags[..], [tag] if tag.starts_with("cp311-abi3-")), "{tags:?}");
    let line = |wanted: &str| metadata.lines().any(|line| line == wanted);
    assert!(line("Name: counterfoil") && line("Requires-Python: >=3.11"), "{metadata}");
    assert!(line(concat!("Version: ", env!("CARGO_PKG_VERSION"))), "{metadata}");
    let mut needs = metadata.lines().filter(|line| line.starts_with("Requires-Dist: "));
    assert!(needs.all(|line| line.contains("; extra == ")), "{metadata}");

    // Without the environment's packages there is the standard library alone.
    let mut alone = python(".");
    assert_eq!(passes(alone.args(["-I", "-S", "-c", USE]).arg(wheel.path())), "evt_1\n");
}

#[test]
fn pip_finds_nothing_missing() {
    passes(&mut module("pip", &["check", "--disable-pip-version-check"], "."));
}

/// Whoever looks at a traceback, or at a release, learns nothing about the machine that made it.
#[test]
fn it_does_not_name_the_folder_it_was_built_in() {
    let wheel = unpacked();
    let here = workspace().to_str().unwrap();
    for file in files(wheel.path()) {
        let named = Command::new("grep").args(["-c", "-a", "-F", here]).arg(wheel.path().join(&file)).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&named.stdout).trim(), "0", "{file}");
    }
}

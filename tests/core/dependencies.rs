//! The core stays small: no runtime, no framework, no engine. And one module of it computes and compares MACs.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, iter};

#[test]
fn the_core_has_no_runtime_and_no_framework() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--package", "counterfoil", "--all-features", "--edges", "normal", "--prefix", "none"])
        .args(["--target", "all", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).expect("UTF-8");
    let crates: HashSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    for needed in ["counterfoil", "hmac", "http", "metrics"] {
        assert!(crates.contains(needed), "this is not the core's tree:\n{tree}");
    }
    for heavy in ["tokio", "tower", "axum", "hyper", "pyo3", "reqwest", "rusqlite", "sqlx"] {
        assert!(!crates.contains(heavy), "the core depends on {heavy}:\n{tree}");
    }
}

/// The crates that make and compare what a sender proves itself by.
const CRYPTOGRAPHY: [&str; 4] = ["hmac", "sha1", "sha2", "subtle"];

#[test]
fn t19_one_module_computes_and_compares_what_a_sender_proves_itself_by() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let core = crates.join("counterfoil/src");
    let naming: Vec<PathBuf> =
        files(&core, "rs").filter(|file| names_one(&fs::read_to_string(file).unwrap())).collect();
    let signature = core.join("signature");
    assert!(naming.iter().all(|file| file.starts_with(&signature)), "{naming:?}");
    assert!(naming.len() > 1, "{} is not where it was", signature.display());

    let with_one = |manifest: &PathBuf| {
        let text = fs::read_to_string(manifest).unwrap();
        text.lines().any(|line| CRYPTOGRAPHY.iter().any(|name| line.starts_with(&format!("{name} ="))))
    };
    let manifests = files(&crates, "toml").filter(|file| file.ends_with("Cargo.toml"));
    let depending: Vec<PathBuf> = manifests.filter(with_one).collect();
    assert_eq!(depending, [crates.join("counterfoil/Cargo.toml")], "an adapter proves nothing by itself");
}

/// Whether one of the crates is used in that text by its name.
fn names_one(source: &str) -> bool {
    let is_name = |char: char| char.is_alphanumeric() || char == '_';
    CRYPTOGRAPHY.iter().any(|name| {
        source.match_indices(&format!("{name}::")).any(|(at, _)| !source[..at].ends_with(is_name))
            || source.contains(&format!("use {name};"))
    })
}

/// Every file with that extension under `folder`.
fn files(folder: &Path, extension: &'static str) -> impl Iterator<Item = PathBuf> + use<> {
    let mut folders = vec![folder.to_owned()];
    let entries = iter::from_fn(move || {
        let folder = folders.pop()?;
        let entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        folders.extend(entries.iter().filter(|entry| entry.is_dir()).cloned());
        Some(entries)
    });
    entries.flatten().filter(move |entry| entry.extension().is_some_and(|found| found == extension))
}

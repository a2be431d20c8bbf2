//! The core stays small: no runtime, no framework, no engine.

use std::collections::HashSet;
use std::process::Command;

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

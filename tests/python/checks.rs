//! What the package's own tests and the checkers of Python say about it.

use counterfoil_testkit::{postgres_url, redis_url};

use crate::run::{cache, module, passes, python};

const PACKAGE: &str = "bindings/python";

/// Where the settings are of what is no part of the package.
const OTHERS: [&str; 2] = ["tests/python", "examples/python-ledger"];

#[test]
fn what_is_imported_is_the_wheel() {
    let file = passes(
        python(PACKAGE)
            .args(["-c", "import counterfoil, counterfoil._core as c; print(counterfoil.__file__, c.__file__)"]),
    );
    let installed = cache("venv").join("lib");
    assert!(file.split_whitespace().all(|path| path.starts_with(installed.to_str().unwrap())), "{file}");
    assert!(file.trim_end().ends_with("_core.abi3.so"), "{file}");
}

/// With warnings as errors, as its settings say.
#[test]
fn pytest_passes_and_leaves_nothing_out() {
    let mut pytest = module("pytest", &["-q", "-p", "no:cacheprovider", "--timeout=300"], PACKAGE);
    pytest.env("DATABASE_URL", postgres_url()).env("REDIS_URL", redis_url());
    let said = passes(pytest.env("HYPOTHESIS_STORAGE_DIRECTORY", cache("hypothesis")));
    let summary = said.lines().rfind(|line| line.contains(" passed")).unwrap();
    assert!(["skipped", "deselected", "xfailed"].iter().all(|word| !summary.contains(word)), "{said}");
}

#[test]
fn mypy_finds_nothing() {
    let others = OTHERS.map(|folder| (folder, &[][..]));
    for (folder, files) in [(PACKAGE, &["python", "tests"][..])].into_iter().chain(others) {
        let cache = cache("mypy").join(folder);
        passes(module("mypy", &["--strict"], folder).args(files).arg("--cache-dir").arg(cache));
    }
}

#[test]
fn pyright_finds_nothing() {
    for folder in [PACKAGE].into_iter().chain(OTHERS) {
        passes(module("pyright", &["--warnings", "--pythonpath"], folder).arg(counterfoil_testkit::python()));
    }
}

/// The stubs of the native module are written by hand.
#[test]
fn the_stubs_say_what_the_module_has() {
    let arguments = ["counterfoil._core", "--allowlist", "stubtest.txt"];
    let said = passes(&mut module("mypy.stubtest", &arguments, "tests/python"));
    assert!(said.contains("no issues found"), "{said}");
}

#[test]
fn ruff_finds_nothing_to_mend() {
    for arguments in [&["check"][..], &["format", "--check"]] {
        let mut ruff = module("ruff", arguments, ".");
        passes(ruff.args(["--config", "tests/python/pyproject.toml", "--cache-dir"]).arg(cache("ruff")));
    }
}

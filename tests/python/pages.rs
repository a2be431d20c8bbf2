//! The code in the pages for Python runs as it stands there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use counterfoil_testkit::{postgres_url, redis_url};

use crate::run::{passes, python, workspace};

/// Looks at a block that is not run, which may await without a function around it.
const COMPILE: &str = r"
import ast, sys
compile(open(sys.argv[1]).read(), sys.argv[1], 'exec', flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
";

const SECRETS: [(&str, &str); 2] =
    [("HANDL_SECRET", "whsec_of_the_pages"), ("AGILED_SECRET", "agiled secret of the pages")];

/// A block of code, and where it stands.
struct Block {
    page: PathBuf,
    line: usize,
    code: String,
    runs: bool,
}

/// The blocks of Python in a page. One that needs what no test has says so: `python,no_run`. It is compiled.
fn blocks(page: &Path) -> Vec<Block> {
    let text = fs::read_to_string(page).unwrap();
    let mut found: Vec<Block> = Vec::new();
    let mut is_in_one = false;
    for (number, line) in text.lines().enumerate() {
        if is_in_one && line == "```" {
            is_in_one = false;
        } else if is_in_one {
            found.last_mut().unwrap().code += &format!("{line}\n");
        } else if let "```python" | "```python,no_run" = line {
            is_in_one = true;
            let runs = line == "```python";
            found.push(Block { page: page.to_owned(), line: number + 2, code: String::new(), runs });
        }
    }
    assert!(!is_in_one, "{}: a block without an end", page.display());
    found
}

/// Runs each in a folder of its own.
fn run(blocks: &[Block]) {
    for block in blocks {
        let folder = tempfile::tempdir().unwrap();
        passes(&mut program(block, folder.path()));
    }
}

/// What runs one in a folder, or compiles it.
fn program(Block { page, line, code, runs }: &Block, folder: &Path) -> Command {
    let file = folder.join("block.py");
    // The lines of an error are those of the page.
    fs::write(&file, "\n".repeat(line - 1) + code).unwrap();
    let mut python = python("tests/python");
    if *runs {
        python.arg(workspace().join("tests/python/page.py"));
        python.env("DATABASE_URL", postgres_url()).env("REDIS_URL", redis_url()).envs(SECRETS);
    } else {
        python.args(["-c", COMPILE]);
    }
    python.arg(&file).current_dir(folder).env("PAGE", page);
    python
}

#[test]
fn the_code_in_the_readme_and_in_docs_runs() {
    for readme in ["README.md", "bindings/python/README.md"] {
        let shown = blocks(&workspace().join(readme));
        assert!(!shown.is_empty(), "{readme} shows no Python");
        run(&shown);
    }

    let files = fs::read_dir(workspace().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|kind| kind == "md")).collect();
    pages.sort();
    pages.iter().for_each(|page| run(&blocks(page)));
}

#[test]
fn a_block_of_which_nothing_would_be_tested_is_found() {
    let cases = [
        (true, "from fastapi import FastAPI\nhooks = FastAPI()\n", "does not call it `app`"),
        (true, "from fastapi import FastAPI\napp = FastAPI()\npath = 'no'\n", "has no path of the form"),
        (true, "from fastapi import FastAPI\napp = FastAPI()\npath = \"webhooks/nobody\"\n", "has no path of the form"),
        (false, "await receiver.\n", "SyntaxError"),
    ];
    for (runs, code, said) in cases {
        let folder = tempfile::tempdir().unwrap();
        let block = Block { page: PathBuf::new(), line: 1, code: code.to_owned(), runs };
        let output = program(&block, folder.path()).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && error.contains(said), "{code}: {error}");
    }
}

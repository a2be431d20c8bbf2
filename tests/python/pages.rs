//! The code in the pages for Python runs as it stands there.

use std::fs;
use std::path::{Path, PathBuf};

use counterfoil_testkit::{postgres_url, redis_url};

use crate::run::{passes, python, workspace};

const SECRETS: [(&str, &str); 2] =
    [("HANDL_SECRET", "whsec_of_the_pages"), ("AGILED_SECRET", "agiled secret of the pages")];

/// A block of code, and where it stands.
struct Block {
    page: PathBuf,
    line: usize,
    code: String,
}

/// The blocks of Python in a page. One that needs what no test has says so: `python,no_run`.
fn blocks(page: &Path) -> Vec<Block> {
    let text = fs::read_to_string(page).unwrap();
    let mut found: Vec<Block> = Vec::new();
    let mut is_in_one = false;
    for (number, line) in text.lines().enumerate() {
        if is_in_one && line == "```" {
            is_in_one = false;
        } else if is_in_one {
            found.last_mut().unwrap().code += &format!("{line}\n");
        } else if line == "```python" {
            is_in_one = true;
            found.push(Block { page: page.to_owned(), line: number + 2, code: String::new() });
        }
    }
    assert!(!is_in_one, "{}: a block without an end", page.display());
    found
}

/// Runs each in a folder of its own.
fn run(blocks: &[Block]) {
    for Block { page, line, code } in blocks {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("block.py");
        // The lines of an error are those of the page.
        fs::write(&file, "\n".repeat(line - 1) + code).unwrap();
        let mut python = python("tests/python");
        python.arg(workspace().join("tests/python/page.py")).arg(&file).current_dir(&folder).envs(SECRETS);
        python.env("DATABASE_URL", postgres_url()).env("REDIS_URL", redis_url());
        passes(python.env("PAGE", page));
    }
}

#[test]
fn the_code_in_the_readme_and_in_docs_runs() {
    let readme = blocks(&workspace().join("README.md"));
    assert!(!readme.is_empty(), "the README shows no Python");
    run(&readme);

    let files = fs::read_dir(workspace().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|kind| kind == "md")).collect();
    pages.sort();
    pages.iter().for_each(|page| run(&blocks(page)));
}

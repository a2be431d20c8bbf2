//! What `docs/crash-points.md` says is tested, is.

use std::fs;
use std::path::Path;

/// Everything in backticks in the last column of the page's table.
fn named(page: &str) -> Vec<&str> {
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---"));
    let cells = rows.skip(1).filter_map(|row| row.trim_end_matches([' ', '|']).rsplit(" | ").next());
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect()
}

/// Every source file below `folder`, one after the other.
fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "py") {
            text.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_test_that_the_page_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = fs::read_to_string(root.join("docs/crash-points.md")).unwrap();
    let names = named(&page);
    assert!(names.len() > 40, "{names:?}");
    let mut text = String::new();
    for folder in ["bindings/python/tests", "crates", "tests"] {
        sources(&root.join(folder), &mut text);
    }
    let exists =
        |name: &str| ["fn {}(", "fn {}<", "def {}("].iter().any(|form| text.contains(&form.replace("{}", name)));
    let missing: Vec<_> = names.into_iter().filter(|name| !exists(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

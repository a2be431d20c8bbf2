//! What `docs/crash-points.md` and `docs/threat-model.md` say is tested, is.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The cells of every row of the page's tables, but for their heads.
fn rows(page: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(root().join("docs").join(page)).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let is_rule = |line: Option<&&str>| line.is_some_and(|line| line.starts_with("| ---"));
    let rows = lines
        .iter()
        .enumerate()
        .filter(|(place, line)| line.starts_with("| ") && !is_rule(Some(line)) && !is_rule(lines.get(place + 1)));
    rows.map(|(_, row)| row.trim_matches(['|', ' ']).split(" | ").map(str::to_owned).collect()).collect()
}

/// Everything in backticks in a cell.
fn named(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
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

/// All sources that have tests.
fn tests() -> String {
    let mut text = String::new();
    for folder in ["bindings/python/tests", "crates", "tests"] {
        sources(&root().join(folder), &mut text);
    }
    text
}

/// Those of these names that no test has.
fn missing<'a>(tests: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let exists =
        |name: &str| ["fn {}(", "fn {}<", "def {}("].iter().any(|form| tests.contains(&form.replace("{}", name)));
    names.into_iter().filter(|name| !exists(name)).collect()
}

#[test]
fn every_test_that_the_page_of_crash_points_names_exists() {
    let rows = rows("crash-points.md");
    let names: Vec<_> = rows.iter().flat_map(|row| named(row.last().unwrap())).collect();
    assert!(names.len() > 40, "{names:?}");
    assert_eq!(missing(&tests(), names), Vec::<&str>::new());
}

#[test]
fn every_threat_has_a_row_and_tests_that_exist() {
    const THREATS: u32 = 51;
    let tests = tests();
    let rows: Vec<_> = rows("threat-model.md").into_iter().filter(|row| row.len() == 6).collect();
    let numbers: Vec<_> = rows.iter().map(|row| row[0].clone()).collect();
    assert_eq!(numbers, (1..=THREATS).map(|number| format!("T{number}")).collect::<Vec<_>>());
    for row in &rows {
        let names: Vec<_> = row[3..].iter().flat_map(|cell| named(cell)).collect();
        assert_eq!(missing(&tests, names.iter().copied()), Vec::<&str>::new(), "{}", row[0]);
        // Some test of each bears its number.
        let number = row[0].to_lowercase();
        assert!(names.iter().any(|name| name.split('_').any(|word| word == number)), "{}: {names:?}", row[0]);
    }
}

/// No threat that has tests on servers is without a word about them.
#[test]
fn every_test_of_the_services_is_named() {
    let mut text = String::new();
    sources(&root().join("tests/hostile"), &mut text);
    let tests = text
        .lines()
        .filter_map(|line| line.strip_prefix("pub(crate) fn t")?.split_once('('))
        .map(|(name, _)| format!("t{name}"));
    let tests: BTreeSet<String> = tests.filter(|name| name[1..].starts_with(|c: char| c.is_ascii_digit())).collect();
    assert!(tests.len() > 40, "{tests:?}");
    let rows = rows("threat-model.md");
    let named: BTreeSet<String> = rows.iter().flatten().flat_map(|cell| named(cell)).map(str::to_owned).collect();
    assert_eq!(tests.difference(&named).collect::<Vec<_>>(), Vec::<&String>::new());
}

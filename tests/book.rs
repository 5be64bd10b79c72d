//! The book and the list of theorems name examples, tests, theorems, modules and pages that exist.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

/// The words between backticks of a text.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn what_the_book_names_exists() {
    let theorems: HashSet<String> = fs::read_to_string("proofs/THEOREMS.md")
        .unwrap()
        .lines()
        .filter_map(|row| row.split('|').nth(3).map(|name| name.trim().to_owned()))
        .collect();
    let tests: String =
        fs::read_dir("tests/theory").unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap()).collect();
    let (mut pages, mut examples, mut proved) = (0, HashSet::new(), 0);
    for entry in fs::read_dir("docs/book/src").unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        pages += 1;
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            assert!(Path::new("docs/book/src").join(link).exists(), "{}: {link}", path.display());
        }
        let Some((_, last)) = text.split_once("## Run it and prove it") else { continue };
        for word in quoted(last) {
            let plain = word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
            let known = match word.rsplit_once('.') {
                Some((_, "v")) => {
                    ["theories", "checker"].iter().any(|at| Path::new("proofs").join(at).join(&word).exists())
                }
                Some((_, "rs")) if word.starts_with("tests/") => Path::new(&word).exists(),
                Some((_, "rs")) => Path::new("tests/theory").join(&word).exists(),
                _ if !plain => true,
                _ if Path::new("examples").join(format!("{word}.rs")).exists() => {
                    examples.insert(word.clone());
                    true
                }
                _ => {
                    proved += usize::from(theorems.contains(&word));
                    theorems.contains(&word) || tests.contains(&format!("fn {word}("))
                }
            };
            assert!(known, "{}: `{word}`", path.display());
        }
    }
    let programs = fs::read_dir("examples")
        .unwrap()
        .filter(|e| e.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "rs"));
    assert_eq!(examples.len(), programs.count(), "every example is in the book: {examples:?}");
    assert!(pages > 10 && proved > 30, "{pages} pages, {proved} theorems");
}

#[test]
fn what_the_list_of_theorems_names_exists() {
    let list = fs::read_to_string("proofs/THEOREMS.md").unwrap();
    let rows: Vec<Vec<&str>> = list.lines().map(|row| row.split('|').collect()).collect();
    let mut tests = 0;
    for row in rows.iter().filter(|row| row.len() == 6).skip(2) {
        for counterpart in row[4].split(';').map(str::trim).filter(|text| *text != "none") {
            let (place, test) = counterpart.split_once(": ").map_or((counterpart, None), |(a, b)| (a, Some(b)));
            let place = place.trim_matches('`');
            let path = if place.starts_with("tests/") { place.to_owned() } else { format!("src/{place}") };
            assert!(Path::new(&path).exists(), "{}: {path}", row[3]);
            if let Some(test) = test {
                tests += 1;
                let text = fs::read_to_string(&path).unwrap();
                assert!(text.contains(&format!("fn {test}(")), "{}: {path}: {test}", row[3]);
            }
        }
    }
    assert!(tests > 30, "{tests} tests");
}

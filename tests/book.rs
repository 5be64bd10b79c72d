//! The book and the list of theorems name examples, tests, theorems, modules and pages that exist.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

/// The words between backticks of a text.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

const PAGES: &str = "docs/book/src";
/// Pages that say nothing that could be run or proved.
const PLAIN: [&str; 3] = ["SUMMARY.md", "introduction.md", "sources.md"];
const SECTION: &str = "## Run it and prove it";

/// The pages of the book and their texts.
fn pages() -> Vec<(String, String)> {
    let paths = fs::read_dir(PAGES).unwrap().map(|entry| entry.unwrap().path());
    paths
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap()))
        .collect()
}

/// The names of the examples.
fn examples() -> HashSet<String> {
    let paths = fs::read_dir("examples").unwrap().map(|entry| entry.unwrap().path());
    let programs = paths.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    programs.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

/// The folders of `proofs` with theorems.
const FOLDERS: [&str; 2] = ["theories", "checker"];

/// The listed theorems whose file is in one of some folders of `proofs`.
fn theorems(folders: &[&str]) -> HashSet<String> {
    let list = fs::read_to_string("proofs/THEOREMS.md").unwrap();
    let rows = list.lines().map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
    let is_there = |file: &str| folders.iter().any(|at| Path::new("proofs").join(at).join(file).is_file());
    rows.filter(|row| row.len() == 6 && is_there(row[2])).map(|row| row[3].to_owned()).collect()
}

#[test]
fn every_page_names_an_example_that_runs_it_and_a_theorem_or_says_that_it_is_not_proved() {
    let (examples, theorems) = (examples(), theorems(&["theories"]));
    let all = pages();
    let pages = all.iter().filter(|(name, _)| !PLAIN.contains(&name.as_str()));
    for (name, text) in pages.clone() {
        let (_, last) = text.split_once(SECTION).unwrap_or_else(|| panic!("{name}: no section {SECTION}"));
        let words = quoted(last);
        // lines break anywhere
        let says_so = last.split_whitespace().collect::<Vec<_>>().join(" ").contains("*not proved here*");
        assert!(words.iter().any(|word| examples.contains(word)), "{name}: no example");
        assert!(says_so || words.iter().any(|word| theorems.contains(word)), "{name}: no theorem");
    }
    assert_eq!(pages.count() + PLAIN.len(), all.len());
    let summary = &all.iter().find(|(name, _)| name == "SUMMARY.md").unwrap().1;
    for (name, _) in all.iter().filter(|(name, _)| name != "SUMMARY.md") {
        assert!(summary.contains(&format!("({name})")), "{name} is not in the summary");
    }
}

#[test]
fn every_example_is_in_the_book() {
    let last = |text: &String| text.split_once(SECTION).map_or(vec![], |(_, last)| quoted(last));
    let named: HashSet<String> = pages().iter().flat_map(|(_, text)| last(text)).collect();
    let missing: Vec<String> = examples().into_iter().filter(|name| !named.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn what_the_book_names_exists() {
    let (examples, theorems) = (examples(), theorems(&FOLDERS));
    let tests: String =
        fs::read_dir("tests/theory").unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap()).collect();
    let source =
        |file: &str| FOLDERS.iter().find_map(|at| fs::read_to_string(Path::new("proofs").join(at).join(file)).ok());
    let mut proved = 0;
    for (name, text) in pages() {
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            assert!(Path::new(PAGES).join(link).exists(), "{name}: {link}");
        }
        let Some((_, last)) = text.split_once(SECTION) else { continue };
        let mut file = String::new();
        for word in quoted(last) {
            if word.ends_with(".v") {
                file = source(&word).unwrap_or_else(|| panic!("{name}: {word}"));
            }
            // theorems come behind the file that has them
            let stated = |text: &str| {
                text.split_whitespace()
                    .collect::<Vec<_>>()
                    .windows(2)
                    .any(|w| ["Theorem", "Lemma", "Corollary"].contains(&w[0]) && w[1].trim_end_matches(':') == word)
            };
            let listed = theorems.contains(&word) && !examples.contains(&word);
            assert!(!listed || stated(&file), "{name}: `{word}` is in another file");
            let plain = word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
            let known = match word.rsplit_once('.') {
                Some((_, "v")) => FOLDERS.iter().any(|at| Path::new("proofs").join(at).join(&word).exists()),
                Some((_, "rs")) if word.starts_with("tests/") => Path::new(&word).exists(),
                Some((_, "rs")) => Path::new("tests/theory").join(&word).exists(),
                _ if !plain || examples.contains(&word) => true,
                _ => {
                    proved += usize::from(theorems.contains(&word));
                    theorems.contains(&word) || tests.contains(&format!("fn {word}("))
                }
            };
            assert!(known, "{name}: `{word}`");
        }
    }
    assert!(proved > 30, "{proved} theorems");
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

//! The floors of the house.

use std::path::{Path, PathBuf};

const FLOORS: [(&str, u32); 21] = [
    ("error", 0),
    ("files", 0),
    ("mapped", 0),
    ("numeric", 0),
    ("reach", 0),
    ("manifold", 1),
    ("regularizer", 1),
    ("problem", 2),
    ("lowered", 3),
    ("existence", 3),
    ("certificate", 3),
    ("solve", 3),
    ("network", 3),
    ("model", 3),
    ("balance", 4),
    ("compare", 4),
    ("analysis", 5),
    ("learning", 5),
    ("report", 5),
    ("cli", 6),
    ("main", 7),
];

/// Within one floor: what both kinds of network hand to the balancer. (The error type lies below everything.)
const SHARED: [(&str, &str); 2] = [("network", "lowered"), ("model", "lowered")];

fn floor(module: &str) -> u32 {
    FLOORS.iter().find(|(name, _)| *name == module).unwrap_or_else(|| panic!("{module} has no floor")).1
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("src is readable") {
        let path = entry.expect("src is readable").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Modules that a file names after `crate::`, outside comments.
fn imports(text: &str) -> Vec<String> {
    let code = text.lines().filter(|l| !l.trim_start().starts_with("//"));
    let after = |line: &str| -> Vec<String> {
        let name = |rest: &str| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        line.split("crate::").skip(1).map(name).collect()
    };
    code.flat_map(after).filter(|m| !m.is_empty()).collect()
}

#[test]
fn a_file_imports_only_lower_floors() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = vec![];
    sources(&root, &mut files);
    let mut checked = 0;
    for file in files {
        let inside = file.strip_prefix(&root).expect("sources lie in src");
        let first = inside.components().next().expect("a file has a name");
        let module = Path::new(first.as_os_str()).file_stem().and_then(|s| s.to_str()).expect("names are text");
        if module == "lib" {
            continue;
        }
        for import in imports(&std::fs::read_to_string(&file).expect("sources are text")) {
            let allowed = import == module
                || import == "error"
                || floor(&import) < floor(module)
                || SHARED.contains(&(module, import.as_str()));
            assert!(
                allowed,
                "{} (floor {}) imports {import} (floor {})",
                inside.display(),
                floor(module),
                floor(&import)
            );
            checked += 1;
        }
    }
    assert!(checked > 50, "only {checked} imports were found");
}

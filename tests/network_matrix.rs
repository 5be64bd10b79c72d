//! Matrix Market files: exact round trips, and a helpful error for whatever is malformed.

mod support;

use quickcheck_macros::quickcheck;
use std::fs;
use support::{AnyNetwork, is_helpful};
use synbal::network::mtx::{self, Visible, parse_ranges};
use synbal::network::{Network, Role};
use tempfile::TempDir;

fn mtx_error(text: impl AsRef<[u8]>) -> String {
    mtx_error_with(text, &Visible::default())
}

fn mtx_error_with(text: impl AsRef<[u8]>, visible: &Visible) -> String {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("matrix.mtx");
    fs::write(&path, text).unwrap();
    let error = mtx::read(&path, visible).unwrap_err();
    assert!(is_helpful(&error) && error.to_string().contains("matrix.mtx"), "{error}");
    error.to_string()
}

fn matrix(header: &str, body: &str) -> String {
    format!("%%MatrixMarket matrix {header}\n% a comment\n\n{body}")
}

#[quickcheck]
fn the_matrix_of_a_network_comes_back_bit_for_bit(any: AnyNetwork) -> bool {
    let text = mtx::to_text(&any.0);
    let ranges = |role| any.0.of_role(role).map(|i| i..i + 1).collect();
    let visible = Visible { inputs: ranges(Role::Input), outputs: ranges(Role::Output) };
    let back = mtx::parse(text.as_bytes(), &visible).unwrap();
    let weights =
        |n: &Network| n.connections().iter().map(|(t, h, p)| (t, h, n.parameters()[p].to_bits())).collect::<Vec<_>>();
    weights(&back) == weights(&any.0) && mtx::to_text(&back) == text
}

#[test]
fn entry_i_j_is_the_connection_from_unit_j_to_unit_i() {
    let text = matrix("coordinate real general", "3 3 2\n2 1 -1.5\n3 2 0\n");
    let visible = Visible { inputs: parse_ranges("1").unwrap(), outputs: parse_ranges("3").unwrap() };
    let network = mtx::parse(text.as_bytes(), &visible).unwrap();
    assert_eq!(network.connections().iter().collect::<Vec<_>>(), [(0, 1, 0), (1, 2, 1)]);
    assert_eq!(network.parameters(), [-1.5, 0.0]);
    let roles: Vec<Role> = network.units().iter().map(|u| u.role).collect();
    assert_eq!(roles, [Role::Input, Role::Hidden, Role::Output]);
    assert!(!network.is_closed() && mtx::parse(text.as_bytes(), &Visible::default()).unwrap().is_closed());
}

#[test]
fn every_kind_of_real_matrix_is_read() {
    let read = |header: &str, body: &str| {
        let network = mtx::parse(matrix(header, body).as_bytes(), &Visible::default()).unwrap();
        let list = network.connections().iter();
        list.map(|(t, h, p)| (h + 1, t + 1, network.parameters()[p])).collect::<Vec<_>>()
    };
    assert_eq!(read("coordinate pattern general", "2 2 2\n1 1\n1 2\n"), [(1, 1, 1.0), (1, 2, 1.0)]);
    assert_eq!(read("coordinate integer general", "2 2 1\r\n2 1 -7\r\n"), [(2, 1, -7.0)]);
    let mirrored = [(1, 1, 2.0), (2, 1, 3.0), (1, 2, 3.0)];
    assert_eq!(read("coordinate real symmetric", "2 2 2\n1 1 2\n2 1 3e0"), mirrored);
    assert_eq!(read("array real symmetric", "2 2\n2\n3\n0\n"), mirrored);
    assert_eq!(read("Coordinate REAL skew-symmetric", "2 2 1\n2 1 3"), [(2, 1, 3.0), (1, 2, -3.0)]);
    assert_eq!(read("array real skew-symmetric", "2 2\n3"), [(2, 1, 3.0), (1, 2, -3.0)]);
    // columns one after the other
    assert_eq!(read("array real general", "2 2\n0\n5\n6\n0\n"), [(2, 1, 5.0), (1, 2, 6.0)]);
}

#[test]
fn every_malformed_matrix_names_its_line() {
    let real = "coordinate real general";
    for (text, words) in [
        (String::new(), "line 1"),
        ("1 1 1\n".into(), "line 1: no Matrix Market header"),
        (matrix("coordinate complex general", "1 1 0\n"), "\"complex\" is not supported"),
        (matrix("coordinate real hermitian", "1 1 0\n"), "\"hermitian\" is not supported"),
        (matrix("array pattern general", "1 1\n"), "\"pattern\" is not supported"),
        (matrix(real, ""), "the file ends before the line of sizes"),
        (matrix(real, "2 2\n"), "line 4: not 3 sizes"),
        (matrix(real, "2 3 0\n"), "2 rows and 3 columns"),
        (matrix(real, "0 0 0\n"), "line 4"),
        (matrix(real, "4000000000 4000000000 1\n1 1 1\n"), "4000000000 units"),
        (matrix(real, "99999999999999999999 1 1\n"), "line 4"),
        (matrix(real, "2 2 100000000000000000\n1 1 1\n"), "the file ends after 1 of"),
        (matrix(real, "2 2 2\n1 1 1\n"), "the file ends after 1 of 2"),
        (matrix(real, "2 2 1\n1 1 1\n2 2 1\n"), "line 6: more than the 1 announced"),
        (matrix(real, "2 2 1\n3 1 1\n"), "line 5: entry (3, 1)"),
        (matrix(real, "2 2 1\n0 1 1\n"), "line 5: entry (0, 1)"),
        (matrix(real, "2 2 1\n1 -1 1\n"), "line 5: no row and column"),
        (matrix(real, "2 2 1\n1 1\n"), "line 5: no weight"),
        (matrix(real, "2 2 1\n1 1 x\n"), "line 5: \"x\" is no number"),
        (matrix(real, "2 2 1\n1 1 NaN\n"), "line 5: the weight NaN is not finite"),
        (matrix(real, "2 2 1\n1 1 1e999\n"), "line 5: the weight 1e999 is not finite"),
        (matrix(real, "2 2 1\n1 1 1 1\n"), "line 5: more words"),
        (matrix(real, "2 2 3\n1 1 1\n2 1 1\n% note\n1 1 5\n"), "line 8: entry (1, 1) was given before, on line 5"),
        (matrix("coordinate real symmetric", "2 2 1\n1 2 1\n"), "line 5: entry (1, 2)"),
        (matrix("coordinate real symmetric", "2 2 2\n2 1 1\n2 1 1\n"), "line 6: entry (2, 1)"),
        (matrix("coordinate real skew-symmetric", "2 2 1\n1 1 1\n"), "line 5: entry (1, 1)"),
        (matrix("array real general", "2 2\n1\n2\n3\n"), "row 2, column 2"),
        (matrix("array real general", "1 1\n1\n2\n"), "line 6: more numbers"),
    ] {
        let error = mtx_error(&text);
        assert!(error.contains(words), "{words}: {error}");
    }
    mtx_error([0xff, 0x00]);
}

#[test]
fn visible_units_outside_the_matrix_or_with_incoming_entries_are_refused() {
    let text = matrix("coordinate real general", "3 3 2\n2 1 1\n3 2 1\n");
    let error = |inputs: &str, outputs: &str| {
        let visible = Visible { inputs: parse_ranges(inputs).unwrap(), outputs: parse_ranges(outputs).unwrap() };
        mtx_error_with(&text, &visible)
    };
    assert!(error("1-4", "3").contains("inputs 1-4"));
    assert!(error("1", "1").contains("unit 1 was named before"));
    assert!(error("1-2", "3").contains("line 5: an entry in row 2, which is an input"));
}

#[test]
fn ranges_count_from_one_and_include_both_ends() {
    assert_eq!(parse_ranges("1-3,7").unwrap(), [0..3, 6..7]);
    assert_eq!(parse_ranges(" 2 - 2 , 5 ").unwrap(), [1..2, 4..5]);
    for text in ["", "0", "3-1", "1-", "-3", "a", "1,,2", "1-2-3", "+1", "99999999999999999999", "4294967296"] {
        let error = parse_ranges(text).unwrap_err();
        assert!(error.place.starts_with("range") && !error.remedy.is_empty(), "{text}");
    }
}

#[quickcheck]
fn mutated_matrices_never_panic(kind: u8, changes: Vec<(usize, u8)>, keep: usize) -> bool {
    let texts = [
        matrix("coordinate real general", "3 3 3\n1 2 0.5\n2 3 -1e3\n3 1 7\n"),
        matrix("coordinate pattern symmetric", "3 3 2\n1 1\n3 1\n"),
        matrix("array real skew-symmetric", "3 3\n1 2\n3\n"),
    ];
    let mut bytes = texts[kind as usize % 3].clone().into_bytes();
    for (place, byte) in changes.into_iter().take(4) {
        let place = place % bytes.len();
        bytes[place] = byte;
    }
    bytes.truncate(bytes.len() - keep % bytes.len());
    let visible = Visible { inputs: parse_ranges("1").unwrap(), outputs: parse_ranges("3").unwrap() };
    let check = |visible| mtx::parse(&bytes, visible).map_or_else(|e| !e.remedy.is_empty(), |_| true);
    check(&visible) && check(&Visible::default())
}

#[test]
fn a_million_entries_are_read_in_well_under_a_second() {
    let n = 1000;
    let mut text = format!("%%MatrixMarket matrix coordinate real general\n{n} {n} {}\n", n * n);
    for k in 0..n * n {
        text += &format!("{} {} {:?}\n", k / n + 1, k % n + 1, (k as f64).sin());
    }
    let start = std::time::Instant::now();
    let network = mtx::parse(text.as_bytes(), &Visible::default()).unwrap();
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(network.connections().len(), n * n);
    // generous, for a busy machine and a build without optimization
    assert!(seconds < 5.0, "{seconds}");
}

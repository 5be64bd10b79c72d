//! One page with everything, that needs nothing else.

use super::Results;

const STYLE: &str = "body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222}\
table{border-collapse:collapse;margin:1em 0}th,td{border-bottom:1px solid #ccc;padding:.2em .8em;text-align:left}\
td{font-variant-numeric:tabular-nums}svg{max-width:100%;height:auto}caption{text-align:left;font-weight:bold}";

/// The page; `figures` are SVG documents, one for each chart.
pub(super) fn page(results: &Results, figures: &[String]) -> String {
    let e = escape;
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>synbal learn {name}</title>\n\
         <style>{STYLE}</style></head><body>\n<h1>{name}</h1>\n<p>{}</p>\n<p>Data: {}</p>\n",
        e(&results.question),
        e(&results.data),
        name = e(&results.experiment),
    );
    for line in &results.method {
        page += &format!("<p>{}</p>\n", e(line));
    }
    if !results.claims.is_empty() {
        page += "<table><caption>Claims</caption><tr><th>claim</th><th>verdict</th><th>found</th></tr>\n";
        for claim in &results.claims {
            let cells = [claim.claim.as_str(), claim.verdict.words(), claim.found.as_str()];
            page += &format!("<tr>{}</tr>\n", cells.map(|c| format!("<td>{}</td>", e(c))).concat());
        }
        page += "</table>\n";
    }
    for figure in figures {
        page += &format!("<figure>{figure}</figure>\n");
    }
    for table in &results.tables {
        let heads: String = table.columns.iter().map(|c| format!("<th>{}</th>", e(c))).collect();
        page += &format!("<table><caption>{}</caption><tr>{heads}</tr>\n", e(&table.title));
        for row in &table.rows {
            let cells: String = row.iter().map(|c| format!("<td>{}</td>", e(&c.show()))).collect();
            page += &format!("<tr>{cells}</tr>\n");
        }
        page += "</table>\n";
    }
    if let Some(difference) = results.function_difference {
        page += &format!("<p>Balancing changed no output by more than {difference:.1e} of the range of outputs.</p>\n");
    }
    page + "</body></html>\n"
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

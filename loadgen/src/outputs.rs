//! A document for other programs: JUnit for a build server, Markdown for a
//! page.

use std::fmt::Write as _;

use crate::document::Document;
use crate::report::{self, Verdict};

#[cfg(test)]
mod tests;

/// One test case of the verdict, and one of each level.
#[must_use]
pub fn junit(document: &Document) -> String {
    let conclusion = report::conclusion(document);
    let verdict = report::verdict(document);
    let mut cases = vec![match verdict {
        Verdict::Holds => case("verdict", None),
        Verdict::Violated => case("verdict", Some(("failure", &conclusion))),
        Verdict::Void => case("verdict", Some(("error", &conclusion))),
    }];
    for held in document.held() {
        let measured = held.measured.unwrap_or_else(|| "nothing was measured".to_owned());
        cases.push(match held.holds {
            Some(true) => case(&held.level, None),
            Some(false) => case(&held.level, Some(("failure", &measured))),
            None => case(&held.level, Some(("error", &measured))),
        });
    }
    let of = |kind: &str| cases.iter().filter(|case| case.contains(kind)).count();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuite name=\"loadgen\" tests=\"{}\" failures=\"{}\" errors=\"{}\" time=\"{:.3}\">\n\
         {}</testsuite>\n",
        cases.len(),
        of("<failure "),
        of("<error "),
        document.took().as_secs_f64(),
        cases.concat(),
    )
}

fn case(name: &str, wrong: Option<(&str, &str)>) -> String {
    let name = escaped(name);
    match wrong {
        None => format!("  <testcase classname=\"loadgen\" name=\"{name}\"/>\n"),
        Some((kind, message)) => format!(
            "  <testcase classname=\"loadgen\" name=\"{name}\"><{kind} message=\"{}\"/></testcase>\n",
            escaped(message)
        ),
    }
}

/// For an attribute's value; what XML has no letter for becomes a question mark.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('?'),
            letter if letter.is_control() => escaped.push('?'),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// The verdict, the levels, each procedure's latency, and the summary.
#[must_use]
pub fn markdown(document: &Document) -> String {
    let mut text = format!("**{}**\n", cell(&report::conclusion(document)));
    let held = document.held();
    if !held.is_empty() {
        text.push_str("\n| Level | Measured | Holds |\n|---|---|---|\n");
    }
    for held in held {
        let measured = held.measured.as_deref().unwrap_or("nothing");
        let holds = held.holds.map_or("unknown", |holds| if holds { "yes" } else { "**no**" });
        let _ = writeln!(text, "| {} | {} | {holds} |", cell(&held.level), cell(measured));
    }
    text.push_str("\n| Procedure | Sent | Faults | p50 ms | p99 ms |\n|---|--:|--:|--:|--:|\n");
    for (name, part) in &document.groups {
        let at = |quantile| part.latency.value_at_quantile(quantile) as f64 / 1e3;
        let (half, most) = (at(0.5), at(0.99));
        let (sent, faults) = (part.sent, part.faults);
        let _ = writeln!(text, "| {} | {sent} | {faults} | {half:.2} | {most:.2} |", cell(name));
    }
    let _ = write!(text, "\n```\n{}```\n", report::text(document));
    text
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}

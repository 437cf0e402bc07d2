//! What came out: ratios, with their spread.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

/// What is loaded, and how.
pub type Series = &'static str;

/// A comparison: one series by another, and what it must and should be.
#[derive(Clone, Copy)]
pub struct Comparison {
    /// In words.
    pub what: &'static str,
    /// Above the line.
    pub ours: Series,
    /// Below it.
    pub theirs: Series,
    /// What the second is divided by.
    pub share: f64,
    /// The least that was set as a target, and what was hoped for.
    pub targets: Option<(f64, f64)>,
}

/// The ratio of each round, and their middle.
#[derive(Serialize)]
pub struct Row {
    what: &'static str,
    median: f64,
    least: f64,
    most: f64,
    must: Option<f64>,
    aim: Option<f64>,
    rounds: Vec<f64>,
}

/// All that is told.
#[derive(Serialize)]
pub struct Table {
    schema: u32,
    stated: String,
    rows: Vec<Row>,
    lacks: BTreeMap<String, String>,
    skipped: BTreeMap<String, String>,
    /// Per second, of each round: they mean nothing on another machine.
    rates: BTreeMap<Series, Vec<f64>>,
    audit: Vec<String>,
}

impl Table {
    /// Compares what was measured; a comparison without one of its series is left
    /// out, since it was skipped by name.
    #[must_use]
    pub fn of(
        stated: String,
        comparisons: &[Comparison],
        rates: BTreeMap<Series, Vec<f64>>,
        lacks: BTreeMap<String, String>,
        skipped: BTreeMap<String, String>,
        audit: Vec<String>,
    ) -> Self {
        let rows = comparisons.iter().filter_map(|it| row(it, &rates)).collect();
        Self { schema: 1, stated, rows, lacks, skipped, rates, audit }
    }

    /// For a terminal.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{}\n\n", self.stated);
        let width = self.rows.iter().map(|row| row.what.len()).max().unwrap_or(0);
        let _ = writeln!(text, "{:width$}  median   least    most    must     aim", "");
        for row in &self.rows {
            let Row { what, median, least, most, .. } = row;
            let _ = write!(text, "{what:width$}  {median:6.2}  {least:6.2}  {most:6.2}");
            let _ = writeln!(text, "  {}  {}", target(row.must), target(row.aim));
        }
        for (side, lacks) in &self.lacks {
            let _ = write!(text, "\n{side} lacks: {lacks}");
        }
        for (side, why) in &self.skipped {
            let _ = write!(text, "\n{side} was skipped: {why}");
        }
        for line in &self.audit {
            let _ = write!(text, "\n{line}");
        }
        text + "\n"
    }

    /// For a page.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = format!("{}\n\n", self.stated);
        text += "| Ratio | median | least to most | must | aim |\n|---|---|---|---|---|\n";
        for row in &self.rows {
            let Row { what, median, least, most, .. } = row;
            let (must, aim) = (target(row.must), target(row.aim));
            let (must, aim) = (must.trim(), aim.trim());
            let _ = writeln!(
                text,
                "| {what} | {median:.2} | {least:.2} to {most:.2} | {must} | {aim} |"
            );
        }
        text += "\n| Side | lacks |\n|---|---|\n";
        for (side, lacks) in &self.lacks {
            let _ = writeln!(text, "| {side} | {lacks} |");
        }
        for (side, why) in &self.skipped {
            let _ = writeln!(text, "| {side} | skipped: {why} |");
        }
        text.push('\n');
        for line in &self.audit {
            let _ = writeln!(text, "{line}");
        }
        text
    }
}

fn row(comparison: &Comparison, rates: &BTreeMap<Series, Vec<f64>>) -> Option<Row> {
    let Comparison { what, ours, theirs, share, targets } = *comparison;
    let (ours, theirs) = (rates.get(ours)?, rates.get(theirs)?);
    let rounds: Vec<f64> =
        ours.iter().zip(theirs).map(|(ours, theirs)| ours * share / theirs).collect();
    let mut sorted = rounds.clone();
    sorted.sort_by(f64::total_cmp);
    let (least, most) = (*sorted.first()?, *sorted.last()?);
    let middle = sorted.len() / 2;
    let median = match sorted.len() % 2 {
        0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    };
    let (must, aim) = targets.unzip();
    Some(Row { what, median, least, most, must, aim, rounds })
}

fn target(target: Option<f64>) -> String {
    target.map_or_else(|| "     -".to_owned(), |target| format!("{target:6.2}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comparison(share: f64) -> Comparison {
        Comparison { what: "a by b", ours: "a", theirs: "b", share, targets: Some((2.0, 3.0)) }
    }

    #[test]
    fn a_ratio_is_that_of_each_round_and_told_by_its_middle() {
        let rates = BTreeMap::from([("a", vec![10.0, 40.0, 30.0]), ("b", vec![10.0, 10.0, 10.0])]);
        let row = row(&comparison(1.0), &rates).unwrap();
        assert_eq!((row.median, row.least, row.most), (3.0, 1.0, 4.0));
        let fifth = super::row(&comparison(5.0), &rates).unwrap();
        assert_eq!(fifth.median, 15.0);
    }

    #[test]
    fn what_was_skipped_has_no_row_and_is_named() {
        let rates = BTreeMap::from([("a", vec![1.0])]);
        let skipped = BTreeMap::from([("b".to_owned(), "`b` is not installed".to_owned())]);
        let it = [comparison(1.0)];
        let table = Table::of("".to_owned(), &it, rates, BTreeMap::new(), skipped, Vec::new());
        assert!(table.rows.is_empty());
        assert!(table.text().contains("b was skipped: `b` is not installed"));
        assert!(table.markdown().contains("| b | skipped: `b` is not installed |"));
    }
}

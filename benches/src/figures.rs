//! Figures of several rounds as they are told: a median, and from where to where.

/// The value in the middle.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// The median, and from where to where.
pub(crate) fn spread(values: &[f64]) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{:.2} ({least:.2} to {most:.2})", median(values))
}

#[expect(clippy::print_stdout, reason = "it is what was asked for")]
pub(crate) fn say(text: &str) {
    println!("{text}");
}

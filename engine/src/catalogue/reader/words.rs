//! Words of a file: names, durations, and what is near to one that nothing bears.

use std::time::Duration;

pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

pub(super) fn duration(text: &str) -> Option<Duration> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "" if number == 0 => 1,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}

/// A duration as files write it, in its largest whole unit.
pub(crate) fn spelled(duration: Duration) -> String {
    let millis = duration.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let whole = units.into_iter().find(|(unit, _)| millis >= *unit && millis.is_multiple_of(*unit));
    let (unit, name) = whole.unwrap_or((1, "ms"));
    format!("{}{name}", millis / unit)
}

/// The names nearest to one that nothing bears, for whoever mistyped it: empty
/// where none is near.
pub(crate) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> String {
    /// So many may be as near as the nearest.
    const SHOWN: usize = 3;
    // Of longer names, more letters may be wrong.
    let most = (name.chars().count() / 3).max(1);
    let near = known.map(|known| (strsim::osa_distance(name, known), known));
    let mut near: Vec<_> = near.filter(|(distance, _)| *distance <= most).collect();
    near.sort_unstable();
    near.dedup();
    let near: Vec<_> = near.iter().take(SHOWN).map(|(_, known)| format!("\"{known}\"")).collect();
    match near.is_empty() {
        true => String::new(),
        false => format!("; the nearest known: {}", near.join(", ")),
    }
}

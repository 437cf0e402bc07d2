//! A procedure on its way into a catalogue.

use super::procedure::Procedure;
use super::reader::{File, Line};

/// A procedure, and where its parts stand.
pub(super) struct Compiled<'a, 'f> {
    pub(super) file: &'a File<'f>,
    pub(super) procedure: Procedure,
    pub(super) line: Line,
    pub(super) deadline_line: Line,
    pub(super) candidate_lines: Vec<Line>,
}

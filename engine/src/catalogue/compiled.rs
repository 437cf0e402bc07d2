//! A procedure on its way into a catalogue.

use super::procedure::Procedure;
use super::reader::{File, Line};

/// A procedure, and where its parts stand.
pub(super) struct Compiled<'a, 'f> {
    pub(super) file: &'a File<'f>,
    pub(super) procedure: Procedure,
    pub(super) line: Line,
    /// Where it names its owner, if that is known.
    pub(super) owner_line: Option<Line>,
    /// Where it says how long a request may take, if that can be read.
    pub(super) deadline_line: Option<Line>,
    pub(super) candidate_lines: Vec<Line>,
}

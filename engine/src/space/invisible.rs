//! Characters that nobody sees: a line that has one reads otherwise than it is
//! written, and a line of nothing else reads as empty.

use std::cmp::Ordering;

/// Ascending, both ends included. What Unicode 16.0 gives the property
/// `Default_Ignorable_Code_Point` (the file `DerivedCoreProperties.txt`, 4,174 code
/// points: fillers, variation selectors, marks of direction, tags), and beside it
/// what has no such property and yet shows nothing: separators of lines and
/// paragraphs, an empty pattern of Braille, marks of annotations, a null note.
/// Controls (`Cc`) are [`char::is_control`]'s.
const INVISIBLE: [(char, char); 21] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    // LINE SEPARATOR, PARAGRAPH SEPARATOR.
    ('\u{2028}', '\u{2029}'),
    ('\u{202a}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    // BRAILLE PATTERN BLANK.
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fff8}'),
    // INTERLINEAR ANNOTATION ANCHOR, SEPARATOR and TERMINATOR.
    ('\u{fff9}', '\u{fffb}'),
    ('\u{1bca0}', '\u{1bca3}'),
    // MUSICAL SYMBOL NULL NOTEHEAD.
    ('\u{1d159}', '\u{1d159}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Whether a character is a control, or shows nothing and is no space.
pub(super) fn is_invisible(letter: char) -> bool {
    let place = |(first, last): &(char, char)| match () {
        () if *last < letter => Ordering::Less,
        () if *first > letter => Ordering::Greater,
        () => Ordering::Equal,
    };
    letter.is_control() || INVISIBLE.binary_search_by(place).is_ok()
}

//! A way in for those who throw bytes at what reads them.

use super::document::Document;

/// Reads a document, and writes it again; `None` where it is none.
#[must_use]
pub fn document(bytes: &[u8]) -> Option<Vec<u8>> {
    Document::decode(bytes).map(|document| document.encoded().to_vec())
}

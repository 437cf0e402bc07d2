//! What other programs read.

use super::*;
use crate::document::tests::document;

#[test]
fn junit_has_a_case_of_the_verdict_and_one_of_each_level() {
    let text = junit(&document(&[]));
    let head =
        "<testsuite name=\"loadgen\" tests=\"3\" failures=\"0\" errors=\"3\" time=\"2.000\">";
    assert!(text.contains(head), "{text}");
    let case = "name=\"p99 &lt; 50ms\"><error message=\"nothing was measured\"/></testcase>";
    assert!(text.contains(case), "{text}");
    assert!(text.contains("name=\"verdict\"><error message=\"void: nothing was answered\"/>"));
}

#[test]
fn xml_has_no_letter_of_a_text_that_would_end_it() {
    assert_eq!(escaped("<a href=\"&\">\u{1}\n"), "&lt;a href=&quot;&amp;&quot;&gt;??");
}

#[test]
fn markdown_leads_with_the_verdict_and_its_cells_hold_together() {
    let text = markdown(&document(&[]));
    assert!(text.starts_with("**void: nothing was answered**\n"), "{text}");
    assert!(text.contains("| p99 &lt; 50ms | nothing | unknown |\n"), "{text}");
    assert_eq!(cell("a|b"), "a\\|b");
}

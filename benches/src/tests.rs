//! What the benchmarks measure is a bundle with values, and not a row of gaps.

use uuid::Uuid;

use super::*;

#[test]
fn the_forms_of_the_benchmarks_are_complete_with_the_harness_own_answers() {
    let catalogue = catalogue();
    for form in FORMS {
        let procedure = procedure(&catalogue, form);
        let request = request(&catalogue, form);
        let grant = grant(&catalogue, &request);
        let resolution = resolution(&catalogue, &request, &grant);
        let bundle = grant.release(&catalogue, &resolution, Uuid::nil(), NOW);
        let text = String::from_utf8_lossy(&bundle.body);
        assert!(bundle.released.complete, "{text}");
        let fillable = procedure.fields.iter().filter(|field| !field.by_hand()).count();
        assert!(2 * bundle.released.fields.len() > fillable, "{text}");
    }
}

#[test]
fn the_form_of_the_benchmarks_belongs_to_their_organisation() {
    let catalogue = catalogue();
    let owner = procedure(&catalogue, FORM).owner;
    assert_eq!(&*catalogue.organisation(owner).name, ORGANISATION);
}

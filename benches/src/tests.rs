//! What the benchmarks measure is a whole bundle, and not a row of gaps.

use uuid::Uuid;

use super::*;

#[test]
fn every_form_is_complete_with_the_harness_own_answers() {
    let catalogue = catalogue();
    for procedure in catalogue.procedures() {
        let request = request(&catalogue, &procedure.name);
        let grant = grant(&catalogue, &request);
        let resolution = resolution(&catalogue, &request, &grant);
        let bundle = grant.release(&catalogue, &resolution, Uuid::nil(), NOW);
        let text = String::from_utf8_lossy(&bundle.body);
        assert!(bundle.released.complete, "{text}");
        assert!(bundle.released.fields.len() + 1 >= procedure.fields.len(), "{text}");
    }
}

#[test]
fn the_form_of_the_benchmarks_belongs_to_their_organisation() {
    let catalogue = catalogue();
    let owner = procedure(&catalogue, FORM).owner;
    assert_eq!(&*catalogue.organisation(owner).name, ORGANISATION);
}

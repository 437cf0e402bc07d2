//! A glance sees of a bundle what reading it sees.

use super::*;

/// As the engine writes it, whose bundles are only searched.
fn written(bundle: &Value) -> String {
    let of = |name: &str| bundle[name].to_string();
    let (id, version) = (bundle["procedure"]["id"].to_string(), &bundle["procedure"]["version"]);
    format!(
        "{{\"disclosure\":{},\"procedure\":{{\"id\":{id},\"version\":{version}}},\"complete\":{},\
         \"fields\":{},\"sources\":{},\"notices\":{}}}",
        of("disclosure"),
        of("complete"),
        of("fields"),
        of("sources"),
        of("notices"),
    )
}

/// In its own order and in another.
#[track_caller]
fn check_glance(person: &Person, bundle: &Value) {
    let read = verified(person, bundle);
    assert_eq!(read.findings, []);
    for text in [written(bundle), bundle.to_string()] {
        let seen = glance(&form(), text.as_bytes());
        assert_eq!(seen.findings, []);
        assert_eq!((seen.disclosure, seen.complete), (read.disclosure, read.complete));
        assert_eq!(seen.filled, read.filled, "{text}");
        let sorted = |gaps: &[Gap]| {
            let mut gaps = gaps.to_vec();
            gaps.sort_unstable();
            gaps
        };
        assert_eq!(sorted(&seen.gaps), sorted(&read.gaps), "{text}");
    }
}

#[test]
fn a_glance_counts_what_reading_counts() {
    let (mut filled, mut gaps) = (0, 0);
    let refusing = country().personas().into_iter().find(|it| !it.refuses.is_empty()).unwrap();
    for person in country().people().filter(|it| it.matricule() != refusing.subject) {
        let bundle = right(&person);
        check_glance(&person, &bundle);
        let seen = glance(&form(), written(&bundle).as_bytes());
        (filled, gaps) = (filled + seen.filled, gaps + seen.gaps.len() as u64);
    }
    assert!(filled > 1_000 && gaps > 100, "{filled} {gaps}");
}

#[test]
fn a_glance_tells_why_a_field_is_unavailable() {
    let person = find(|it| it.vehicle().is_some());
    let mut bundle = right(&person);
    bundle["complete"] = false.into();
    bundle["fields"]["plate"] =
        json!({"status": "unavailable", "source": "snca", "reason": "timeout"});
    bundle["sources"]["snca"]["outcome"] = "timeout".into();
    check_glance(&person, &bundle);
    let seen = glance(&form(), written(&bundle).as_bytes());
    assert!(seen.gaps.contains(&Gap::Unavailable("timeout")), "{:?}", seen.gaps);
}

#[test]
fn a_glance_finds_what_is_no_bundle_of_the_form() {
    let person = country().person(0);
    let bundle = right(&person);
    let check = |change: &dyn Fn(&mut Value), wrong| {
        let mut bundle = bundle.clone();
        change(&mut bundle);
        for text in [written(&bundle), bundle.to_string()] {
            assert_eq!(kinds(&glance(&form(), text.as_bytes())), [wrong], "{text}");
        }
    };
    check(&|it| it["procedure"]["version"] = 4.into(), Wrong::Procedure);
    check(&|it| it["procedure"]["id"] = "other".into(), Wrong::Procedure);
    check(&|it| it["disclosure"] = "1".into(), Wrong::Disclosure);
    check(&|it| drop(it["fields"].as_object_mut().unwrap().remove("plate")), Wrong::FieldMissing);
    check(&|it| it["fields"]["plate"]["status"] = "lost".into(), Wrong::Shape);
    let text = written(&bundle);
    assert_eq!(kinds(&glance(&form(), &text.as_bytes()[..text.len() - 9])), [Wrong::Shape]);
    assert_eq!(kinds(&glance(&form(), b"")), [Wrong::Shape]);
}

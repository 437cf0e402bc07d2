//! Nothing leaves unrecorded, and the citizen can read what left.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use engine::demo::Demo;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

use crate::support::{
    Api, CHANGES_AT_FIRST, api, audit, bundle, data_folder, demo, demo_in, eventually, family,
    form, somebody, with,
};

fn accesses(api: Api, matricule: &str, query: &str) -> Value {
    api.mine(matricule, &format!("/v1/me/accesses{query}")).ok()
}

fn ids(list: &Value) -> Vec<String> {
    let usages = list["usages"].as_array().expect("usages").iter();
    usages.map(|usage| usage["disclosure"].as_str().expect("an id").to_owned()).collect()
}

/// Makes so many disclosures about somebody; their ids, newest first.
fn disclose(demo: &Demo, matricule: &str, count: usize) -> Vec<String> {
    let form = form("criminal-record-extract", matricule);
    let one = |_| bundle(api(demo), &form)["disclosure"].as_str().expect("an id").to_owned();
    let mut ids: Vec<String> = (0..count).map(one).collect();
    ids.reverse();
    ids
}

#[test]
fn the_entry_is_readable_before_anything_of_the_bundle_is() {
    let demo = demo();
    let somebody = somebody(demo.country);
    for round in 1..=20 {
        let mut pending = api(&demo).ask("justice", &form("criminal-record-extract", &somebody));
        // Not one byte more has been read of the answer when the list is asked for.
        assert_eq!(pending.first_byte(), b'H');
        let list = accesses(api(&demo), &somebody, "?limit=1");
        assert_eq!(list["totalUsages"], round);
        let bundle = pending.reply().ok();
        assert_eq!(ids(&list), [bundle["disclosure"].as_str().unwrap()]);
    }
}

#[test]
fn a_usage_says_who_read_what_and_why() {
    let demo = demo();
    let somebody = somebody(demo.country);
    let asked =
        with(form("criminal-record-extract", &somebody), json!({"organisation": "justice"}));
    let bundle = api(&demo).ask("demo-platform", &asked).reply().ok();
    let list = accesses(api(&demo), &somebody, "");
    assert_eq!(list["usages"].as_array().map(Vec::len), Some(1));
    assert_eq!((&list["totalUsages"], &list["next"]), (&json!(1), &Value::Null));
    let mut usage = list["usages"][0].clone();
    let logtime = usage["logtime"].take();
    let logtime = logtime.as_str().unwrap();
    assert!(logtime.ends_with('Z') && logtime.as_bytes()[10] == b'T', "{logtime}");
    let filled = bundle["fields"].as_object().unwrap().iter();
    let filled = filled.filter(|(_, field)| field["status"] == "filled").map(|(name, _)| name);
    let mut fields: Vec<_> = usage["fields"].as_array().unwrap().iter().collect();
    fields.sort_by_key(ToString::to_string);
    assert_eq!(json!(fields), json!(filled.collect::<Vec<_>>()));
    usage["fields"].take();
    let mut registers: Vec<_> = usage["registers"].as_array().unwrap().clone();
    registers.sort_by_key(Value::to_string);
    usage["registers"] = registers.into();
    assert_eq!(
        usage,
        json!({
            "logtime": null,
            "action": "Criminal record extract",
            "receiverCode": "justice",
            "receiverName": "Public prosecutor’s office, criminal records",
            "receiverSystem": "demo-platform",
            "disclosure": bundle["disclosure"],
            "procedure": "criminal-record-extract",
            "purpose": "Issue an extract of the criminal record to the person concerned",
            "legalBasis": "Law of 29 March 2013 on the organisation of the criminal record",
            "channel": "front-office",
            "registers": ["caclr", "rnpp"],
            "fields": null,
        })
    );
}

#[test]
fn the_list_is_newest_first_and_pages_without_gap_or_repeat() {
    let demo = demo();
    let somebody = somebody(demo.country);
    let made = disclose(&demo, &somebody, 11);
    assert_eq!(ids(&accesses(api(&demo), &somebody, "")), made);
    for limit in [1, 3, 10, 11, 12] {
        let mut paged = Vec::new();
        let mut query = format!("?limit={limit}");
        loop {
            let page = accesses(api(&demo), &somebody, &query);
            assert_eq!(page["totalUsages"], 11);
            assert!(ids(&page).len() <= limit);
            paged.extend(ids(&page));
            assert!(paged.len() <= made.len(), "it repeats: {paged:?}");
            let Some(next) = page["next"].as_u64() else { break };
            assert_eq!(ids(&page).len(), limit, "a page with a next one is full");
            query = format!("?limit={limit}&before={next}");
        }
        assert_eq!(paged, made, "{limit} at a time");
    }
}

#[test]
fn a_period_names_its_first_and_its_last_day_or_moment() {
    let demo = demo();
    let somebody = somebody(demo.country);
    disclose(&demo, &somebody, 7);
    let all = accesses(api(&demo), &somebody, "");
    let usages = all["usages"].as_array().unwrap();
    let time = |index: usize| usages[index]["logtime"].as_str().unwrap();
    let kept = |keep: &dyn Fn(&str) -> bool| -> Vec<&Value> {
        usages.iter().filter(|usage| keep(usage["logtime"].as_str().unwrap())).collect()
    };
    let moment = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
    let (from, to) = (moment(time(4)), moment(time(1)));
    for (query, expected) in [
        (format!("?from={}", time(4)), kept(&|at| moment(at) >= from)),
        (format!("?to={}", time(1)), kept(&|at| moment(at) < to)),
        (format!("?from={}&to={}", time(4), time(1)), kept(&|at| (from..to).contains(&moment(at)))),
        (format!("?from={}", &time(6)[..10]), kept(&|_| true)),
        (format!("?to={}", &time(0)[..10]), kept(&|_| true)),
        ("?from=2000-01-01&to=2000-12-31".to_owned(), Vec::new()),
        ("?from=9000-01-01".to_owned(), Vec::new()),
    ] {
        let part = accesses(api(&demo), &somebody, &query);
        assert_eq!(part["usages"], json!(expected), "{query}");
        assert_eq!(part["totalUsages"], 7, "{query}");
        assert_eq!(part["next"], Value::Null, "{query}");
    }
    let page = accesses(api(&demo), &somebody, "?from=2000-01-01&limit=3");
    assert_eq!(ids(&page), ids(&all)[..3]);
    let next = page["next"].as_u64().expect("there is more");
    let rest = accesses(api(&demo), &somebody, &format!("?from=2000-01-01&before={next}"));
    assert_eq!(ids(&rest), ids(&all)[3..]);
}

#[test]
fn a_list_can_be_limited_to_whom_it_went_to_and_what_for() {
    let demo = demo();
    let somebody = somebody(demo.country);
    let made = disclose(&demo, &somebody, 3);
    let benefit = bundle(api(&demo), &form("housing-aid", &somebody))["disclosure"].clone();
    api(&demo).mine(&somebody, "/v1/me/data").ok();
    let all = ids(&accesses(api(&demo), &somebody, ""));
    assert_eq!(all.len(), 5);
    let check = |query: &str, expected: &[String]| {
        let list = accesses(api(&demo), &somebody, query);
        assert_eq!(ids(&list), expected, "{query}");
        assert_eq!((&list["totalUsages"], &list["next"]), (&json!(5), &Value::Null), "{query}");
    };
    check("?organisation=justice", &made);
    check("?organisation=justice&procedure=criminal-record-extract&limit=3", &made);
    check("?procedure=housing-aid", &[benefit.as_str().unwrap().to_owned()]);
    check("?organisation=self", &all[..1]);
    check("?organisation=justice&procedure=housing-aid", &[]);
    check("?organisation=nobody", &[]);
    let first = accesses(api(&demo), &somebody, "?organisation=justice&limit=1");
    let next = first["next"].as_u64().expect("there is more");
    disclose(&demo, &somebody, 1);
    let query = format!("?organisation=justice&before={next}");
    assert_eq!(ids(&accesses(api(&demo), &somebody, &query)), made[1..]);
}

#[test]
fn nobody_sees_another_ones_list() {
    let demo = demo();
    let somebody = somebody(demo.country);
    disclose(&demo, &somebody, 3);
    let other = demo.country.people().find(|it| it.matricule().to_string() != somebody);
    let other = other.unwrap().matricule().to_string();
    let nothing = json!({"totalUsages": 0, "usages": [], "next": null});
    assert_eq!(accesses(api(&demo), &other, ""), nothing);
    assert_eq!(accesses(api(&demo), &other, "?before=1000&limit=500"), nothing);
}

#[test]
fn a_parents_procedure_stands_in_the_childs_list_too() {
    let demo = demo();
    let (parent, child) = family(demo.country);
    let subjects = json!({"subjects": {"applicant": parent, "child": child}});
    let bundle = bundle(api(&demo), &with(form("parental-leave", &parent), subjects));
    let of_parent = accesses(api(&demo), &parent, "");
    assert_eq!(ids(&of_parent), [bundle["disclosure"].as_str().unwrap()]);
    let of_child = accesses(api(&demo), &child, "");
    assert_eq!(ids(&of_child), ids(&of_parent));
    assert_ne!(of_child["usages"][0]["fields"], of_parent["usages"][0]["fields"]);
}

#[test]
fn the_list_is_the_same_after_a_restart_and_the_ledger_holds() {
    let data = data_folder();
    let before = demo_in(data.path());
    let somebody = somebody(before.country);
    let made = disclose(&before, &somebody, 5);
    api(&before).prefer(&somebody, "rnpp", false).ok();
    let list = accesses(api(&before), &somebody, "");
    assert_eq!(ids(&list), made);
    let report = audit(data.path());
    let changes = CHANGES_AT_FIRST + 1;
    assert_eq!((report.disclosures, report.changes, report.denials), (5, changes, 0));
    drop(before);
    let after = demo_in(data.path());
    assert_eq!(accesses(api(&after), &somebody, ""), list);
    assert_eq!(audit(data.path()).disclosures, 5);
    disclose(&after, &somebody, 1);
    assert_eq!(accesses(api(&after), &somebody, "")["totalUsages"], 6);
}

/// Every one of two citizens' accesses stands in the index for the other as well, and one that
/// never was.
#[test]
fn wrong_rows_of_the_index_show_nobody_anything_and_are_gone_without_a_restart() {
    const WRONG: &str = "INSERT OR IGNORE INTO usage SELECT DISTINCT one.subject, other.sequence
        FROM usage one, usage other WHERE one.subject >= 0 AND other.subject >= 0;
        INSERT INTO usage SELECT DISTINCT subject, 1000000 FROM usage";
    let data = data_folder();
    let demo = demo_in(data.path());
    let mine = somebody(demo.country);
    let theirs = family(demo.country).0;
    assert_ne!(mine, theirs);
    let (made, other) = (disclose(&demo, &mine, 3), disclose(&demo, &theirs, 2));
    let file = data.path().join("index.db");
    let rows = || -> i64 {
        // It must not be this test that makes the file.
        let index = Connection::open_with_flags(&file, OpenFlags::SQLITE_OPEN_READ_ONLY);
        let all = "SELECT count(*) FROM usage WHERE subject >= 0";
        index.and_then(|it| it.query_row(all, [], |row| row.get(0))).unwrap_or(0)
    };
    eventually("all five are indexed", || rows() == 5);
    let index = Connection::open(&file).expect("an index");
    let old = fs::metadata(&file).expect("a file").ino();
    index.execute_batch(WRONG).expect("it is written");
    assert_eq!(rows(), 12);
    for (citizen, made) in [(&mine, &made), (&theirs, &other)] {
        let list = accesses(api(&demo), citizen, "");
        assert_eq!(&ids(&list), made);
        assert_eq!(list["totalUsages"], made.len());
        let export = api(&demo).mine(citizen, "/v1/me/export").ok();
        assert!(export.to_string().contains(&made[0]), "{export}");
    }
    // The old file is still open, so that its number is no other's.
    eventually("it is made anew", || fs::metadata(&file).is_ok_and(|it| it.ino() != old));
    drop(index);
    eventually("all five are indexed again", || rows() == 5);
    assert_eq!(ids(&accesses(api(&demo), &mine, "")), made);
}

#[test]
fn many_at_once_are_all_listed_once() {
    let demo = demo();
    let somebody = somebody(demo.country);
    let form = form("criminal-record-extract", &somebody);
    let asked: Vec<_> = (0..64).map(|_| api(&demo).ask("justice", &form)).collect();
    let mut made: Vec<String> = asked
        .into_iter()
        .map(|pending| pending.reply().ok()["disclosure"].as_str().unwrap().to_owned())
        .collect();
    let mut listed = ids(&accesses(api(&demo), &somebody, "?limit=500"));
    made.sort();
    listed.sort();
    assert_eq!(listed, made);
}

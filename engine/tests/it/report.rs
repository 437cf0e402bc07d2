//! What is told of uses, and that nobody can be told from it.

use std::fmt::Display;
use std::path::Path;
use std::process::{Command, Output};

use engine::clock::{Civil, date};
use serde_json::{Value, json};

use crate::support::{api, bundle, data_folder, demo_in, form, somebody};

fn report(data: &Path, from: impl Display + Copy, to: i16, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
    command.env_remove("RUST_LOG").arg("report").arg("--data").arg(data);
    command.args(["--from", &from.to_string(), "--to", &to.to_string()]).args(more);
    command.output().expect("the engine runs")
}

fn told(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn this_year() -> i16 {
    date(Civil::system().now()).year()
}

#[test]
fn a_report_counts_uses_and_tells_no_number_below_ten() {
    let data = data_folder();
    let year = this_year();
    let demo = demo_in(data.path());
    let somebody = somebody(demo.country);
    let often = form("criminal-record-extract", &somebody);
    let rarely = form("tax-card-change", &somebody);
    (0..12).for_each(|_| drop(bundle(api(&demo), &often)));
    (0..9).for_each(|_| drop(bundle(api(&demo), &rarely)));
    // The engine runs on.
    let text = told(&report(data.path(), year - 1, year, &["--json"]));
    let found: Value = serde_json::from_str(&text).unwrap();
    let row = json!({"organisation": "justice", "procedure": "criminal-record-extract",
        "disclosures": 10, "registers": {"rnpp": 10, "caclr": 10}});
    assert_eq!(found["schema"], "prefill-report/1");
    assert_eq!(found["years"][0]["year"], year - 1);
    assert_eq!(found["years"][0]["uses"], json!([]));
    assert_eq!(
        (&found["years"][0]["over"], &found["years"][1]["over"]),
        (&json!(true), &json!(false))
    );
    let now = &found["years"][1];
    assert_eq!(now["uses"], json!([row]));
    assert_eq!(now["procedures"], json!({"criminal-record-extract": 10}));
    assert_eq!(now["organisations"], json!({"justice": 10}));
    // Both forms together: 12 and 9.
    assert_eq!(now["registers"]["rnpp"], 20);
    assert!(!text.contains("tax-card-change") && !text.contains(&somebody), "{text}");

    drop(bundle(api(&demo), &rarely));
    let text = told(&report(data.path(), year, year, &[]));
    assert!(text.contains("| tax-card-change | 10 |"), "{text}");
    assert!(
        text.contains("| justice | criminal-record-extract | 10 | caclr 10, rnpp 10 |"),
        "{text}"
    );
    assert!(text.contains(&format!("## {year}, which is not over")), "{text}");
}

#[test]
fn what_may_be_told_of_registers_alone_stands_in_both_forms() {
    let data = data_folder();
    let year = this_year();
    let demo = demo_in(data.path());
    let somebody = somebody(demo.country);
    // Six and six: no form was used ten times, and the register of both twelve times.
    for procedure in ["criminal-record-extract", "plate-reservation"] {
        let form = form(procedure, &somebody);
        (0..6).for_each(|_| drop(bundle(api(&demo), &form)));
    }
    let found: Value =
        serde_json::from_str(&told(&report(data.path(), year, year, &["--json"]))).unwrap();
    assert_eq!(found["years"][0]["registers"]["rnpp"], 10);
    assert_eq!(found["years"][0]["procedures"], json!({}));
    let text = told(&report(data.path(), year, year, &[]));
    assert!(text.contains("| rnpp | 10 |") && !text.contains("Nothing that may"), "{text}");
    // No head stands over nothing.
    assert!(!text.contains("Procedure"), "{text}");
}

#[test]
fn years_that_make_no_sense_are_refused_and_said() {
    let data = data_folder();
    drop(demo_in(data.path()));
    let year = this_year();
    let refused = |from: i16, to: i16, code, said: &str| {
        let output = report(data.path(), from, to, &[]);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains(said), "{told}");
    };
    refused(year, year - 1, 2, "--from comes before --to");
    refused(year, year + 1, 2, "has not begun");
    refused(12, year, 2, "no ledger is so old");
    let day = report(data.path(), "2026-01-01", year, &[]);
    let told = String::from_utf8_lossy(&day.stderr);
    assert_eq!(day.status.code(), Some(2), "{told}");
    assert!(told.contains("it must be a year, such as 2026"), "{told}");
    let nowhere = report(&data.path().join("nowhere"), year, year, &[]);
    assert_eq!(nowhere.status.code(), Some(3));
    let told = String::from_utf8_lossy(&nowhere.stderr);
    assert_eq!(told.matches("unable to open").count(), 1, "{told}");
}

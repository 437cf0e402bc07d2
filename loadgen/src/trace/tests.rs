//! What is written is read again as it was, and what is no line is named.

use jiff::civil::Date;

use super::*;
use crate::schedule::{People, Profile, Year};

fn year(seed: u64) -> (Arc<Year>, Vec<String>) {
    let mut profile = Profile::invented();
    profile.submissions = 300;
    let names: Vec<String> = profile.procedures.keys().cloned().collect();
    let names: Vec<_> = names.into_iter().filter(|name| name != "others").collect();
    let shares = profile.shares(&names).expect("all are offered");
    let names = shares.iter().map(|(name, _)| name.clone()).collect();
    let (start, population) = (Date::constant(2026, 1, 1), 4_000);
    let people = People::Uniform;
    (Arc::new(Year { profile, shares, start, years: 1, population, people, seed }), names)
}

fn written(seed: u64) -> Vec<u8> {
    let (year, names) = year(seed);
    let mut bytes = Vec::new();
    write(&mut bytes, year.start.at(0, 0, 0, 0), &names, year.visits()).expect("memory");
    bytes
}

fn file(text: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(text).expect("room");
    file
}

#[test]
fn one_seed_writes_the_same_bytes_and_another_others() {
    assert_eq!(written(5), written(5));
    assert_ne!(written(5), written(6));
}

#[test]
fn a_replay_has_the_order_and_the_gaps_of_what_was_written() {
    let (year, names) = year(7);
    let file = file(&written(7));
    let trace = Trace::open(file.path()).expect("a trace");
    let before: Vec<_> = year.visits().collect();
    let after: Vec<_> = trace.visits().collect();
    assert_eq!((trace.len(), after.len()), (before.len() as u64, before.len()));
    assert!(before.len() > 500);
    let first = before[0].at;
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.at - first, after.at);
        assert_eq!(
            (before.kind, before.subject, before.case),
            (after.kind, after.subject, after.case)
        );
        if before.kind.is_of_form() {
            let name = &trace.procedures()[usize::from(after.procedure)];
            assert_eq!(names[usize::from(before.procedure)], *name);
        }
    }
}

#[test]
fn csv_is_read_as_json_lines_are() {
    let csv = file(
        b"at,kind,procedure,subject,case\n2026-01-01T08:00:00,open,moving,3,9\n\
          2026-01-01T08:00:01.5,accesses,,4,\n",
    );
    let json = file(
        b"{\"at\":\"2026-01-01T08:00:00\",\"kind\":\"open\",\"procedure\":\"moving\",\"subject\":3,\"case\":9}\n\n\
          {\"at\":\"2026-01-01T08:00:01.5\",\"kind\":\"accesses\",\"subject\":4}\n",
    );
    let visits = |file: &tempfile::NamedTempFile| -> Vec<_> {
        Trace::open(file.path()).expect("a trace").visits().collect()
    };
    assert_eq!(visits(&csv), visits(&json));
    assert_eq!(visits(&csv)[1].at, Duration::from_millis(1_500));
}

#[test]
fn a_trace_of_another_service_has_no_kinds_and_names_each_request() {
    let json = file(b"{\"at\":\"2026-01-01T08:00:00\",\"procedure\":\"search\",\"subject\":3}\n");
    let csv = file(b"at,kind,procedure,subject,case\n2026-01-01T08:00:00,,search,3,\n");
    for file in [json, csv] {
        let trace = Trace::open(file.path()).expect("a trace");
        assert!(trace.check_named().is_ok());
        assert_eq!(trace.visits().next().map(|visit| visit.kind), Some(Kind::Open));
    }
    let nameless = file(
        b"at,kind,procedure,subject,case\n2026-01-01T08:00:00,,search,3,\n\
          2026-01-01T08:00:01,accesses,,3,\n2026-01-01T08:00:02,accesses,,3,\n",
    );
    let trace = Trace::open(nameless.path()).expect("a trace");
    let said = trace.check_named().expect_err("no name").to_string();
    assert!(said.contains("line 3: it names no procedure"), "{said}");
}

/// What other systems log: moments in UTC or with an offset, pseudonyms, and
/// lines that name nobody.
#[test]
fn a_log_of_another_system_is_a_trace() {
    let json = file(
        b"{\"at\":\"2026-03-02T08:15:02Z\",\"procedure\":\"a\",\"subject\":\"u-81f\",\"case\":\"c1\"}\n\
          {\"at\":\"2026-03-02T09:15:03.5+01:00\",\"procedure\":\"a\",\"subject\":\"u-81f\"}\n\
          {\"at\":\"2026-03-02T08:15:04Z\",\"procedure\":\"a\",\"case\":\"c2\"}\n\
          {\"at\":\"2026-03-02T08:15:05Z\",\"procedure\":\"a\",\"subject\":null,\"case\":\"c2\"}\n\
          {\"at\":\"2026-03-02T08:15:06Z\",\"procedure\":\"a\",\"subject\":\"17\"}\n\
          {\"at\":\"2026-03-02T08:15:07Z\",\"procedure\":\"a\"}\n\
          {\"at\":\"2026-03-02T08:15:08Z\",\"procedure\":\"a\"}\n",
    );
    let csv = file(
        b"at,kind,procedure,subject,case\n2026-03-02T08:15:02Z,,a,u-81f,c1\n\
          2026-03-02T09:15:03.5+01:00,,a,u-81f,\n2026-03-02T08:15:04Z,,a,,c2\n\
          2026-03-02T08:15:05Z,,a,,c2\n2026-03-02T08:15:06Z,,a,17,\n",
    );
    let visits = |file: &tempfile::NamedTempFile| -> Vec<_> {
        Trace::open(file.path()).expect("a trace").visits().collect()
    };
    let (json, csv) = (visits(&json), visits(&csv));
    assert_eq!(json[..4], csv[..4]);
    assert_eq!(json[1].at, Duration::from_millis(1_500));
    let subjects: Vec<_> = json.iter().map(|visit| visit.subject).collect();
    assert_eq!((subjects[0], subjects[2]), (subjects[1], subjects[3]));
    assert_eq!((subjects[4], json[2].case), (17, json[3].case));
    let different: HashSet<_> = subjects.iter().collect();
    assert_eq!(different.len(), 5, "{subjects:?}");
}

/// A session of a log before somebody logs in, and after they have logged out.
#[test]
fn a_case_is_one_persons_whichever_of_its_lines_names_them() {
    let file = file(
        b"at,kind,procedure,subject,case\n2026-03-02T08:15:02Z,,a,,c1\n\
          2026-03-02T08:15:03Z,,a,u-1,c1\n2026-03-02T08:15:04Z,,a,,c1\n\
          2026-03-02T08:15:05Z,,a,u-2,c2\n2026-03-02T08:15:06Z,,a,,c3\n",
    );
    let visits: Vec<_> = Trace::open(file.path()).expect("a trace").visits().collect();
    let subjects: Vec<_> = visits.iter().map(|visit| visit.subject).collect();
    assert_eq!([subjects[0], subjects[2]], [subjects[1]; 2]);
    assert!(![subjects[1], subjects[3]].contains(&subjects[4]) && subjects[1] != subjects[3]);
}

#[test]
fn a_name_is_the_same_one_in_both_formats() {
    let json = |name: &str| {
        format!("{{\"at\":\"2026-03-02T08:15:02Z\",\"procedure\":\"a\",\"subject\":{name}}}\n")
    };
    let subjects = |text: String| -> Vec<_> {
        let file = file(text.as_bytes());
        let trace = Trace::open(file.path()).expect("a trace");
        trace.visits().map(|visit| visit.subject).collect()
    };
    for (json_name, csv_name) in [("-3", "-3"), ("\"-3\"", "-3"), ("17", "17"), ("\" x \"", "x")] {
        let csv = format!("{HEADER}\n2026-03-02T08:15:02Z,,a,{csv_name},\n");
        assert_eq!(subjects(json(json_name)), subjects(csv), "{json_name}");
    }
    for nobody in ["\"\"", "\" \"", "null"] {
        let two = subjects(json(nobody).repeat(2));
        assert_ne!(two[0], two[1], "{nobody} is a person");
    }
}

#[test]
fn a_time_that_was_told_with_an_offset_is_named_as_one_in_utc() {
    let file = file(
        b"at,kind,procedure,subject,case\n2026-03-02T08:15:02Z,,a,,\n\
          2026-03-02T09:15:01+01:00,,a,,\n",
    );
    let said = Trace::open(file.path()).expect_err("no order").to_string();
    assert!(said.contains("line 3: 2026-03-02T08:15:01Z (in UTC) is before"), "{said}");
}

#[test]
fn who_is_named_by_nobody_is_drawn_evenly() {
    let lines: Vec<_> = (0..20_000)
        .map(|line| format!("2026-03-02T08:15:02Z,,a,,{}\n", if line % 2 == 0 { "" } else { "x" }))
        .collect();
    let file = file(format!("{HEADER}\n{}", lines.concat()).as_bytes());
    let mut seen = [0_u32; 100];
    for visit in Trace::open(file.path()).expect("a trace").visits().step_by(2) {
        seen[(visit.subject % 100) as usize] += 1;
    }
    // A hundred each, ten to the standard deviation.
    assert!(seen.iter().all(|count| (55..150).contains(count)), "{seen:?}");
}

#[test]
fn a_line_that_is_none_is_named_with_what_is_wrong() {
    const GOOD: &str =
        r#"{"at":"2026-01-01T08:00:00","kind":"open","procedure":"moving","subject":3}"#;
    for (line, says) in [
        ("hello", "line 2: expected value"),
        (r#"{"at":"yesterday","kind":"accesses","subject":3}"#, "line 2: `yesterday` is no time"),
        (r#"{"at":"2026-01-01T09:00:00","kind":"walk","subject":3}"#, "line 2: no kind `walk`"),
        (r#"{"at":"2026-01-01T09:00:00","kind":"open","subject":3}"#, "names its procedure"),
        (r#"{"at":"2026-01-01T07:00:00","kind":"accesses","subject":3}"#, "before the line above"),
        (
            r#"{"at":"2026-01-01T09:00:00","kind":"accesses","case":1.5}"#,
            "line 2: invalid type: floating point `1.5`, expected a whole number",
        ),
        (r#"{"kind":"accesses","subject":3}"#, "line 2: missing field `at`"),
        (r#"{"at":"2026-01-01T09:00:00Z","kind":"accesses"}"#, "line 2: its time has no offset"),
        (r#"{"at":"2026-01-01T09:00:00","kind":"accesses","subject":3,"x":1}"#, "unknown field"),
    ] {
        let file = file(format!("{GOOD}\n{line}\n").as_bytes());
        let said = Trace::open(file.path()).expect_err(line).to_string();
        assert!(said.contains(says), "{line}: {said}");
    }
    for (text, says) in [
        (&b""[..], "it has no visit"),
        (b"\xff\n", "line 1: it is not UTF-8"),
        (b"at,kind,procedure,subject,case\n1,2\n", "line 2: 2 fields instead of five"),
        (b"at,kind,procedure,subject,case\n2026-13-01T00:00,open,moving,x,\n", "`2026-13-01T00"),
    ] {
        let file = file(text);
        let said = Trace::open(file.path()).expect_err("no trace").to_string();
        assert!(said.contains(says), "{said}");
    }
    let long = file(&vec![b'x'; LINE_BYTES_MAX + 10]);
    assert!(Trace::open(long.path()).expect_err("no trace").to_string().contains("too long"));
}

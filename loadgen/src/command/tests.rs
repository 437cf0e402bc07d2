//! What the arguments mean.

use clap::CommandFactory as _;

use super::*;

#[test]
fn the_arguments_do_not_contradict_each_other() {
    Arguments::command().debug_assert();
}

#[test]
fn durations_need_a_unit() {
    for (text, expected) in [
        ("500ms", Some(500)),
        ("10s", Some(10_000)),
        ("2m", Some(120_000)),
        ("1h", Some(3_600_000)),
        ("10", None),
        ("0s", None),
        ("s", None),
        ("-1s", None),
        ("1.5s", None),
        ("99999999999s", None),
        ("", None),
    ] {
        assert_eq!(duration(text).ok(), expected.map(Duration::from_millis), "{text}");
    }
}

#[test]
fn a_target_is_a_scheme_and_a_host_without_a_path() {
    for (text, expected) in [
        ("http://127.0.0.1:8080", Some("http://127.0.0.1:8080")),
        ("http://localhost/", Some("http://localhost:80")),
        ("http://[::1]:8080", Some("http://[::1]:8080")),
        ("https://127.0.0.1:8443", Some("https://127.0.0.1:8443")),
        ("https://name", Some("https://name:443")),
        ("https://me:secret@name", None),
        ("ftp://127.0.0.1:8080", None),
        ("127.0.0.1:8080", None),
        ("http://127.0.0.1:8080/v1", None),
        ("http://127.0.0.1:8080/?a=b", None),
        ("", None),
    ] {
        let seen = text.parse::<Target>().ok().map(|target| target.to_string());
        assert_eq!(seen.as_deref(), expected, "{text}");
    }
}

#[test]
fn subjects_are_a_number_or_all() {
    assert_eq!("all".parse(), Ok(Subjects::All));
    assert_eq!("7".parse(), Ok(Subjects::Some(7)));
    assert!(["0", "", "-1", "many"].iter().all(|text| text.parse::<Subjects>().is_err()));
}

#[test]
fn all_procedures_are_those_that_are_prefilled() {
    let row = |id: &str, prefilled| Row { id: id.into(), prefilled };
    let rows = [row("one", true), row("two", false), row("three", true)];
    let names = |named: &[&str]| {
        let named: Vec<_> = named.iter().map(|name| (*name).to_owned()).collect();
        wanted(&rows, &named).map_err(|failure| match failure {
            Failure::Usage(text) => text,
            Failure::Void(text) => panic!("{text}"),
        })
    };
    assert_eq!(names(&["all"]).unwrap(), ["one", "three"]);
    assert_eq!(names(&["three"]).unwrap(), ["three"]);
    let by_hand = "--procedures: `two` is not prefilled: citizens fill all of it by hand";
    assert_eq!(names(&["one", "two"]).unwrap_err(), by_hand);
    let unknown = "--procedures: no `four` there; there is one, three";
    assert_eq!(names(&["four"]).unwrap_err(), unknown);
}

/// What `run` with these arguments says of its loop.
fn law(arguments: &[&str]) -> String {
    let arguments = ["loadgen", "run"].iter().chain(arguments);
    match Arguments::try_parse_from(arguments).expect("arguments").command {
        Command::Run(options) => heading(&options, String::new()).law,
        other => panic!("{other:?}"),
    }
}

#[test]
fn runs_that_were_asked_otherwise_say_so_in_their_loop() {
    let usual = law(&[]);
    assert!(usual.starts_with("closed: over ") && usual.ends_with(", for 10s"), "{usual}");
    for (other, says) in [
        (&["--connections", "3"][..], "over 3 connections, each sends"),
        (&["--connections", "3", "--http2", "--streams", "5"], "over 3 connections of 5 streams,"),
        (&["--duration", "2m"], ", for 120s"),
        (&["--requests", "7"], ", for 10s, at most 7 requests"),
        (&["--compare-every", "9"], ", for 10s, one answer in 9 compared"),
    ] {
        let other = law(other);
        assert!(other != usual && other.contains(says), "{other}");
    }
    // A rate is sent whatever it is sent over.
    assert_eq!(law(&["--rate", "9/s", "--connections", "3"]), law(&["--rate", "9/s"]));
}

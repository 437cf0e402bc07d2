//! A service that has nothing to do with forms, asked from a template.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::tell::file;
use crate::{expect, expect_held};

/// A shop: it takes orders with a token, and says what it took.
struct Shop {
    address: SocketAddr,
    /// How often each was asked for.
    asked: Arc<Mutex<BTreeMap<String, u64>>>,
}

impl Shop {
    /// `forgets`: the answer is about another order from this number on.
    fn open(forgets: u64) -> Shop {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let asked = Arc::new(Mutex::new(BTreeMap::new()));
        let counted = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let counted = counted.clone();
                std::thread::spawn(move || serve(stream, forgets, &counted));
            }
        });
        Shop { address, asked }
    }

    fn run(&self, more: &[&str]) -> Command {
        self.command("run", &[&["--requests", "400"], more].concat())
    }

    fn command(&self, what: &str, more: &[&str]) -> Command {
        let mut command = loadgen(what, &["--target", &format!("http://{}", self.address)]);
        command.args(["--connections", "3"]).args(more);
        command
    }

    /// How often orders were placed and looked at.
    fn asked(&self) -> (u64, u64) {
        let asked = self.asked.lock().expect("no panic under it");
        let of = |kind| asked.get(kind).copied().unwrap_or(0);
        (of("POST  orders"), of("GET  orders"))
    }
}

fn loadgen(what: &str, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadgen"));
    let template = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/template.toml");
    command.args([what, "--template", template, "--population", "400"]).args(more);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn serve(stream: TcpStream, forgets: u64, asked: &Mutex<BTreeMap<String, u64>>) {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut line, mut length, mut token) = (String::new(), 0, String::new());
        if reader.read_line(&mut line).is_ok_and(|read| read == 0) {
            return;
        }
        loop {
            let mut header = String::new();
            if reader.read_line(&mut header).is_err() || header.trim().is_empty() {
                break;
            }
            let (name, value) = header.split_once(':').expect("a header");
            match name {
                "content-length" => length = value.trim().parse().expect("a length"),
                "authorization" => token = value.trim().to_owned(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a body");
        let (status, said) = answer(&line, &token, &body, forgets);
        let kind = line.split(['?', ' ', '/']).take(3).collect::<Vec<_>>().join(" ");
        *asked.lock().expect("no panic under it").entry(kind).or_default() += 1;
        let length = said.len();
        let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\n\r\n{said}");
        if reader.get_mut().write_all(head.as_bytes()).is_err() {
            return;
        }
    }
}

fn answer(line: &str, token: &str, body: &[u8], forgets: u64) -> (u16, String) {
    let path = line.split(' ').nth(1).expect("a path");
    if line.starts_with("GET /orders ") {
        return (200, "none of your business".into());
    }
    let id = path.strip_prefix("/orders/").and_then(|it| it.split('?').next());
    let order: Result<Value, _> = serde_json::from_slice(body);
    let (Some(id), Ok(order)) = (id, order) else { return (400, "no order".into()) };
    let colour = order["colour"].as_str().expect("a colour");
    let right = match colour {
        "blue" => "Bearer first-token",
        _ => "Bearer second-token",
    };
    let is_person = order["who"].as_str().is_some_and(|who| who.len() == 13);
    if token != right || !is_person {
        return (403, "who are you?".into());
    }
    let number = order["n"].as_u64().expect("a number");
    let id = if number >= forgets { "another" } else { id };
    (201, json!({"order": {"id": id, "open": true}, "said": "thanks"}).to_string())
}

#[test]
fn any_service_is_asked_from_a_template_and_its_answers_held_against_it() {
    let shop = Shop::open(u64::MAX);
    let parts = ["2 requests of", "statuses   200 100, 201 300", "holds: 400 answers, each as"];
    expect(shop.run(&[]), 0, &parts);
    // Nothing but what the template says was asked for.
    assert_eq!(shop.asked(), (300, 100));
}

#[test]
fn a_year_and_its_trace_are_driven_from_a_template() {
    let shop = Shop::open(u64::MAX);
    let few = ["--set", "submissions=200"];
    let year = shop.command("year", &[&few[..], &["--in", "400ms"]].concat());
    expect_held(year, &["2 requests of", "errors     none", "wrong      none"]);
    let (placed, looked) = shop.asked();
    // Opened 1.6 times for each submission, and 0.5 times again; three in four
    // are orders.
    assert!((330..510).contains(&(placed + looked)), "{placed} {looked}");
    assert!(placed > 2 * looked && looked > 50, "{placed} {looked}");
    for ignored in ["procedures.look=3", "per-submission.my-data=1", "back-office.by-law=[]"] {
        let year = shop.command("year", &["--set", ignored, "--in", "400ms"]);
        expect(year, 2, &[ignored, "opens and resumes requests and nothing else"]);
        expect(loadgen("trace", &["--set", ignored]), 2, &["and nothing else"]);
    }
    let trace = file("orders.jsonl");
    let visits = format!("{} visits in ", placed + looked);
    expect(loadgen("trace", &[&few[..], &["--out", &trace]].concat()), 0, &[&visits]);
    expect_held(shop.command("replay", &[&trace, "--in", "400ms"]), &["wrong      none"]);
    assert_eq!(shop.asked(), (2 * placed, 2 * looked));
}

#[test]
fn a_trace_that_a_template_has_no_request_for_is_usage_and_nothing_is_sent() {
    let shop = Shop::open(0);
    let trace = file("unnamed.csv");
    for (line, says) in [
        ("2026-01-01T08:00:00,,refund,3,", "it has no [[request]] of the name `refund`"),
        ("2026-01-01T08:00:00,accesses,,3,", "unnamed.csv, line 2: it names no procedure"),
    ] {
        std::fs::write(&trace, format!("at,kind,procedure,subject,case\n{line}\n")).expect("room");
        expect(shop.command("replay", &[&trace, "--speed", "1x"]), 2, &[says]);
    }
    assert_eq!(shop.asked(), (0, 0));
}

#[test]
fn an_answer_other_than_the_template_says_is_counted_and_explained() {
    let shop = Shop::open(396);
    let parts = [
        "JSON other than the template says 3\n",
        "request 396: place an order: JSON other than the template says: /order/id: another value",
        "3 wrong answers",
    ];
    let said = expect(shop.run(&[]), 3, &parts);
    assert!(!said.contains("is the target's country"), "{said}");
}

#[test]
fn a_template_is_driven_at_a_rate_with_levels_by_request() {
    let shop = Shop::open(u64::MAX);
    let more = ["--rate", "400/s", "--slo", "p50[look] < 10s", "--quiet"];
    expect_held(shop.run(&more), &[]);
    let unknown = ["--rate", "400/s", "--slo", "p50[else] < 10s"];
    expect(shop.run(&unknown), 2, &["no `else` is asked for; there is place an order, look"]);
}

#[test]
fn a_template_that_cannot_be_used_is_usage_with_its_place() {
    let shop = Shop::open(0);
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "[[request]]\npath = '/{{wrong}}'\n").expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadgen"));
    command.args(["run", "--target", &format!("http://{}", shop.address), "--template"]);
    command.arg(file.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    expect(command, 2, &["line 2, column 10: no placeholder `wrong`"]);
    expect(shop.run(&["--procedures", "x"]), 2, &["--procedures"]);
    assert!(shop.asked.lock().expect("no panic under it").is_empty());
}

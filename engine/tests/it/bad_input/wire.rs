//! Bad input below the meaning of a request: bodies, methods, paths, queries.

use serde_json::{Map, Value, json};

use super::{
    MALFORMED, NO_AUTHORITY, NO_SUCH_METHOD, NOT_FOUND, Refusing, TOO_LARGE, UNAUTHENTICATED,
    check, invalid_value, problem,
};
use crate::support::{CHANGES_AT_FIRST, audit, with};

#[test]
fn a_body_that_is_not_the_apis_json_is_malformed() {
    let it = Refusing::start();
    let good = it.form().to_string();
    let open = &good[..good.len() - 1];
    let (role, matricule) = ("\"applicant\":", &it.matricule);
    let twice = good.replace(role, &format!("{role}\"{matricule}\",{role}"));
    assert_ne!(twice, good);
    let subjects = format!("{{{role}\"{matricule}\"}}");
    let presence = format!("\"demo-person-{matricule}\"");
    for body in [
        "",
        "null",
        "[]",
        "\"text\"",
        "{}",
        "not JSON",
        open,
        &format!("{good}{good}"),
        &format!("{open},\"height\":180}}"),
        &format!("{open},\"Procedure\":\"criminal-record-extract\"}}"),
        &format!("{open},\"procedure\":\"criminal-record-extract\"}}"),
        &format!("{open},\"deadlineMs\":800,\"deadlineMs\":800}}"),
        &format!("{open},\"deadlineMs\":-1}}"),
        &format!("{open},\"deadlineMs\":1.5}}"),
        &format!("{open},\"deadlineMs\":\"800\"}}"),
        &format!("{open},\"channel\":{{\"front-office\":null}}}}"),
        &format!("{open},\"fields\":\"familyName\"}}"),
        &format!("{open},\"{}\":1}}", "x".repeat(60_000)),
        &twice,
        // The members' values in their order.
        &format!("[\"criminal-record-extract\",{subjects},\"front-office\",{presence}]"),
        &format!(" \n[\"criminal-record-extract\",{subjects},\"front-office\",{presence}]"),
        &good.replace(&subjects, &format!("[[\"applicant\",\"{matricule}\"]]")),
    ] {
        let what = body.chars().take(400).collect::<String>();
        it.refuses_body(&what, body.as_bytes(), &MALFORMED);
    }
    it.refuses_body("not UTF-8", b"{\"procedure\":\"\xff\"}", &MALFORMED);
    it.and_works_on();
}

#[test]
fn more_roles_than_any_procedure_has_are_not_read() {
    let it = Refusing::start();
    let roles = |count: usize| {
        let roles = (0..count).map(|role| (format!("r{role}"), it.matricule.clone().into()));
        let subjects: Map<String, Value> = roles.collect();
        with(it.form(), json!({"subjects": subjects}))
    };
    for count in [5, 1_000] {
        let reply = it.api().ask("justice", &roles(count)).reply();
        check(&format!("{count} roles"), &reply, &MALFORMED);
        assert!(reply.text().contains("at most 4 roles"), "{}", reply.text());
    }
    it.refuses("4 roles", "justice", &roles(4), &invalid_value("subjects.r0"));
    let spaced = format!(" \t\r\n{}", it.form());
    it.refuses_body("4 spaces and a word", b" \t\r\ntrue", &MALFORMED);
    let sent = it.api().send("POST", "/v1/prefill", Some("demo-org-acd"), spaced.as_bytes());
    check("4 spaces and a form", &sent.reply(), &NO_AUTHORITY);
    it.and_works_on();
}

#[test]
fn a_body_of_nobody_known_is_not_read() {
    let it = Refusing::start();
    for body in [&b"{"[..], b"", b"[]", &[b' '; 100_000]] {
        let sent = it.api().send("POST", "/v1/prefill", Some("demo-org-nobody"), body);
        check(&format!("{} bytes", body.len()), &sent.reply(), &UNAUTHENTICATED);
    }
    it.and_works_on();
}

#[test]
fn a_body_that_is_too_large_or_too_deep_is_not_read_to_its_end() {
    let it = Refusing::start();
    let padded = |length: usize| {
        let mut body = it.form().to_string();
        let end = body.pop().expect("a brace");
        body.push_str(&" ".repeat(length - body.len() - 1));
        body.push(end);
        body
    };
    let largest =
        it.api().send("POST", "/v1/prefill", Some("demo-org-acd"), padded(64 * 1024).as_bytes());
    check("64 KiB", &largest.reply(), &NO_AUTHORITY);
    it.refuses_body("64 KiB and one byte", padded(64 * 1024 + 1).as_bytes(), &TOO_LARGE);
    it.refuses_body("a megabyte", padded(1024 * 1024).as_bytes(), &TOO_LARGE);
    let deep = "[".repeat(100_000);
    it.refuses_body("100,000 deep", deep.as_bytes(), &TOO_LARGE);
    it.refuses_body("60,000 deep", &deep.as_bytes()[..60_000], &MALFORMED);
    let nested = format!("{{\"fields\":{}", &deep[..60_000]);
    it.refuses_body("60,000 deep in a member", nested.as_bytes(), &MALFORMED);
    let chunk = format!("{:x}\r\n{}\r\n", 70_000, " ".repeat(70_000));
    let chunked = "POST /v1/prefill HTTP/1.1\r\nhost: it\r\nconnection: close\r\n\
        authorization: Bearer demo-org-justice\r\ntransfer-encoding: chunked\r\n\r\n";
    let reply = it.api().raw(format!("{chunked}{chunk}0\r\n\r\n").as_bytes()).reply();
    check("in chunks", &reply, &TOO_LARGE);
    it.and_works_on();
}

#[test]
fn a_change_of_consent_is_read_as_strictly() {
    let it = Refusing::start();
    let token = format!("demo-person-{}", it.matricule);
    let put = |register: &str, body: &[u8]| {
        let target = format!("/v1/me/consents/preferences/{register}");
        it.api().send("PUT", &target, Some(&token), body).reply()
    };
    for body in [
        "",
        "{}",
        "false",
        "{\"allow\":\"no\"}",
        "{\"allow\":null}",
        "{\"allow\":0}",
        "[false]",
        "{\"allow\":false,\"allow\":false}",
        "{\"allow\":false,\"register\":\"rnpp\"}",
    ] {
        check(body, &put("rnpp", body.as_bytes()), &MALFORMED);
    }
    check("too large", &put("rnpp", " ".repeat(70_000).as_bytes()), &TOO_LARGE);
    for register in ["police", "", "RNPP", "%72npp"] {
        check(register, &put(register, b"{\"allow\":false}"), &NOT_FOUND);
    }
    assert_eq!(audit(it.data.path()).changes, CHANGES_AT_FIRST);
    it.and_works_on();
}

#[test]
fn a_wrong_method_is_told_the_right_one() {
    let it = Refusing::start();
    let token = format!("demo-person-{}", it.matricule);
    for (method, target, allow) in [
        ("GET", "/v1/prefill", "POST"),
        ("DELETE", "/v1/prefill", "POST"),
        ("POST", "/v1/me/accesses", "GET"),
        ("DELETE", "/v1/me/consents", "GET"),
        ("GET", "/v1/me/consents/preferences/rnpp", "PUT"),
        ("DELETE", "/v1/me/consents/preferences/rnpp", "PUT"),
        ("POST", "/v1/procedures", "GET"),
        ("PATCH", "/v1/procedures/parental-leave", "GET"),
        ("PUT", "/v1/registers", "GET"),
        ("POST", "/v1/organisations", "GET"),
        ("POST", "/v1/ledger/head", "GET"),
        ("POST", "/healthz", "GET"),
        ("POST", "/readyz", "GET"),
        ("POST", "/metrics", "GET"),
    ] {
        let reply = it.api().send(method, target, Some(&token), b"{}").reply();
        check(&format!("{method} {target}"), &reply, &NO_SUCH_METHOD);
        assert_eq!(reply.header("allow"), Some(allow), "{method} {target}");
    }
    it.and_works_on();
}

#[test]
fn an_unknown_path_is_not_found() {
    let it = Refusing::start();
    for target in [
        "/",
        "/v1",
        "/v1/",
        "/v1/prefill/",
        "/v1//prefill",
        "/V1/prefill",
        "/v2/prefill",
        "/v1/me",
        "/v1/me/",
        "/v1/me/accesses/",
        "/v1/me/consents/preferences",
        "/v1/ledger",
        "/v1/registers/rnpp",
        "/metrics/",
        "/../v1/registers",
        "/%2e%2e/etc/passwd",
    ] {
        check(target, &it.api().get(target), &NOT_FOUND);
    }
    for id in ["no-such-form", "", "%00", "parental-leave%20"] {
        let reply = it.api().get(&format!("/v1/procedures/{id}"));
        check(id, &reply, &problem(404, "unknown-procedure"));
    }
    it.and_works_on();
}

#[test]
fn a_query_has_known_members_each_once_and_within_bounds() {
    let it = Refusing::start();
    for (query, member) in [
        ("x=1", "x"),
        ("limit", "limit"),
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=1&limit=1", "limit"),
        ("before=0", "before"),
        ("before=last", "before"),
        ("before=18446744073709551616", "before"),
        ("from=yesterday", "from"),
        ("from=2026-02-30", "from"),
        ("to=2026-01-01T00:00:00", "to"),
        ("matricule=1", "matricule"),
    ] {
        let reply = it.api().mine(&it.matricule, &format!("/v1/me/accesses?{query}"));
        check(query, &reply, &invalid_value(member));
    }
    for (target, member) in [
        ("/v1/procedures?x=1", "x"),
        ("/v1/procedures?limit=1001", "limit"),
        ("/v1/procedures?after=a&after=b", "after"),
        ("/v1/procedures/parental-leave?lang=fr", "lang"),
        ("/v1/registers?limit=1", "limit"),
        ("/v1/organisations?x", "x"),
        ("/v1/ledger/head?sequence=1", "sequence"),
    ] {
        check(target, &it.api().get(target), &invalid_value(member));
    }
    let asked = it.api().send(
        "POST",
        "/v1/prefill?trace=1",
        Some("demo-org-justice"),
        it.form().to_string().as_bytes(),
    );
    check("prefill?trace=1", &asked.reply(), &invalid_value("trace"));
    it.and_works_on();
}

#[test]
fn what_is_not_http_costs_its_connection_alone() {
    let it = Refusing::start();
    let long = format!("GET /healthz HTTP/1.1\r\nhost: it\r\nx: {}\r\n\r\n", "y".repeat(100_000));
    for (bytes, statuses) in [
        (&b"hello\r\n\r\n"[..], &[400][..]),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", &[400]),
        (b"POST /v1/prefill HTTP/1.1\r\ncontent-length: -1\r\n\r\n", &[400]),
        (b"POST /v1/prefill HTTP/1.1\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\n", &[400]),
        (long.as_bytes(), &[400, 431]),
    ] {
        let reply = it.api().raw(bytes).reply();
        let what = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]);
        assert!(statuses.contains(&reply.status), "{what}: {}", reply.status);
    }
    let cut = b"POST /v1/prefill HTTP/1.1\r\nhost: it\r\ncontent-length: 1000\r\n\
        authorization: Bearer demo-org-justice\r\n\r\n{\"procedure\":";
    it.api().raw(cut).hang_up();
    it.and_works_on();
}

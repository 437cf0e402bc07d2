//! What is spoken: TLS, HTTP/2, and for how long on one connection.

use crate::door::{Door, Speech};
use crate::fake::{Behaviour, Fake};
use crate::{command, expect};

#[test]
fn a_run_speaks_tls_and_http2_and_answers_are_verified_as_ever() {
    let fake = Fake::start(Behaviour::Right);
    for (speech, more) in [
        (Speech::Secure, &[][..]),
        (Speech::SecureHttp2, &["--http2"]),
        (Speech::Http2, &["--http2", "--streams", "7"]),
    ] {
        let door = Door::open(&fake, speech);
        let mut command = command(&door.url(), more);
        if speech != Speech::Http2 {
            command.arg("--ca").arg(door.certificate.path());
        }
        expect(command, 0, &["errors     none", "holds: 400 answers, each verified"]);
        // Three for the run, two to read what there is, one for its clock.
        assert_eq!(door.seen(), 6);
    }
}

#[test]
fn connections_end_after_as_many_requests_as_is_said() {
    let fake = Fake::start(Behaviour::Right);
    for (more, least, most) in
        [(&["--requests-per-connection", "100"][..], 4, 20), (&["--no-keep-alive"], 400, 420)]
    {
        let door = Door::open(&fake, Speech::Http2);
        let more = [&["--http2"], more].concat();
        expect(command(&door.url(), &more), 0, &["holds: 400 answers, each verified"]);
        assert!((least..=most).contains(&door.seen()), "{}", door.seen());
    }
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_void_unless_that_is_wanted() {
    let fake = Fake::start(Behaviour::Right);
    let door = Door::open(&fake, Speech::Secure);
    let parts = ["void:", "the certificate of https://127.0.0.1:", "with --ca"];
    expect(command(&door.url(), &[]), 3, &parts);
    let said = expect(command(&door.url(), &["--insecure"]), 0, &["holds: 400 answers"]);
    // It is this machine.
    assert!(!said.contains("warning: --insecure"), "{said}");
    let elsewhere = command("https://elsewhere.invalid", &["--insecure"]);
    expect(elsewhere, 3, &["warning: --insecure: whoever answers is taken for"]);
}

#[test]
fn what_a_target_does_not_speak_is_said() {
    let fake = Fake::start(Behaviour::Right);
    let insecure = ["--insecure", "--http2"];
    let door = Door::open(&fake, Speech::Secure);
    expect(command(&door.url(), &insecure), 3, &["void:", "leave --http2 out"]);
    let secure = fake.url().replace("http:", "https:");
    expect(command(&secure, &insecure[..1]), 3, &["void:", "closes the connection"]);
    expect(command(&fake.url(), &insecure[1..]), 3, &["void:", "closes the connection"]);
    let unused = "--insecure: http://127.0.0.1";
    expect(command(&fake.url(), &insecure[..1]), 2, &[unused, "does without TLS"]);
    expect(command(&door.url(), &["--ca", "/nowhere"]), 2, &["--ca /nowhere: "]);
    expect(command(&door.url(), &["--streams", "2"]), 2, &["--http2"]);
}

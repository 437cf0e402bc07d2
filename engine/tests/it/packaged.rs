//! What is packaged fits together: the unit, its socket, the example of a
//! configuration, the container, and what others are told of ports.

use std::fs;
use std::path::Path;

/// A file below the project's folder.
fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What stands behind a key, each time that it stands in a file.
fn values(text: &str, key: &str) -> Vec<String> {
    let value = |line: &str| {
        let rest = line.trim().strip_prefix(key)?.trim_start().strip_prefix('=')?;
        Some(rest.trim().trim_matches('"').to_owned())
    };
    text.lines().filter_map(value).collect()
}

/// The port of an address.
fn port(address: &str) -> &str {
    address.rsplit(':').next().expect("an address has a port")
}

#[test]
fn the_socket_and_the_container_listen_where_the_example_does() {
    let listen = values(&read("fixtures/engine.toml"), "listen");
    assert_eq!(values(&read("engine/dist/prefill.socket"), "ListenStream"), listen);
    let port = port(&listen[0]);
    let container = read("engine/dist/Containerfile");
    assert!(container.contains(&format!("\nEXPOSE {port}\n")), "{container}");
    assert!(container.contains(&format!(":{port}:{port} ")), "{container}");
}

#[test]
fn prometheus_is_told_the_port_of_the_admin_listener() {
    let admin = values(&read("fixtures/engine.toml"), "admin");
    let told = format!("targets: [\"localhost:{}\"]", port(&admin[0]));
    assert!(read("engine/dist/METRICS.md").contains(&told), "no {told}");
}

/// Whether a unit lets its process call something that `group` holds. The later of
/// two lines counts, as systemd reads them.
fn allows(unit: &str, group: &str, call: &str) -> bool {
    let mut allowed = false;
    for filter in values(unit, "SystemCallFilter") {
        let (kept, names) = match filter.strip_prefix('~') {
            Some(names) => (false, names.to_owned()),
            None => (true, filter),
        };
        if names.split(' ').any(|name| name == group || name == call) {
            allowed = kept;
        }
    }
    allowed
}

#[test]
fn the_unit_lets_bulk_jobs_stand_back_and_keeps_the_rest_of_their_group() {
    let unit = read("engine/dist/prefill.service");
    assert!(allows(&unit, "@resources", "setpriority"));
    for (group, call) in [
        ("@resources", "sched_setscheduler"),
        ("@privileged", "setuid"),
        ("@memlock", "mlock"),
        ("@mount", "mount"),
        ("@debug", "ptrace"),
    ] {
        assert!(!allows(&unit, group, call), "{call}");
    }
    // A niceness above zero needs no privilege; nothing may ask for one.
    assert_eq!(values(&unit, "CapabilityBoundingSet"), [""]);
    assert_eq!(values(&unit, "NoNewPrivileges"), ["yes"]);
}

/// What `systemd-analyze security` counts, of what such a service can do without. It is
/// run over the unit itself where it is there: `.ci/unit`.
#[test]
fn the_unit_keeps_off_what_an_engine_does_without() {
    let unit = read("engine/dist/prefill.service");
    for key in [
        "LockPersonality",
        "MemoryDenyWriteExecute",
        "PrivateDevices",
        "PrivateMounts",
        "PrivateTmp",
        "PrivateUsers",
        "ProtectClock",
        "ProtectControlGroups",
        "ProtectHome",
        "ProtectHostname",
        "ProtectKernelLogs",
        "ProtectKernelModules",
        "ProtectKernelTunables",
        "RemoveIPC",
        "RestrictNamespaces",
        "RestrictRealtime",
        "RestrictSUIDSGID",
    ] {
        assert_eq!(values(&unit, key), ["yes"], "{key}");
    }
    assert_eq!(values(&unit, "ProtectSystem"), ["strict"]);
    assert_eq!(values(&unit, "User"), ["prefill"]);
    // Answers of registers are in memory alone.
    assert_eq!(values(&unit, "LimitCORE"), ["0"]);
    assert_eq!(values(&unit, "MemorySwapMax"), ["0"]);
}

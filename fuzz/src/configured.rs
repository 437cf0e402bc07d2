//! `engine.toml`, and what is said to be wrong with it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::LazyLock;

use engine::catalogue::{Mistake, Source};
use engine::config::{self, Config};
use tempfile::TempDir;

use crate::catalogues;

const MASTER_KEY: &str = "5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed";
const PASSWORD: &str = "pass-pass-pass";
const PRESENCE_MAX_MS: i64 = 24 * 60 * 60 * 1_000;

const WHOLE: &str = r#"listen = "127.0.0.1:8443"
admin = "127.0.0.1:9090"
data = "data"
disk-floor-mib = 1024
cache-mib = 64
catalogue = "catalogue"
master-key = { file = "master.key" }
[limits]
connections = 8192
head = "30s"
[[operator]]
organisation = "justice"
key-sha256 = "bd6bbba2cdb4a5ad9d3b0ecb5a8f3b1a6a0a3d3e7c1a4f5e6b7c8d9eaf0b1c2d"
[tokens.presence]
issuer = "https://login.example"
audience = "prefill"
keys = "jwks.json"
lifetime-max = "15m"
[register.rnpp]
url = "http://127.0.0.1:18081"
headers = { x-api-key = { file = "password" } }
[register.caclr]
url = "http://[::1]:18082/base"
basic = { user = "prefill", password = { file = "password" } }
"#;

/// A folder with all that [`WHOLE`] names.
static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = TempDir::new().expect("a folder can be made");
    for (path, text) in catalogues::smallest() {
        write(&folder, &format!("catalogue/{path}"), text);
    }
    write(&folder, "jwks.json", include_str!("../../fixtures/jwks.json"));
    for (name, secret) in [("master.key", MASTER_KEY), ("password", PASSWORD)] {
        let path = write(&folder, name, secret);
        fs::set_permissions(path, Permissions::from_mode(0o600)).expect("it is ours");
    }
    folder
});

fn write(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().expect("it is in the folder")).expect("a folder is made");
    fs::write(&path, text).expect("a file is written");
    path
}

/// The text of a configuration: it is one, or every mistake has its file and line;
/// and no secret that it leads to is ever told.
pub(crate) fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if leads_away(text) {
        return;
    }
    let path = FOLDER.path().join("engine.toml");
    let file = path.display().to_string();
    let source = Source { path: file.clone(), text: text.to_owned() };
    let told = match config::parse(&source, FOLDER.path()) {
        Ok(config) => {
            in_bounds(&config);
            format!("{config:?}")
        }
        Err(mistakes) => {
            placed(&mistakes, &file, text);
            mistakes.iter().map(|it| format!("{it}\n")).collect()
        }
    };
    let secret = |secret: &&str| !text.contains(*secret) && told.contains(*secret);
    assert!(![MASTER_KEY, PASSWORD].iter().any(secret), "a secret is told");
}

/// Whether a text may name files outside of its folder: devices and pipes would
/// hold the fuzzer up.
fn leads_away(text: &str) -> bool {
    let ways = ["\"/", "'/", "..", "\\u", "\\U", "\\x", "\"\"\"", "'''"];
    ways.iter().any(|way| text.contains(way))
}

fn in_bounds(config: &Config) {
    assert!(config.cache_bytes >= 1 << 20, "a cache that holds nothing");
    let registers = config.catalogue.registers();
    assert_eq!(registers.len(), config.endpoints.len(), "a register without a place");
    if let Some(presences) = &config.trusted.presences {
        let most = presences.lifetime_max_ms.expect("a presence ends");
        assert!(most <= PRESENCE_MAX_MS, "a presence of days");
    }
    let asks = !config.trusted.keys.is_empty() || config.trusted.operators.is_some();
    assert!(asks, "nobody could ask");
}

fn placed(mistakes: &[Mistake], file: &str, text: &str) {
    assert!(!mistakes.is_empty(), "refused, and nothing is wrong");
    let lines = text.split('\n').count();
    for mistake in mistakes {
        assert!(mistake.line >= 1 && !mistake.what.is_empty(), "{mistake}");
        assert!(mistake.file != file || mistake.line <= lines, "beyond the file's end: {mistake}");
    }
}

/// The country's example, and the configuration of that folder, whole and without each of its lines.
pub(crate) fn derived() -> Vec<Vec<u8>> {
    let lines: Vec<&str> = WHOLE.split_inclusive('\n').collect();
    let without = |left_out: Option<usize>| {
        let kept = lines.iter().enumerate().filter(|(at, _)| Some(*at) != left_out);
        kept.map(|(_, line)| *line).collect::<String>().into_bytes()
    };
    let mut all: Vec<_> = (0..lines.len()).map(Some).chain([None]).map(without).collect();
    all.push(include_bytes!("../../fixtures/engine.toml").to_vec());
    all
}

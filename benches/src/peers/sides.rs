//! The sides that this package brings along, each as a description.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;

use super::described::{Asking, Description};
use super::form;

/// The engine, whose calls name one key each.
pub const ENGINE: &str = "engine";
/// The engine, whose calls name up to twenty keys.
pub const ENGINE_BATCHING: &str = "engine-batching";
/// Bare hyper that sends the bytes of one bundle.
pub const HYPER: &str = "bare hyper";
/// nginx that sends them out of a file.
pub const STATIC: &str = "nginx static";
/// nginx and Lua that do the job.
pub const LUA: &str = "nginx+lua";
/// A service as one writes it in a day.
pub const SERVICE: &str = "axum service";

/// The engine itself.
///
/// # Errors
/// Where this program does not know its own file.
pub fn engine(batching: bool) -> anyhow::Result<Description> {
    let name = if batching { ENGINE_BATCHING } else { ENGINE };
    let mut words = vec!["engine", "--data", "{dir}/data"];
    if batching {
        words.push("--batching");
    }
    Ok(Description { ready: Some("/readyz".to_owned()), ..own(name, "nothing", &words)? })
}

/// Bare hyper, thread per core.
///
/// # Errors
/// Where this program does not know its own file.
pub fn hyper(bundle: &Path) -> anyhow::Result<Description> {
    let bundle = bundle.display().to_string();
    let words = ["hyper", "--bundle", &bundle];
    let lacks = "everything: sends the same bytes to everybody";
    Ok(Description { verified: false, ..own(HYPER, lacks, &words)? })
}

/// The service of a day.
///
/// # Errors
/// Where this build has none.
pub fn service() -> anyhow::Result<Description> {
    anyhow::ensure!(cfg!(feature = "service"), "not built in: `--features service`");
    own(
        SERVICE,
        "ledger; versions and epochs of consent; deadlines; bounded register pools",
        &["service", "--refusals", "{people}"],
    )
}

fn own(name: &str, lacks: &str, words: &[&str]) -> anyhow::Result<Description> {
    let program = std::env::current_exe().context("this program's own file")?;
    let mut start = vec![program.display().to_string(), "side".to_owned()];
    start.extend(words.iter().map(|word| (*word).to_owned()));
    start.extend(["--port".to_owned(), "{port}".to_owned()]);
    if words[0] != "hyper" {
        for (register, _) in form::REGISTERS {
            start.extend(["--register".to_owned(), format!("{register}={{{register}}}")]);
        }
    }
    Ok(Description {
        name: name.to_owned(),
        lacks: lacks.to_owned(),
        start,
        ready: None,
        asking: Asking::of_the_engine(),
        files: BTreeMap::new(),
        verified: true,
    })
}

/// nginx with Lua: Debian's `libnginx-mod-http-lua` and `lua-cjson`.
///
/// # Errors
/// Where it is not installed.
pub fn lua() -> anyhow::Result<Description> {
    let module = "/usr/lib/nginx/modules/ngx_http_lua_module.so";
    anyhow::ensure!(Path::new(module).exists(), "`libnginx-mod-http-lua` is not installed");
    let files =
        [("nginx.conf", include_str!("nginx.conf")), ("prefill.lua", include_str!("prefill.lua"))];
    let lacks = "ledger; versions and epochs of consent; types of values; deadlines";
    nginx(LUA, lacks, &files, Asking::of_the_engine(), true)
}

/// nginx that sends one bundle's bytes.
///
/// # Errors
/// Where it is not installed.
pub fn static_file(bundle: &str) -> anyhow::Result<Description> {
    let files = [("nginx.conf", include_str!("static.conf")), ("bundle.json", bundle)];
    let asking = Asking {
        method: "GET".to_owned(),
        path: "/bundle.json".to_owned(),
        body: String::new(),
        ..Asking::of_the_engine()
    };
    nginx(STATIC, "everything: sends the same bytes to everybody", &files, asking, false)
}

fn nginx(
    name: &str,
    lacks: &str,
    files: &[(&str, &str)],
    asking: Asking,
    verified: bool,
) -> anyhow::Result<Description> {
    let program = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx"];
    let program = program.into_iter().find(|path| Path::new(path).exists());
    let program = program.context("`nginx` is not installed")?;
    let start = [program, "-e", "stderr", "-c", "{dir}/nginx.conf", "-g", "daemon off;"];
    let files = files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned()));
    Ok(Description {
        name: name.to_owned(),
        lacks: lacks.to_owned(),
        start: start.map(str::to_owned).to_vec(),
        ready: None,
        asking,
        files: files.collect(),
        verified,
    })
}

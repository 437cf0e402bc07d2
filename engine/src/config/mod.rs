//! `engine.toml`: where a production runs, whom it trusts, where its registers are.
//!
//! Only this module reads files and the environment. It reports every mistake of
//! the configuration and of its catalogue at once, with file and line, and starts
//! nothing. Secrets never stand in the file: it says where they are.

mod files;
mod network;
mod retention;
mod secret;
mod secured;
mod spans;
mod trust;

use std::collections::HashSet;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use files::{Unreadable, compile, compile_again};
pub use spans::Export;

use crate::catalogue::reader::{File, Line, Placed, Review, Table};
use crate::catalogue::{Catalogue, Mistake, Source};
use crate::http;
use crate::identity::Trusted;
use crate::registers::Endpoints;
use crate::space::MasterKey;
use crate::store::FLOOR_DEFAULT;

/// A whole configuration, with everything that it names read.
#[derive(Debug)]
pub struct Config {
    /// Where the API listens.
    pub listen: SocketAddr,
    /// Where metrics, and readiness in detail, are asked for.
    pub admin: SocketAddr,
    /// Where the ledger and the citizens' own data are.
    pub data: PathBuf,
    /// How many bytes must stay free there.
    pub disk_floor: u64,
    /// How long entries of the ledger are kept.
    pub retention: Duration,
    /// Which catalogue holds.
    pub catalogue: Arc<Catalogue>,
    /// Under which citizens' own data is sealed.
    pub master_key: MasterKey,
    /// The listener's certificates and their key, as PEM.
    pub tls: Option<Pem>,
    /// What connections may cost.
    pub limits: http::Limits,
    /// Bytes of the answer cache.
    pub cache_bytes: u64,
    /// Whose tokens are taken.
    pub trusted: Trusted,
    /// Where the registers are.
    pub endpoints: Endpoints,
    /// Where spans are sent, where anybody collects them.
    pub spans: Option<Export>,
}

/// A chain of certificates and its key.
#[derive(Clone, PartialEq)]
pub struct Pem {
    /// The server's own first.
    pub certificates: Vec<u8>,
    /// In PKCS #8, PKCS #1 or SEC 1.
    pub key: zeroize::Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Pem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pem")
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file itself cannot be read.
    #[error("{}: {error}", .path.display())]
    Unreadable {
        /// Which one.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A file of the catalogue cannot be read.
    #[error(transparent)]
    Catalogue(#[from] Unreadable),
    /// Everything that is wrong in it, and in what it names.
    #[error("{} mistakes", .0.len())]
    Mistakes(Vec<Mistake>),
}

const MIB: u64 = 1 << 20;

/// Reads a configuration and everything that it names.
///
/// # Errors
/// Every mistake in it, sorted by file and line.
pub fn load(path: &Path) -> Result<Config, Error> {
    let text = fs::read_to_string(path)
        .map_err(|error| Error::Unreadable { path: path.to_owned(), error })?;
    let source = Source { path: path.display().to_string(), text };
    parse(&source, path.parent().unwrap_or(Path::new(""))).map_err(Error::Mistakes)
}

/// Reads a configuration whose text is at hand, and what it names from a folder on.
///
/// # Errors
/// Every mistake in it, sorted by file and line.
pub fn parse(source: &Source, folder: &Path) -> Result<Config, Vec<Mistake>> {
    let file = File::new(source, Review::Due);
    let mut catalogue_mistakes = Vec::new();
    let read = read(&file, folder, &mut catalogue_mistakes);
    let mut mistakes = file.into_mistakes();
    mistakes.extend(catalogue_mistakes);
    match read {
        Some(config) if mistakes.is_empty() => Ok(config),
        _ => {
            mistakes.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
            Err(mistakes)
        }
    }
}

/// The catalogue of an installation that was, or still is: in a folder, or as its
/// configuration names it. Nothing else of that is read, and nothing is demanded of
/// the catalogue but that it compiles.
///
/// # Errors
/// Where it cannot be read, and every mistake that keeps it from compiling.
pub fn catalogue_of(path: &Path) -> Result<Catalogue, Error> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error| Error::Unreadable { path, error }
    };
    let folder = match fs::metadata(path).map_err(at(path))?.is_dir() {
        true => path.to_owned(),
        false => {
            let text = fs::read_to_string(path).map_err(at(path))?;
            let source = Source { path: path.display().to_string(), text };
            let file = File::new(&source, Review::Passed);
            let named = Table::root(&file, &file.parse()).required("catalogue", "\"catalogue\"");
            let Some(named) = named else { return Err(Error::Mistakes(file.into_mistakes())) };
            path.parent().unwrap_or(Path::new("")).join(&*named.text)
        }
    };
    compile_again(&folder)?.map_err(Error::Mistakes)
}

/// One file being read, and where what it names is looked for.
struct Reading<'f> {
    file: &'f File<'f>,
    folder: &'f Path,
}

impl Reading<'_> {
    fn mistake(&self, line: Line, what: impl Into<String>) {
        self.file.mistake(line, what);
    }

    /// A path as written, from the file's own folder on.
    fn path(&self, written: &Placed) -> PathBuf {
        self.folder.join(&*written.text)
    }

    /// The bytes of a file that is named; a mistake where they cannot be had.
    fn bytes(&self, written: &Placed) -> Option<Vec<u8>> {
        let path = self.path(written);
        let read = fs::read(&path);
        read.inspect_err(|error| {
            self.mistake(written.line, format!("{}: {error}", path.display()));
        })
        .ok()
    }
}

fn read<'f>(
    file: &'f File<'f>,
    folder: &'f Path,
    catalogue_mistakes: &mut Vec<Mistake>,
) -> Option<Config> {
    let document = file.parse();
    let table = Table::root(file, &document);
    let reading = Reading { file, folder };
    let listen = network::address(&reading, &table, "listen", "\"127.0.0.1:8443\"");
    let admin = network::admin(&reading, &table, listen);
    let data = data(&reading, &table);
    let disk_floor = table.integer("disk-floor-mib", 0..=u32::MAX);
    let retention = retention::read(&reading, &table);
    let catalogue = catalogue(&reading, &table, catalogue_mistakes);
    let master_key = secret::master_key(&reading, &table);
    let tls = network::tls(&reading, &table);
    let limits = network::limits(&table);
    let cache_mib = table.integer("cache-mib", 1..=1 << 20);
    if let Some(listen) = listen {
        network::is_secured(&reading, &table, listen, !matches!(tls, Some(None)));
    }
    let trusted = trust::read(&reading, &table, catalogue.as_deref());
    let endpoints = network::registers(&reading, &table, catalogue.as_deref());
    let spans = spans::read(&reading, &table);
    table.finish();
    Some(Config {
        listen: listen?,
        admin: admin?,
        data: data?,
        disk_floor: disk_floor.map_or(FLOOR_DEFAULT, |mib| u64::from(mib) * MIB),
        retention: retention?,
        catalogue: catalogue?,
        master_key: master_key?,
        tls: tls.flatten(),
        limits,
        cache_bytes: cache_mib.map_or(crate::cache::BYTES_DEFAULT, |mib| u64::from(mib) * MIB),
        trusted,
        endpoints: endpoints?,
        spans,
    })
}

/// Where the ledger is; a folder that is not there yet is made at the start.
fn data(reading: &Reading<'_>, table: &Table<'_>) -> Option<PathBuf> {
    let written = table.required("data", "\"/var/lib/prefill\"")?;
    let path = reading.path(&written);
    match fs::metadata(&path) {
        Ok(there) if !there.is_dir() => {
            let what = format!("`data` must be a folder, and {} is none", path.display());
            reading.mistake(written.line, what);
            None
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            reading.mistake(written.line, format!("{}: {error}", path.display()));
            None
        }
        _ => Some(path),
    }
}

fn catalogue(
    reading: &Reading<'_>,
    table: &Table<'_>,
    mistakes: &mut Vec<Mistake>,
) -> Option<Arc<Catalogue>> {
    let written = table.required("catalogue", "\"catalogue\"")?;
    let folder = reading.path(&written);
    match compile(&folder) {
        Ok(Ok(catalogue)) => Some(Arc::new(catalogue)),
        Ok(Err(wrong)) => {
            let within = |it: Mistake| {
                let file = folder.join(&it.file).display().to_string();
                Mistake { file, ..it }
            };
            mistakes.extend(wrong.into_iter().map(within));
            None
        }
        Err(error) => {
            reading.mistake(written.line, error.to_string());
            None
        }
    }
}

/// Says where a name stands that stood before.
fn once<'a>(reading: &Reading<'_>, seen: &mut HashSet<Box<str>>, name: &'a Placed) -> &'a str {
    if !seen.insert(name.text.clone()) {
        reading.mistake(name.line, format!("`{}` stands twice", name.text));
    }
    &name.text
}

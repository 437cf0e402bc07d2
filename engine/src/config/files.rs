//! A catalogue's files.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::catalogue::{Catalogue, Mistake, Source};

/// What cannot be read, and why.
#[derive(Debug, thiserror::Error)]
#[error("{}: {error}", .path.display())]
pub struct Unreadable {
    path: PathBuf,
    error: io::Error,
}

/// Compiles the catalogue in a folder, or says every mistake in it.
///
/// # Errors
/// Where a file or a folder cannot be read.
pub fn compile(folder: &Path) -> Result<Result<Catalogue, Vec<Mistake>>, Unreadable> {
    let (sources, mut mistakes) = read(folder)?;
    match Catalogue::compile(&sources) {
        Ok(catalogue) if mistakes.is_empty() => return Ok(Ok(catalogue)),
        Ok(_) => {}
        Err(more) => {
            // What a bad byte leads to on its own line is said already.
            let place = |mistake: &Mistake| (mistake.file.clone(), mistake.line);
            let said: HashSet<_> = mistakes.iter().map(place).collect();
            mistakes.extend(more.into_iter().filter(|mistake| !said.contains(&place(mistake))));
        }
    }
    mistakes.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    Ok(Err(mistakes))
}

/// Compiles the catalogue in a folder as one that was in force once.
///
/// # Errors
/// Where a file or a folder cannot be read.
pub fn compile_again(folder: &Path) -> Result<Result<Catalogue, Vec<Mistake>>, Unreadable> {
    let (sources, mistakes) = read(folder)?;
    match mistakes.is_empty() {
        true => Ok(Catalogue::compile_again(&sources)),
        false => Ok(Err(mistakes)),
    }
}

/// Its files, by their paths within it, and where they are no text.
fn read(folder: &Path) -> Result<(Vec<Source>, Vec<Mistake>), Unreadable> {
    let mut read = (Vec::new(), Vec::new());
    for part in ["", "organisations", "registers", "procedures"] {
        let within = folder.join(part);
        // Organisations stand in one file or in a folder of files.
        if part == "organisations" && !within.exists() {
            continue;
        }
        read_folder(folder, &within, !part.is_empty(), &mut read)?;
    }
    Ok(read)
}

/// Folders within a catalogue's own are read, too, so that their files are said to
/// be in the wrong place.
fn read_folder(
    root: &Path,
    within: &Path,
    deep: bool,
    read: &mut (Vec<Source>, Vec<Mistake>),
) -> Result<(), Unreadable> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error| Unreadable { path, error }
    };
    for entry in fs::read_dir(within).map_err(at(within))? {
        let entry = entry.map_err(at(within))?;
        let path = entry.path();
        // A link to a folder is not followed: it may lead to where it stands.
        if deep && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            read_folder(root, &path, deep, read)?;
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            let bytes = fs::read(&path).map_err(at(&path))?;
            let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            let (source, mistake) = Source::from_bytes(name, bytes);
            read.0.push(source);
            read.1.extend(mistake);
        }
    }
    Ok(())
}

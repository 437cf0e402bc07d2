//! Registers: what is asked, how answers are read, and what bounds it all.

mod batched;
mod country;
mod decoded;
mod endpoints;
mod exchanged;
mod modelled;
mod modern;
mod network;
mod probed;
mod rated;

use std::sync::{Arc, LazyLock};

use crate::catalogue::{Catalogue, Register, Source};

const LABEL: &str = "{ fr = \"a\", de = \"b\", en = \"c\", lb = \"d\" }";

/// The country's registers in a catalogue that has little else, and so compiles
/// fast. `settings` stand above the description of one.
fn compiled(register: &str, settings: &str) -> Arc<Catalogue> {
    let path = format!("registers/{register}.toml");
    let registers = fixtures::catalogue::files().iter().filter(|it| it.0.starts_with("registers/"));
    let mut sources: Vec<Source> = registers
        .map(|(known, text)| {
            let above = if *known == path { settings } else { "" };
            Source { path: (*known).to_owned(), text: format!("{above}\n{text}") }
        })
        .collect();
    let organisations = format!(
        "[[organisation]]\nid = \"o\"\nlabel = {LABEL}\n[[organisation.authority]]\n\
         procedures = [\"*\"]\nattributes = [\"rnpp.*\"]\n"
    );
    let procedure = format!(
        "id = \"p\"\nversion = 1\nowner = \"o\"\nlabel = {LABEL}\npurpose = \"p\"\n\
         legal-basis = \"l\"\n[[role]]\nid = \"applicant\"\n[[step]]\nid = \"s\"\nlabel = {LABEL}\n\
         [[step.field]]\nid = \"f\"\nlabel = {LABEL}\nfrom = [\"rnpp.familyName\"]\n"
    );
    for (path, text) in [("organisations.toml", organisations), ("procedures/p.toml", procedure)] {
        sources.push(Source { path: path.to_owned(), text });
    }
    Arc::new(Catalogue::compile(&sources).unwrap())
}

/// The country's registers, as they are.
fn country() -> Arc<Catalogue> {
    static COUNTRY: LazyLock<Arc<Catalogue>> = LazyLock::new(|| compiled("", ""));
    COUNTRY.clone()
}

/// One of them.
fn described<'a>(catalogue: &'a Catalogue, name: &str) -> &'a Register {
    catalogue.register(catalogue.find_register(name).unwrap())
}

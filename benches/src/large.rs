//! A catalogue far larger than a country's: 100 registers, 1,000 procedures.

use std::fmt::Write as _;

use engine::catalogue::Source;

const REGISTERS: usize = 100;
const PROCEDURES: usize = 1_000;
const ORGANISATIONS: usize = 120;
const ATTRIBUTES: usize = 10;
const FIELDS: usize = 14;
const LABEL: &str = "{ fr = \"Nom de famille\", de = \"Familienname\", en = \"Family name\", \
                     lb = \"Familljennumm\" }";

/// Its files.
#[must_use]
pub fn sources() -> Vec<Source> {
    let source = |path: String, text: String| Source { path, text };
    let mut sources = vec![source("organisations.toml".into(), organisations())];
    let registers = 0..REGISTERS;
    sources.extend(registers.map(|n| source(format!("registers/r{n}.toml"), register(n))));
    let procedures = 0..PROCEDURES;
    sources.extend(procedures.map(|n| source(format!("procedures/p{n}.toml"), procedure(n))));
    sources
}

/// Every tenth register takes its key from the one before it.
fn register(n: usize) -> String {
    let key = if n % 10 == 9 { format!("r{}.a0", n - 1) } else { "subject".to_owned() };
    let mut text = format!(
        "id = \"r{n}\"\nlabel = {LABEL}\nof = \"natural\"\nkey = \"{key}\"\nask = \"needed\"\n\
         preference = true\nttl = \"15m\"\ntimeout = \"2s\"\ntypical = \"20ms\"\n\
         [request]\npath = \"/r{n}/{{key}}?fields={{fields}}\"\n\
         headers = {{ prefill-disclosure = \"{{disclosure}}\" }}\n\
         [answer]\nabout = \"/person/id\"\nnot-found = 404\nupdated = \"/lastUpdated\"\n"
    );
    for attribute in 0..ATTRIBUTES {
        let _ = write!(
            text,
            "[[attribute]]\nid = \"a{attribute}\"\nlabel = {LABEL}\ntype = \"text\"\n\
             at = \"/person/a{attribute}\"\n",
        );
    }
    text
}

fn procedure(n: usize) -> String {
    let owner = n % ORGANISATIONS;
    let mut text = format!(
        "id = \"p{n}\"\nversion = 1\nowner = \"o{owner}\"\nlabel = {LABEL}\n\
         purpose = \"Decide on a request\"\nlegal-basis = \"A law of some day, article 7\"\n\
         [[role]]\nid = \"applicant\"\nis = \"natural\"\n"
    );
    for field in 0..FIELDS {
        if field % 7 == 0 {
            let _ = write!(text, "[[step]]\nid = \"s{field}\"\nlabel = {LABEL}\n");
        }
        // Fields of one form are of few registers.
        let (register, attribute) = ((n + field / 4) % REGISTERS, field % ATTRIBUTES);
        let _ = write!(
            text,
            "[[step.field]]\nid = \"f{field}\"\nfrom = [\"r{register}.a{attribute}\"]\n\
             required = true\neditable = true\n",
        );
    }
    text
}

fn organisations() -> String {
    let mut text = String::new();
    for n in 0..ORGANISATIONS {
        let theirs = (n..PROCEDURES).step_by(ORGANISATIONS);
        let procedures: Vec<_> = theirs.clone().map(|p| format!("\"p{p}\"")).collect();
        let registers = theirs.flat_map(|p| (0..4).map(move |next| (p + next) % REGISTERS));
        let mut registers: Vec<_> = registers.map(|r| format!("\"r{r}.*\"")).collect();
        registers.sort();
        registers.dedup();
        let _ = write!(
            text,
            "[[organisation]]\nid = \"o{n}\"\nlabel = {LABEL}\n[[organisation.authority]]\n\
             procedures = [{}]\nattributes = [{}]\n",
            procedures.join(", "),
            registers.join(", "),
        );
    }
    text
}

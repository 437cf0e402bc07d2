//! A small country: three registers, two bodies, four forms, two dozen families, and a
//! company for each.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use engine::catalogue::{Catalogue, Source};
use engine::identity::{Citizen, Directory, Operator, Presence};
use engine::model::{CivilMs, Subject};
use fixtures::Country;

/// The registers. Each form's fields are called as the register that fills them,
/// but for [`CHILD`].
///
/// `alpha` shares within one organisation and lists children and companies, `beta`
/// shares with any and knows companies, too, `gamma` never shares and is never kept.
pub const REGISTERS: [&str; 3] = ["alpha", "beta", "gamma"];
/// The bodies that receive.
pub const ORGANISATIONS: [&str; 2] = ["north", "south"];
/// Asks for both of them.
pub const PLATFORM: &str = "platform";
/// A form about one person.
pub const FORM: &str = "form";
/// A form about a parent and a child, who has a field of its own from `beta`.
pub const FAMILY: &str = "family";
/// That field.
pub const CHILD: &str = "child";
/// A form about somebody and a company for which they act, which has a field of its
/// own from `beta`.
pub const FIRM: &str = "firm";
/// That company's own view, of that field.
pub const OURS: &str = "ours";
/// That field.
pub const COMPANY: &str = "company";
/// 2026-06-01, in milliseconds since the epoch.
pub const TODAY: CivilMs = 1_780_272_000_000;

const FAMILIES: usize = 24;
const LABEL: &str = "label = { fr = \"a\", de = \"b\", en = \"c\", lb = \"d\" }\n";

/// Which place a register has in [`REGISTERS`].
#[must_use]
pub fn register_index(name: &str) -> Option<usize> {
    REGISTERS.iter().position(|known| *known == name)
}

/// The catalogue.
///
/// # Panics
/// Where it has a mistake, which would be one of this package.
#[must_use]
pub fn catalogue() -> Catalogue {
    let mut sources = vec![Source { path: "organisations.toml".into(), text: organisations() }];
    for (index, name) in REGISTERS.iter().enumerate() {
        sources
            .push(Source { path: format!("registers/{name}.toml"), text: register(index, name) });
    }
    for (name, text) in [
        (FORM, form()),
        (FAMILY, family()),
        (FIRM, firm(false)),
        ("mine", mine()),
        (OURS, firm(true)),
    ] {
        sources.push(Source { path: format!("procedures/{name}.toml"), text });
    }
    Catalogue::compile(&sources).unwrap_or_else(|mistakes| {
        let lines: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
        panic!("the catalogue of the proof has mistakes:\n{}", lines.join("\n"))
    })
}

fn organisations() -> String {
    let body = |name: &&str| {
        format!(
            "[[organisation]]\nid = \"{name}\"\n{LABEL}[[organisation.authority]]\n\
             procedures = [\"*\"]\nattributes = [\"alpha.*\", \"beta.*\", \"gamma.*\"]\n"
        )
    };
    let platform = format!("[[organisation]]\nid = \"{PLATFORM}\"\n{LABEL}acts-for = [\"*\"]\n");
    ORGANISATIONS.iter().map(body).collect::<String>() + &platform
}

fn register(index: usize, name: &str) -> String {
    let (share, ttl, who) = match index {
        0 => ("organisation", "5s", ", x-organisation = \"{organisation}\""),
        1 => ("any", "2s", ""),
        _ => ("call", "0s", ", x-organisation = \"{organisation}\""),
    };
    let of = if index == 1 { "any" } else { "natural" };
    let lists = match index {
        0 => [("children", "natural"), ("companies", "legal")].map(|(name, lists)| {
            format!(
                "[[attribute]]\nid = \"{name}\"\n{LABEL}type = \"texts\"\nat = \"/{name}\"\n\
                 lists = \"{lists}\"\n"
            )
        }),
        _ => [String::new(), String::new()],
    };
    let lists = lists.concat();
    format!(
        "id = \"{name}\"\n{LABEL}of = \"{of}\"\nkey = \"subject\"\nshare = \"{share}\"\n\
         ask = \"all\"\npreference = true\nttl = \"{ttl}\"\ngrain = \"5s\"\ntimeout = \"100ms\"\n\
         typical = \"2ms\"\n[request]\npath = \"/{{key}}\"\n\
         headers = {{ x-disclosure = \"{{disclosure}}\"{who} }}\n[answer]\nabout = \"/id\"\n\
         [[attribute]]\nid = \"value\"\n{LABEL}type = \"text\"\nat = \"/value\"\n{lists}"
    )
}

fn head(name: &str) -> String {
    format!(
        "id = \"{name}\"\nversion = 1\nowner = \"north\"\n{LABEL}purpose = \"To prove\"\n\
         legal-basis = \"None\"\n"
    )
}

fn fields(of: &[&str], back_office: bool) -> String {
    let field = |name: &&str| {
        format!(
            "[[step.field]]\nid = \"{name}\"\n{LABEL}from = [\"{name}.value\"]\n\
             back-office = {back_office}\n"
        )
    };
    of.iter().map(field).collect()
}

fn form() -> String {
    format!(
        "{}[[role]]\nid = \"applicant\"\nis = \"natural\"\n[[step]]\nid = \"step\"\n{LABEL}{}",
        head(FORM),
        fields(&REGISTERS, true)
    )
}

fn family() -> String {
    format!(
        "{}[[role]]\nid = \"applicant\"\nis = \"natural\"\n\
         [[role]]\nid = \"child\"\nis = \"natural\"\nminor = true\n\
         listed-in = \"applicant:alpha.children\"\n[[step]]\nid = \"step\"\n{LABEL}{}\
         [[step.field]]\nid = \"{CHILD}\"\n{LABEL}role = \"child\"\nfrom = [\"beta.value\"]\n",
        head(FAMILY),
        fields(&REGISTERS[..1], false)
    )
}

/// A form, or a company's own view.
fn firm(own: bool) -> String {
    let (name, channel, applicant) = match own {
        true => (OURS, "channel = \"self\"\n", String::new()),
        false => (FIRM, "", fields(&REGISTERS[..1], false)),
    };
    format!(
        "{}{channel}[[role]]\nid = \"applicant\"\nis = \"natural\"\n\
         [[role]]\nid = \"company\"\nis = \"legal\"\n\
         listed-in = \"applicant:alpha.companies\"\n[[step]]\nid = \"step\"\n{LABEL}{applicant}\
         [[step.field]]\nid = \"{COMPANY}\"\n{LABEL}role = \"company\"\nfrom = [\"beta.value\"]\n",
        head(name),
    )
}

fn mine() -> String {
    let text = format!(
        "{}channel = \"self\"\n[[role]]\nid = \"applicant\"\nis = \"natural\"\n\
         [[step]]\nid = \"step\"\n{LABEL}{}",
        head("mine"),
        fields(&REGISTERS, false)
    );
    text.replace("back-office = false\n", "")
}

/// Parents, each with a child who stays one for long.
#[must_use]
pub fn families() -> Vec<(Subject, Subject)> {
    let country = Country::new(1, 4_000).expect("a population within bounds");
    let subject = |text: String| text.parse().expect("both check the same digits");
    let pair = |parent: fixtures::Person| {
        let child = parent.children().find(|child| child.date_of_birth().civil().0 >= 2020)?;
        Some((subject(parent.matricule().to_string()), subject(child.matricule().to_string())))
    };
    let mut seen = std::collections::HashSet::new();
    let pairs = country.people().filter_map(pair);
    // One of two parents, since a child's own place is in one family here.
    pairs
        .filter(|(parent, child)| seen.insert(*child) && seen.insert(*parent))
        .take(FAMILIES)
        .collect()
}

/// The company of a family.
///
/// # Panics
/// Never: it is well-formed.
#[must_use]
pub fn company(family: usize) -> Subject {
    format!("B{}", family + 1).parse().expect("a register number")
}

/// Who acts for the company of a family: its parent, and the next family's.
#[must_use]
pub fn managers(families: &[(Subject, Subject)], family: usize) -> [Subject; 2] {
    [families[family].0, families[(family + 1) % families.len()].0]
}

/// A clock that counts events: who reads a higher number came later.
#[derive(Debug, Default)]
pub struct Ticks(AtomicU64);

impl Ticks {
    /// The next number.
    pub fn tick(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
}

/// The calendar, which the clients push on.
#[must_use]
pub fn calendar() -> Arc<AtomicI64> {
    Arc::new(AtomicI64::new(TODAY))
}

/// Takes `<identifier>/<end>` for that person's presence until then.
#[derive(Clone, Copy, Debug)]
pub struct Tokens;

impl Directory for Tokens {
    fn operator(&self, token: &str) -> Option<Operator> {
        Some(Operator { organisation: token.into() })
    }

    fn citizen(&self, token: &str) -> Option<Citizen> {
        Some(Citizen { subject: token.parse().ok()? })
    }

    fn presence(&self, token: &str) -> Option<Presence> {
        let (subject, until) = token.split_once('/')?;
        Some(Presence {
            subject: subject.parse().ok()?,
            token: "present".into(),
            organisation: None,
            procedure: None,
            valid_until: until.parse().ok()?,
        })
    }
}

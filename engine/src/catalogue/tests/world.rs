//! Random catalogues, and a plain description of each to reason about.

use proptest::prelude::*;
use proptest::sample::Index;

use super::super::{Catalogue, Review, Source, compile};

/// What every register of a random catalogue holds beside its texts.
pub(crate) const LIST: &str = "list";

/// A catalogue in a few words. Everything goes by index, or by name in text.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) registers: Vec<Register>,
    pub(crate) roles: Vec<Role>,
    pub(crate) fields: Vec<Field>,
    /// What each organisation may have.
    pub(crate) authority: Vec<Vec<Pattern>>,
    /// Whether the back office needs no reuse consent.
    pub(crate) by_law: bool,
    /// Whether it is the citizen's view of their own data, and no form.
    pub(crate) own_view: bool,
}

/// A register: attributes `a0`, `a1` and so on, and a list.
#[derive(Clone, Debug)]
pub(crate) struct Register {
    pub(crate) name: String,
    pub(crate) texts: usize,
    /// The register and the text whose value it is asked with; the subject's
    /// identifier where there is none.
    pub(crate) key: Option<(usize, String)>,
    pub(crate) ask_all: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Role {
    /// The role and the register that list its subject; none for the applicant.
    pub(crate) listed_in: Option<(usize, usize)>,
    pub(crate) minor: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) role: usize,
    /// Register and attribute.
    pub(crate) from: Vec<(usize, String)>,
    pub(crate) max_age: Option<u64>,
    pub(crate) back_office: bool,
}

/// A register, and one of its attributes or all.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    pub(crate) register: usize,
    pub(crate) attribute: Option<String>,
}

/// Field, role, register and attribute.
pub(crate) type Candidate = (usize, usize, usize, String);

impl Register {
    pub(crate) fn attributes(&self) -> Vec<String> {
        let texts = (0..self.texts).map(|n| format!("a{n}"));
        texts.chain([LIST.to_owned()]).collect()
    }
}

impl World {
    pub(crate) fn compile(&self) -> Catalogue {
        let registers = self.registers.iter().map(|register| {
            let path = format!("registers/{}.toml", register.name);
            Source { path, text: self.register(register) }
        });
        let mut sources: Vec<_> = registers.collect();
        sources.push(Source { path: "organisations.toml".to_owned(), text: self.organisations() });
        sources.push(Source { path: "procedures/form.toml".to_owned(), text: self.procedure() });
        // Sources that nobody may have are part of what is tested.
        compile::compile(&sources, Review::Passed).unwrap()
    }

    /// Every candidate, in the compiled order.
    pub(crate) fn candidates(&self) -> Vec<Candidate> {
        let fields = self.fields.iter().enumerate();
        fields
            .flat_map(|(index, field)| {
                let from = field.from.iter();
                from.map(move |(register, name)| (index, field.role, *register, name.clone()))
            })
            .collect()
    }

    fn register(&self, register: &Register) -> String {
        let key = match &register.key {
            None => "subject".to_owned(),
            Some((giver, attribute)) => format!("{}.{attribute}", self.registers[*giver].name),
        };
        let ask = if register.ask_all { "all" } else { "needed" };
        let attribute = |name: String| {
            let kind = if name == LIST { "texts" } else { "text" };
            format!("[[attribute]]\nid = \"{name}\"\ntype = \"{kind}\"\nat = \"/{name}\"\n")
        };
        let attributes: String = register.attributes().into_iter().map(attribute).collect();
        format!(
            "id = \"{}\"\n{LABEL}key = \"{key}\"\nask = \"{ask}\"\n\
             [request]\npath = \"/{{key}}\"\n[answer]\nabout = \"/id\"\n{attributes}",
            register.name,
        )
    }

    fn organisations(&self) -> String {
        let authority = |pattern: &Pattern| {
            let register = &self.registers[pattern.register].name;
            format!("\"{register}.{}\"", pattern.attribute.as_deref().unwrap_or("*"))
        };
        let organisation = |(index, patterns): (usize, &Vec<Pattern>)| {
            let head = format!("[[organisation]]\nid = \"o{index}\"\n{LABEL}");
            let attributes: Vec<_> = patterns.iter().map(authority).collect();
            let attributes = attributes.join(", ");
            match patterns.is_empty() {
                true => head,
                false => format!(
                    "{head}[[organisation.authority]]\nprocedures = [\"*\"]\n\
                     attributes = [{attributes}]\n",
                ),
            }
        };
        self.authority.iter().enumerate().map(organisation).collect()
    }

    fn procedure(&self) -> String {
        let consent = if self.by_law { "not-required" } else { "reuse-consent" };
        let mut text = format!(
            "id = \"form\"\nversion = 1\nowner = \"o0\"\n{LABEL}purpose = \"p\"\n\
             legal-basis = \"l\"\nback-office-consent = \"{consent}\"\n",
        );
        if self.own_view {
            text += "channel = \"self\"\n";
        }
        for (index, role) in self.roles.iter().enumerate() {
            text += &format!("[[role]]\nid = \"{}\"\nminor = {}\n", role_name(index), role.minor);
            if let Some((by, register)) = role.listed_in {
                let register = &self.registers[register].name;
                text += &format!("listed-in = \"{}:{register}.{LIST}\"\n", role_name(by));
            }
        }
        text += &format!("[[step]]\nid = \"step\"\n{LABEL}");
        for (index, field) in self.fields.iter().enumerate() {
            let from = field.from.iter();
            let from = from
                .map(|(register, name)| format!("\"{}.{name}\"", self.registers[*register].name));
            let from: Vec<_> = from.collect();
            text += &format!(
                "[[step.field]]\nid = \"f{index}\"\n{LABEL}role = \"{}\"\n\
                 from = [{}]\nback-office = {}\n",
                role_name(field.role),
                from.join(", "),
                field.back_office,
            );
            if let Some(seconds) = field.max_age {
                text += &format!("max-age = \"{seconds}s\"\n");
            }
        }
        text
    }
}

const LABEL: &str = "label = { fr = \"a\", de = \"b\", en = \"c\", lb = \"d\" }\n";

fn role_name(index: usize) -> String {
    if index == 0 { "applicant".to_owned() } else { format!("role{index}") }
}

type RawRegister = (usize, Option<(Index, Index)>, bool);
type RawField = (Index, Vec<(Index, Index)>, Option<u64>, bool);

prop_compose! {
    /// A catalogue of a few registers, whose names sort otherwise than they
    /// depend on each other, and one procedure.
    pub(crate) fn world()(
        names in Just(["a", "b", "c", "d", "e"]).prop_shuffle(),
        registers in prop::collection::vec(register(), 1..=5),
        roles in prop::collection::vec((any::<Index>(), any::<Index>()), 0..=3),
        fields in prop::collection::vec(field(), 1..8),
        authority in prop::collection::vec(
            prop::collection::vec((any::<Index>(), any::<Option<Index>>()), 0..4),
            1..=3,
        ),
        by_law in any::<bool>(),
        own_view in prop::bool::weighted(0.3),
    ) -> World {
        let registers = connect(names, &registers);
        let roles = related(&roles, registers.len());
        let attribute = |register: usize, at: Index| {
            format!("a{}", at.index(registers[register].texts))
        };
        let fields = fields.into_iter().map(|(role, from, max_age, back_office)| {
            let mut from: Vec<_> = from.into_iter().map(|(register, at)| {
                let register = register.index(registers.len());
                (register, attribute(register, at))
            }).collect();
            from.sort();
            from.dedup();
            Field { role: role.index(roles.len()), from, max_age, back_office }
        }).collect();
        let pattern = |(register, at): (Index, Option<Index>)| {
            let register = register.index(registers.len());
            Pattern { register, attribute: at.map(|at| attribute(register, at)) }
        };
        let patterns = |raw: Vec<_>| raw.into_iter().map(pattern).collect();
        let authority = authority.into_iter().map(patterns).collect();
        let own_view = own_view && roles.len() == 1;
        World { registers, roles, fields, authority, by_law, own_view }
    }
}

fn register() -> impl Strategy<Value = RawRegister> {
    (1..4_usize, any::<Option<(Index, Index)>>(), any::<bool>())
}

fn field() -> impl Strategy<Value = RawField> {
    let from = prop::collection::vec((any::<Index>(), any::<Index>()), 1..4);
    (any::<Index>(), from, prop::option::of(0..100_u64), any::<bool>())
}

/// Gives keys to registers: each from one before it, so that there is no cycle.
fn connect(names: [&str; 5], raw: &[RawRegister]) -> Vec<Register> {
    let mut registers: Vec<Register> = Vec::new();
    for ((texts, key, ask_all), name) in raw.iter().zip(names) {
        let key = key.filter(|_| !registers.is_empty()).map(|(giver, attribute)| {
            let giver = giver.index(registers.len());
            (giver, format!("a{}", attribute.index(registers[giver].texts)))
        });
        registers.push(Register { name: name.to_owned(), texts: *texts, key, ask_all: *ask_all });
    }
    registers
}

/// The applicant, and others listed by one above them.
fn related(raw: &[(Index, Index)], registers: usize) -> Vec<Role> {
    let mut roles = vec![Role { listed_in: None, minor: false }];
    for (by, register) in raw {
        let listed_in = Some((by.index(roles.len()), register.index(registers)));
        roles.push(Role { listed_in, minor: true });
    }
    roles
}

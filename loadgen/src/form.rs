//! A form: what of a procedure's description asking and verifying needs.

use std::collections::BTreeMap;

use fixtures::truth::ATTRIBUTES;
use serde::Deserialize;

use crate::lineage::{self, Part};
use crate::subject::Attributes;

#[cfg(test)]
mod tests;

/// The id of what citizens wrote themselves, among the sources of fields.
const OWN_DATA: &str = "space";

/// A procedure, as `GET /v1/procedures/{id}` describes it.
#[derive(Clone, Debug, Deserialize)]
pub struct Description {
    /// Its name.
    pub id: String,
    version: u64,
    organisation: String,
    roles: Vec<DescribedRole>,
    fields: Vec<DescribedField>,
    notices: Vec<Notice>,
}

#[derive(Clone, Debug, Deserialize)]
struct DescribedRole {
    id: String,
    #[serde(rename = "is")]
    kind: String,
    #[serde(rename = "minorsOnly")]
    minors_only: bool,
}

#[derive(Clone, Debug, Deserialize)]
struct DescribedField {
    name: String,
    role: String,
    sources: Vec<String>,
    #[serde(default, rename = "backOffice")]
    back_office: bool,
}

/// What a procedure may have to say.
#[derive(Clone, Debug, Deserialize)]
pub struct Notice {
    /// Its name.
    pub code: String,
    /// By language.
    pub text: BTreeMap<String, String>,
}

/// A form that can be asked for.
#[derive(Clone, Debug)]
pub struct Form {
    /// Its name.
    pub id: String,
    /// Its version, which a bundle repeats.
    pub version: u64,
    /// Whose form it is, and who asks.
    pub organisation: String,
    /// Each role's name and part; the applicant's first.
    pub roles: Vec<(String, Part)>,
    /// In the form's order, without those that are filled by hand.
    pub fields: Vec<Field>,
    /// In the form's order.
    pub notices: Vec<Notice>,
    /// Every register that may be asked for it.
    pub registers: Vec<String>,
    /// The fields that its organisation may read again.
    pub back_office: Vec<String>,
}

/// Who has a part beside the applicant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// A child.
    pub child: bool,
    /// A company.
    pub company: bool,
}

impl Parts {
    /// How many combinations there are.
    pub const COUNT: usize = 4;

    /// A number for each combination.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.child) + 2 * usize::from(self.company)
    }
}

/// One box of the form.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Whose data fills it.
    pub part: Part,
    /// At least one; the first with a value wins.
    pub sources: Vec<Source>,
}

/// One way to fill a field: `register.attribute`.
#[derive(Clone, Debug)]
pub struct Source {
    name: String,
    /// Its place among the country's attributes.
    place: Option<usize>,
}

impl From<String> for Source {
    fn from(name: String) -> Self {
        let place = ATTRIBUTES.iter().position(|known| **known == *name);
        Self { name, place }
    }
}

impl Source {
    /// As the description has it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The register, or `space`.
    #[must_use]
    pub fn register(&self) -> &str {
        self.name.split_once('.').map_or(&self.name, |(register, _)| register)
    }

    /// Whether citizens write it themselves.
    #[must_use]
    pub fn is_own_data(&self) -> bool {
        self.register() == OWN_DATA
    }

    /// Its place in [`ATTRIBUTES`], where the country has it.
    #[must_use]
    pub fn place(&self) -> Option<usize> {
        self.place
    }
}

/// Why nobody of the country can be asked about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Uncastable {
    /// Such as a second adult.
    #[error("who has the role `{0}` is not known here")]
    Role(String),
    /// No subject fills it.
    #[error("its field `{0}` is of no role")]
    Field(String),
    /// Too small a country.
    #[error("no parent in this country manages a company")]
    Nobody,
}

impl Form {
    /// Gives each role its part.
    ///
    /// # Errors
    /// Where it is for others than one applicant, perhaps a child of theirs and
    /// perhaps a company that they manage.
    pub fn new(described: Description) -> Result<Self, Uncastable> {
        let mut roles: Vec<(String, Part)> = Vec::with_capacity(described.roles.len());
        for role in described.roles {
            match role.part(roles.is_empty()) {
                Some(part) if roles.iter().all(|(_, known)| *known != part) => {
                    roles.push((role.id, part));
                }
                _ => return Err(Uncastable::Role(role.id)),
            }
        }
        let again = described.fields.iter().filter(|it| it.back_office && !it.sources.is_empty());
        let back_office = again.map(|field| field.name.clone()).collect();
        let filled = described.fields.into_iter().filter(|field| !field.sources.is_empty());
        let fields = filled.map(|field| {
            let part = roles.iter().find(|(role, _)| *role == field.role).map(|(_, part)| *part);
            let part = part.ok_or_else(|| Uncastable::Field(field.name.clone()))?;
            let sources = field.sources.into_iter().map(Source::from).collect();
            Ok(Field { name: field.name, part, sources })
        });
        let fields: Vec<Field> = fields.collect::<Result<_, _>>()?;
        let mut registers: Vec<String> = fields.iter().flat_map(Field::all_registers).collect();
        registers.sort_unstable();
        registers.dedup();
        let Description { id, version, organisation, notices, .. } = described;
        Ok(Self { id, version, organisation, roles, fields, notices, registers, back_office })
    }

    /// Who must be found for it.
    #[must_use]
    pub fn parts(&self) -> Parts {
        let has = |part| self.roles.iter().any(|(_, known)| *known == part);
        Parts { child: has(Part::Child), company: has(Part::Company) }
    }

    /// What must be known of whoever has this part.
    #[must_use]
    pub fn attributes(&self, part: Part) -> Attributes {
        let mut attributes = Attributes::default();
        let fields = self.fields.iter().filter(|field| field.part == part);
        fields
            .flat_map(|field| &field.sources)
            .filter_map(Source::place)
            .for_each(|place| attributes.insert(place));
        attributes
    }
}

impl Field {
    /// The registers that must answer before this source fills the field.
    pub fn registers<'a>(&self, source: &'a Source) -> impl Iterator<Item = &'a str> {
        let shown_by = lineage::shown_by(self.part);
        let own = source.is_own_data();
        lineage::line(source.register()).filter(move |_| !own).chain(shown_by)
    }

    fn all_registers(&self) -> impl Iterator<Item = String> {
        self.sources.iter().flat_map(|source| self.registers(source)).map(str::to_owned)
    }
}

impl DescribedRole {
    /// None for whom the country has nobody.
    fn part(&self, is_first: bool) -> Option<Part> {
        match (&*self.kind, self.minors_only) {
            ("natural", false) if is_first => Some(Part::Applicant),
            ("natural", true) if !is_first => Some(Part::Child),
            ("legal", false) if !is_first => Some(Part::Company),
            _ => None,
        }
    }
}

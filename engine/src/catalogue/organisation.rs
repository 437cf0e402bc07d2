//! Public bodies: what each may have, and for whom a platform may ask.

use super::Labels;
use super::reader::{File, Line, Placed, Table};
use crate::model::OrganisationId;

/// A public body that receives data, or an operator that asks for such bodies.
#[derive(Debug)]
pub struct Organisation {
    /// Its place in the catalogue.
    pub id: OrganisationId,
    /// Its name, such as `justice`.
    pub name: Box<str>,
    /// What people call it.
    pub label: Labels,
    /// For which organisations it may ask.
    pub acts_for: ActsFor,
}

impl Organisation {
    /// Whether it may ask for `other`; everybody may for themselves.
    #[must_use]
    pub fn may_act_for(&self, other: OrganisationId) -> bool {
        match &self.acts_for {
            _ if self.id == other => true,
            ActsFor::All => true,
            ActsFor::Some(listed) => listed.contains(&other),
        }
    }
}

/// A delegation.
#[derive(Debug, PartialEq, Eq)]
pub enum ActsFor {
    /// For every organisation.
    All,
    /// For those listed.
    Some(Vec<OrganisationId>),
}

/// What an organisation may have, as written.
pub(super) struct Authority {
    pub(super) procedures: Vec<Placed>,
    pub(super) attributes: Vec<Placed>,
}

/// An organisation as its file says.
pub(super) struct Draft {
    pub(super) id: OrganisationId,
    pub(super) name: Placed,
    pub(super) label: Labels,
    pub(super) acts_for: Vec<Placed>,
    pub(super) authority: Vec<Authority>,
    pub(super) line: Line,
}

/// Reads a file of organisations; the first gets the id `from`. Those without a
/// name that can be read have none, and may be any that others name.
pub(super) fn read(file: &File<'_>, from: usize) -> Vec<Draft> {
    let document = file.parse();
    let table = Table::root(file, &document);
    let mut drafts = Vec::new();
    let tables = table.list_of_tables("organisation");
    if tables.as_ref().is_some_and(Vec::is_empty) {
        file.mistake(Line(1), "a file of organisations needs at least one [[organisation]]");
    }
    for organisation in tables.into_iter().flatten() {
        let name = organisation.name("id");
        let label = organisation.labels("label");
        let acts_for = organisation.texts("acts-for");
        let authority = organisation.tables("authority").into_iter().map(read_authority).collect();
        let line = organisation.line();
        organisation.finish();
        let id = OrganisationId((from + drafts.len()) as u16);
        drafts.push(Draft { id, name, label, acts_for, authority, line });
    }
    table.finish();
    drafts
}

fn read_authority(table: Table<'_>) -> Authority {
    let needed = |key, all| {
        let texts = table.list_of_texts(key);
        if texts.as_ref().is_some_and(Vec::is_empty) {
            let what = format!("`{key}` must name at least one, or all of them: \"{all}\"");
            table.mistake(table.line(), what);
        }
        texts.unwrap_or_default()
    };
    let (procedures, attributes) = (needed("procedures", "*"), needed("attributes", "register.*"));
    let authority = Authority { procedures, attributes };
    table.finish();
    authority
}

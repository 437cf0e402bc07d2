//! Compiles the plan of a procedure, and checks that each of its sources can be
//! reached.

use super::field::{Field, FieldDraft};
use super::plan::{CallKey, Candidate, PlannedCall, Proof};
use super::procedure::{APPLICANT, RoleDraft};
use super::reader::{File, Line, Placed, nearest};
use super::register::{Attribute, Key, Kind, Of, Register};
use super::sources::Sources;
use crate::model::{CallSet, CandidateSet, RegisterId};

/// Compiles candidates and calls of one procedure.
pub(super) struct Planner<'a, 'f> {
    file: &'a File<'f>,
    sources: &'a Sources,
    roles: &'a [RoleDraft],
    planned: Planned,
}

/// What fills a procedure.
#[derive(Default)]
pub(super) struct Planned {
    pub(super) candidates: Vec<Candidate>,
    pub(super) calls: Vec<PlannedCall>,
    /// Where each candidate stands in its file.
    pub(super) lines: Vec<Line>,
    /// The type of each field, where it can be told.
    pub(super) kinds: Vec<Option<Kind>>,
}

impl<'a, 'f> Planner<'a, 'f> {
    pub(super) fn new(file: &'a File<'f>, sources: &'a Sources, roles: &'a [RoleDraft]) -> Self {
        Self { file, sources, roles, planned: Planned::default() }
    }

    /// Completes a field and adds its candidates.
    pub(super) fn field(&mut self, draft: &FieldDraft, index: usize) -> Field {
        let start = self.planned.candidates.len();
        let role = self.role(draft.role.as_ref());
        let from = draft.from.iter().flatten();
        let found: Vec<_> = from.map(|from| (from, self.attribute(from))).collect();
        let (mut field, kind) = self.inherit(draft, found.first().and_then(|(_, found)| *found));
        field.role = role.unwrap_or(0);
        self.planned.kinds.push(kind);
        for (from, found) in found {
            if let (Some(role), Some((register, attribute))) = (role, found) {
                self.candidate(&field, index, role, (register, attribute), from.line);
            }
        }
        field.candidates = start..self.planned.candidates.len();
        field
    }

    fn role(&self, named: Option<&Placed>) -> Option<usize> {
        // A procedure without roles has been reported already.
        let Some(name) = named else { return (!self.roles.is_empty()).then_some(0) };
        let found = self.roles.iter().position(|role| role.role.name == name.text);
        if found.is_none() && self.all_named(&name.text, self.roles) {
            let near = nearest(&name.text, self.roles.iter().map(|role| &*role.role.name));
            let what = format!("there is no role `{}` in this procedure{near}", name.text);
            self.file.mistake(name.line, what);
        }
        found
    }

    /// Whether a name that is none of `roles` cannot be meant for one whose own
    /// name is wrong or unread.
    fn all_named(&self, name: &str, roles: &[RoleDraft]) -> bool {
        !self.roles.is_empty()
            && name != APPLICANT
            && roles.iter().all(|role| !role.role.name.is_empty())
    }

    /// A field's label and type, as written or as its first source has them; the
    /// type again, where it can be told.
    fn inherit(
        &self,
        draft: &FieldDraft,
        first: Option<(RegisterId, usize)>,
    ) -> (Field, Option<Kind>) {
        let first = first.map(|(holder, index)| {
            let holder = &self.sources[holder];
            (holder, &holder.attributes[index])
        });
        let theirs = first.and_then(|(_, attribute)| attribute.label.as_ref());
        let label = draft.label.as_ref().or(theirs);
        // A source that is not known has been said.
        if label.is_none() && (first.is_some() || draft.by_hand()) {
            let source = first.map_or_else(String::new, |(holder, attribute)| {
                format!(", here or at {}.{}", holder.name, attribute.name)
            });
            let what = "`label` is missing; write label = \
                        { fr = \"..\", de = \"..\", en = \"..\", lb = \"..\" }";
            self.file.mistake(draft.line, format!("{what}{source}"));
        }
        let by_hand = draft.by_hand().then_some(draft.field.kind);
        let inherited = first.map(|(_, attribute)| attribute.kind).or(by_hand);
        let kind = draft.kind.unwrap_or(inherited);
        let field = Field {
            label: label.cloned().unwrap_or_default(),
            kind: kind.unwrap_or(draft.field.kind),
            ..draft.field.clone()
        };
        (field, kind)
    }

    fn candidate(
        &mut self,
        field: &Field,
        index: usize,
        role: usize,
        (register, attribute): (RegisterId, usize),
        line: Line,
    ) {
        self.fits(field, index, role, (register, attribute), line);
        if self.planned.candidates.len() == CandidateSet::CAPACITY {
            self.file.mistake(line, "a procedure has at most 128 sources of fields in all");
            return;
        }
        let Some(call) = self.call(role, register, line) else { return };
        let repeated = |known: &Candidate| {
            known.field == index && known.register == register && known.attribute == attribute
        };
        if self.planned.candidates.iter().any(repeated) {
            self.file.mistake(line, "this source is listed twice");
            return;
        }
        self.planned.calls[call].candidates.insert(self.planned.candidates.len());
        self.planned.candidates.push(Candidate { field: index, role, register, attribute, call });
        self.planned.lines.push(line);
    }

    /// Says where a source's values are no field's of this type, or nobody's of
    /// this role.
    fn fits(
        &self,
        field: &Field,
        index: usize,
        role: usize,
        (register, attribute): (RegisterId, usize),
        line: Line,
    ) {
        let holder = &self.sources[register];
        let attribute = &holder.attributes[attribute];
        if self.planned.kinds[index].is_some_and(|kind| kind != attribute.kind) {
            let what = format!(
                "field `{}` is of type {}, but {}.{} is of type {}",
                field.name,
                field.kind.as_str(),
                holder.name,
                attribute.name,
                attribute.kind.as_str(),
            );
            self.file.mistake(line, what);
        }
        let role_draft = &self.roles[role];
        if holder.dialect.is_none() && role > 0 {
            self.file.mistake(line, "own data is the applicant's: it fills no other role's fields");
        } else if role_draft.natural.is_some_and(|natural| !holder.of.knows(natural)) {
            let remedy = self.others(holder).map_or_else(
                || "name a source that does".to_owned(),
                |other| format!("write role = \"{other}\", or name a source that does"),
            );
            self.file.mistake(line, format!("{}; {remedy}", stranger(holder, role_draft)));
        }
    }

    /// A role whose subjects a register knows.
    fn others(&self, holder: &Register) -> Option<&'a str> {
        let knows = |role: &&RoleDraft| role.natural.is_some_and(|it| holder.of.knows(it));
        self.roles.iter().find(knows).map(|role| &*role.role.name)
    }

    /// The call for a role and register, added after those it depends on.
    /// `None` where there are too many; registers' keys have no cycle.
    fn call(&mut self, role: usize, register: RegisterId, line: Line) -> Option<usize> {
        let known = |call: &PlannedCall| call.role == role && call.register == register;
        if let Some(index) = self.planned.calls.iter().position(known) {
            return Some(index);
        }
        let key = match self.sources[register].key {
            Key::Subject => CallKey::Subject,
            Key::Attribute(other, attribute) => {
                CallKey::Answer { call: self.call(role, other, line)?, attribute }
            }
        };
        let proof = self.proof(role);
        if self.planned.calls.len() == CallSet::CAPACITY {
            self.file.mistake(line, "a procedure makes at most 32 register calls");
            return None;
        }
        let parents = [
            match key {
                CallKey::Answer { call, .. } => Some(call),
                CallKey::Subject => None,
            },
            proof.map(|proof| proof.call),
        ];
        let ancestors = parents.into_iter().flatten().fold(CallSet::EMPTY, |all, call| {
            all.union(self.planned.calls[call].ancestors).union(CallSet::only(call))
        });
        self.planned.calls.push(PlannedCall {
            role,
            register,
            key,
            proof,
            ancestors,
            candidates: CandidateSet::EMPTY,
            dependents: CandidateSet::EMPTY,
        });
        Some(self.planned.calls.len() - 1)
    }

    fn proof(&mut self, role: usize) -> Option<Proof> {
        let listed_in = self.roles[role].listed_in()?;
        let (by, attribute) = listed_in.text.split_once(':')?;
        let by = self.roles[..role].iter().position(|known| &*known.role.name == by)?;
        let (register, attribute) = self.sources.attribute(attribute)?;
        let call = self.call(by, register, listed_in.line)?;
        Some(Proof { call, attribute })
    }

    /// Checks what each role says of its relation.
    pub(super) fn check_roles(&self) {
        for (index, role) in self.roles.iter().enumerate() {
            let name = &role.role.name;
            if (role.natural, role.minor) == (Some(false), Some(true)) {
                self.file.demand(role.line, "a legal person is no minor: leave `minor` out");
            }
            if index > 0 && (role.natural, role.minor) == (Some(true), Some(false)) {
                let what = format!(
                    "role `{name}` must be minor = true: another adult's data is never reached \
                     through the applicant's",
                );
                self.file.mistake(role.line, what);
            }
            if index > 0 && role.listed_in.is_none() {
                let what = format!(
                    "role `{name}` has no relation to the applicant; write listed-in = \
                     \"applicant:register.attribute\"",
                );
                self.file.mistake(role.line, what);
            }
            if let Some(listed_in) = role.listed_in() {
                self.check_list(role, index, listed_in);
            }
        }
    }

    /// Checks that subjects of a role are in a list that somebody above it has.
    fn check_list(&self, role: &RoleDraft, index: usize, listed_in: &Placed) {
        let above = &self.roles[..index];
        let named = listed_in.text.split_once(':').map(|(by, attribute)| {
            (by, attribute, above.iter().find(|known| &*known.role.name == by))
        });
        let Some((by, attribute, asked)) = named
            .filter(|(by, _, asked)| asked.is_some() || index > 0 && !self.all_named(by, above))
        else {
            let what = "`listed-in` must be \"role:register.attribute\", of a role above this one";
            self.file.mistake(listed_in.line, what);
            return;
        };
        let placed = Placed { text: attribute.into(), line: listed_in.line };
        let Some((register, attribute)) = self.attribute(&placed) else { return };
        let holder = &self.sources[register];
        let attribute = &holder.attributes[attribute];
        if attribute.kind != Kind::Texts {
            self.file.mistake(listed_in.line, "`listed-in` must name a list of identifiers");
        } else {
            self.check_listed(role, holder, attribute, listed_in);
        }
        if let Some(asked) = asked
            && asked.natural.is_some_and(|natural| !holder.of.knows(natural))
        {
            let what =
                format!("{}; name a list of whom `{by}` may act for", stranger(holder, asked));
            self.file.mistake(listed_in.line, what);
        }
    }

    /// Checks that a list holds such persons as a role is for.
    fn check_listed(
        &self,
        role: &RoleDraft,
        holder: &Register,
        attribute: &Attribute,
        listed_in: &Placed,
    ) {
        let list = format!("{}.{}", holder.name, attribute.name);
        let what = match (attribute.lists, role.natural) {
            (None, _) => format!(
                "{list} does not say whom it lists; write lists = \"natural\" or \"legal\" in its \
                 [[attribute]]",
            ),
            (Some(lists), Some(natural)) if lists != natural => format!(
                "{list} lists {} persons, and `{}` is a {} person; write is = \"{}\", or name \
                 another list",
                person(lists),
                role.role.name,
                person(natural),
                person(lists),
            ),
            _ => return,
        };
        self.file.demand(listed_in.line, what);
    }

    /// Fills in what each refusal costs, once every call is known.
    pub(super) fn finish(mut self) -> Planned {
        for index in 0..self.planned.calls.len() {
            let role = self.planned.calls[index].role;
            let below = |call: &PlannedCall| call.role == role && call.ancestors.contains(index);
            let dependents = self
                .planned
                .calls
                .iter()
                .filter(|call| below(call))
                .fold(self.planned.calls[index].candidates, |all, call| all.union(call.candidates));
            self.planned.calls[index].dependents = dependents;
        }
        self.planned
    }

    fn attribute(&self, from: &Placed) -> Option<(RegisterId, usize)> {
        let found = self.sources.attribute(&from.text);
        if found.is_none() {
            self.sources.say_unknown(self.file, from);
        }
        found
    }
}

fn person(natural: bool) -> &'static str {
    if natural { "natural" } else { "legal" }
}

/// Why a register says nothing of a role's subjects.
fn stranger(holder: &Register, role: &RoleDraft) -> String {
    format!(
        "{} knows {} persons only, and `{}` is none",
        holder.name,
        person(holder.of == Of::Natural),
        role.role.name,
    )
}

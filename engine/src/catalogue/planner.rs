//! Compiles the plan of a procedure, and checks that each of its sources can be
//! reached.

use super::field::{Field, FieldDraft};
use super::plan::{CallKey, Candidate, PlannedCall, Proof};
use super::procedure::RoleDraft;
use super::reader::{File, Line, Placed};
use super::register::{Key, Kind};
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
}

impl<'a, 'f> Planner<'a, 'f> {
    pub(super) fn new(file: &'a File<'f>, sources: &'a Sources, roles: &'a [RoleDraft]) -> Self {
        Self { file, sources, roles, planned: Planned::default() }
    }

    /// Completes a field and adds its candidates.
    pub(super) fn field(&mut self, draft: &FieldDraft, index: usize) -> Field {
        let start = self.planned.candidates.len();
        let role = self.role(draft.role.as_ref());
        let found: Vec<_> = draft.from.iter().map(|from| (from, self.attribute(from))).collect();
        let mut field = self.inherit(draft, found.first().and_then(|(_, found)| *found));
        field.role = role.unwrap_or(0);
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
        if found.is_none() {
            let what = format!("there is no role `{}` in this procedure", name.text);
            self.file.mistake(name.line, what);
        }
        found
    }

    /// A field's label and type, as written or as its first source has them.
    fn inherit(&self, draft: &FieldDraft, first: Option<(RegisterId, usize)>) -> Field {
        let first = first.map(|(holder, index)| {
            let holder = &self.sources[holder];
            (holder, &holder.attributes[index])
        });
        let theirs = first.and_then(|(_, attribute)| attribute.label.as_ref());
        let label = draft.label.as_ref().or(theirs);
        // A source that is not known has been said.
        if label.is_none() && (first.is_some() || draft.from.is_empty()) {
            let source = first.map_or_else(String::new, |(holder, attribute)| {
                format!(", here or at {}.{}", holder.name, attribute.name)
            });
            let what = "`label` is missing; write label = \
                        { fr = \"..\", de = \"..\", en = \"..\", lb = \"..\" }";
            self.file.mistake(draft.line, format!("{what}{source}"));
        }
        let kind = draft.kind.or(first.map(|(_, attribute)| attribute.kind));
        Field {
            label: label.cloned().unwrap_or_default(),
            kind: kind.unwrap_or(draft.field.kind),
            ..draft.field.clone()
        }
    }

    fn candidate(
        &mut self,
        field: &Field,
        index: usize,
        role: usize,
        (register, attribute): (RegisterId, usize),
        line: Line,
    ) {
        let holder = &self.sources[register];
        let kind = holder.attributes[attribute].kind;
        if kind != field.kind {
            let what = format!(
                "field `{}` is of type {}, but {}.{} is of type {}",
                field.name,
                field.kind.as_str(),
                holder.name,
                holder.attributes[attribute].name,
                kind.as_str(),
            );
            self.file.mistake(line, what);
        }
        if holder.dialect.is_none() && role > 0 {
            self.file.mistake(line, "own data is the applicant's: it fills no other role's fields");
        }
        if !holder.of.knows(self.roles[role].role.natural) {
            let what = format!(
                "{} does not know subjects such as `{}`",
                holder.name, self.roles[role].role.name
            );
            self.file.mistake(line, what);
        }
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
        let listed_in = self.roles[role].listed_in.as_ref()?;
        let (by, attribute) = listed_in.text.split_once(':')?;
        let by = self.roles[..role].iter().position(|known| &*known.role.name == by)?;
        let placed = Placed { text: attribute.into(), line: listed_in.line };
        let (register, attribute) = self.attribute(&placed)?;
        let call = self.call(by, register, listed_in.line)?;
        Some(Proof { call, attribute })
    }

    /// Checks what each role says of its relation.
    pub(super) fn check_roles(&self) {
        for (index, role) in self.roles.iter().enumerate() {
            if role.role.minor && !role.role.natural {
                self.file.demand(role.line, "a legal person is no minor: leave `minor` out");
            }
            if index > 0 && role.role.natural && !role.role.minor {
                let what = format!(
                    "role `{}` must be minor = true: another adult's data is never reached through the applicant's",
                    role.role.name,
                );
                self.file.mistake(role.line, what);
            }
            let Some(listed_in) = &role.listed_in else {
                if index > 0 {
                    let what = format!(
                        "role `{}` has no relation to the applicant; write listed-in = \"applicant:register.attribute\"",
                        role.role.name,
                    );
                    self.file.mistake(role.line, what);
                }
                continue;
            };
            let earlier =
                |by: &str| self.roles[..index].iter().any(|known| &*known.role.name == by);
            let known = listed_in.text.split_once(':').filter(|(by, _)| earlier(by));
            let Some((by, attribute)) = known else {
                let what =
                    "`listed-in` must be \"role:register.attribute\", of a role above this one";
                self.file.mistake(listed_in.line, what);
                continue;
            };
            let placed = Placed { text: attribute.into(), line: listed_in.line };
            if let Some((register, attribute)) = self.attribute(&placed) {
                if self.sources[register].attributes[attribute].kind != Kind::Texts {
                    self.file
                        .mistake(listed_in.line, "`listed-in` must name a list of identifiers");
                }
                let holder = &self.sources[register];
                let asked = self.roles.iter().find(|known| &*known.role.name == by);
                if asked.is_some_and(|asked| !holder.of.knows(asked.role.natural)) {
                    let what = format!("{} does not know subjects such as `{by}`", holder.name);
                    self.file.mistake(listed_in.line, what);
                }
            }
        }
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

//! Compiles the plan of a procedure, and checks that each of its sources can be
//! reached.

use super::plan::{CallKey, Candidate, PlannedCall, Proof};
use super::procedure::{Field, FieldDraft, RoleDraft};
use super::reader::{File, Line, Placed};
use super::register::{Key, Kind, Register};
use crate::model::{CallSet, CandidateSet, RegisterId};

/// Compiles candidates and calls of one procedure.
pub(super) struct Planner<'a, 'f> {
    pub(super) file: &'a File<'f>,
    pub(super) registers: &'a [Register],
    pub(super) roles: &'a [RoleDraft],
    pub(super) candidates: Vec<Candidate>,
    pub(super) calls: Vec<PlannedCall>,
}

impl Planner<'_, '_> {
    /// Adds the candidates of a field.
    pub(super) fn field(&mut self, draft: &FieldDraft, index: usize) -> std::ops::Range<usize> {
        let start = self.candidates.len();
        let role = match &draft.role {
            // A procedure without roles has been reported already.
            None => (!self.roles.is_empty()).then_some(0),
            Some(name) => {
                let found = self.roles.iter().position(|role| role.role.name == name.text);
                if found.is_none() {
                    let what = format!("there is no role `{}` in this procedure", name.text);
                    self.file.mistake(name.line, what);
                }
                found
            }
        };
        for from in &draft.from {
            let found = self.attribute(from);
            if let (Some(role), Some((register, attribute))) = (role, found) {
                self.candidate(&draft.field, index, role, (register, attribute), from.line);
            }
        }
        start..self.candidates.len()
    }

    fn candidate(
        &mut self,
        field: &Field,
        index: usize,
        role: usize,
        (register, attribute): (RegisterId, usize),
        line: Line,
    ) {
        let holder = &self.registers[register.index()];
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
        if holder.natural != self.roles[role].role.natural {
            let what = format!(
                "{} does not know subjects such as `{}`",
                holder.name, self.roles[role].role.name
            );
            self.file.mistake(line, what);
        }
        if self.candidates.len() == CandidateSet::CAPACITY {
            self.file.mistake(line, "a procedure has at most 128 sources of fields in all");
            return;
        }
        let Some(call) = self.call(role, register, line) else { return };
        let repeated = |known: &Candidate| {
            known.field == index && known.register == register && known.attribute == attribute
        };
        if self.candidates.iter().any(repeated) {
            self.file.mistake(line, "this source is listed twice");
            return;
        }
        self.calls[call].candidates.insert(self.candidates.len());
        self.candidates.push(Candidate { field: index, role, register, attribute, call });
    }

    /// The call for a role and register, added after those it depends on.
    /// `None` where there are too many; registers' keys have no cycle.
    fn call(&mut self, role: usize, register: RegisterId, line: Line) -> Option<usize> {
        let known = |call: &PlannedCall| call.role == role && call.register == register;
        if let Some(index) = self.calls.iter().position(known) {
            return Some(index);
        }
        let key = match self.registers[register.index()].key {
            Key::Subject => CallKey::Subject,
            Key::Attribute(other, attribute) => {
                CallKey::Answer { call: self.call(role, other, line)?, attribute }
            }
        };
        let proof = self.proof(role);
        if self.calls.len() == CallSet::CAPACITY {
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
            all.union(self.calls[call].ancestors).union(CallSet::only(call))
        });
        self.calls.push(PlannedCall {
            role,
            register,
            key,
            proof,
            ancestors,
            candidates: CandidateSet::EMPTY,
            dependents: CandidateSet::EMPTY,
        });
        Some(self.calls.len() - 1)
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
                if self.registers[register.index()].attributes[attribute].kind != Kind::Texts {
                    self.file
                        .mistake(listed_in.line, "`listed-in` must name a list of identifiers");
                }
                let holder = &self.registers[register.index()];
                let asked = self.roles.iter().find(|known| &*known.role.name == by);
                if asked.is_some_and(|asked| asked.role.natural != holder.natural) {
                    let what = format!("{} does not know subjects such as `{by}`", holder.name);
                    self.file.mistake(listed_in.line, what);
                }
            }
        }
    }

    /// Fills in what each refusal costs, once every call is known.
    pub(super) fn finish(mut self) -> (Vec<Candidate>, Vec<PlannedCall>) {
        for index in 0..self.calls.len() {
            let role = self.calls[index].role;
            let below = |call: &PlannedCall| call.role == role && call.ancestors.contains(index);
            let dependents = self
                .calls
                .iter()
                .filter(|call| below(call))
                .fold(self.calls[index].candidates, |all, call| all.union(call.candidates));
            self.calls[index].dependents = dependents;
        }
        (self.candidates, self.calls)
    }

    fn attribute(&self, from: &Placed) -> Option<(RegisterId, usize)> {
        let found = find_attribute(self.registers, &from.text);
        if found.is_none() {
            self.file.mistake(from.line, unknown_attribute(self.registers, &from.text));
        }
        found
    }
}

/// Finds `register.attribute`.
pub(super) fn find_attribute(registers: &[Register], text: &str) -> Option<(RegisterId, usize)> {
    let (register, attribute) = text.split_once('.')?;
    let register = registers.iter().find(|known| &*known.name == register)?;
    Some((register.id, register.find(attribute)?))
}

/// What to say of a text that names no attribute.
pub(super) fn unknown_attribute(registers: &[Register], text: &str) -> String {
    let Some((register, _)) = text.split_once('.') else {
        return format!("\"{text}\" must be \"register.attribute\"");
    };
    match registers.iter().find(|known| &*known.name == register) {
        None => {
            let names: Vec<_> = registers.iter().map(|register| &*register.name).collect();
            format!("unknown register in \"{text}\"; known are {}", names.join(", "))
        }
        Some(register) => {
            let names: Vec<_> = register.attributes.iter().map(|known| &*known.name).collect();
            format!("unknown attribute \"{text}\"; {} has {}", register.name, names.join(", "))
        }
    }
}

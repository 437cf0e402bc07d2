//! Dense ids and the bitsets over them. They mean something only together with
//! the digest of the catalogue that handed them out.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $inner:ty) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize,
        )]
        pub struct $name(pub $inner);

        impl $name {
            /// The id as an index into the catalogue's table.
            #[must_use]
            pub fn index(self) -> usize {
                usize::from(self.0)
            }
        }
    };
}

id!(
    /// A register's place in the catalogue.
    RegisterId, u8
);
id!(
    /// An organisation's place in the catalogue.
    OrganisationId, u16
);
id!(
    /// A procedure's place in the catalogue.
    ProcedureId, u16
);

macro_rules! set {
    ($(#[$doc:meta])* $name:ident, $bits:ty) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, Hash,
            serde::Serialize, serde::Deserialize,
        )]
        pub struct $name(pub $bits);

        impl $name {
            /// How many members a set can have.
            pub const CAPACITY: usize = <$bits>::BITS as usize;
            /// No member.
            pub const EMPTY: Self = Self(0);

            /// The first `count` members. `count` is at most the capacity.
            #[must_use]
            pub fn first(count: usize) -> Self {
                if count >= Self::CAPACITY { Self(<$bits>::MAX) } else { Self((1 << count) - 1) }
            }

            /// One member.
            #[must_use]
            pub fn only(index: usize) -> Self {
                Self(1 << index)
            }

            /// Adds a member.
            pub fn insert(&mut self, index: usize) {
                self.0 |= 1 << index;
            }

            /// Whether `index` is a member.
            #[must_use]
            pub fn contains(self, index: usize) -> bool {
                self.0 >> index & 1 == 1
            }

            /// Whether it has no member.
            #[must_use]
            pub fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// Members of either.
            #[must_use]
            pub fn union(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// Members of both.
            #[must_use]
            pub fn intersection(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }

            /// Members of this one that the other lacks.
            #[must_use]
            pub fn without(self, other: Self) -> Self {
                Self(self.0 & !other.0)
            }

            /// Whether every member of `other` is one of this.
            #[must_use]
            pub fn covers(self, other: Self) -> bool {
                other.0 & !self.0 == 0
            }

            /// Whether they share a member.
            #[must_use]
            pub fn intersects(self, other: Self) -> bool {
                self.0 & other.0 != 0
            }

            /// The members, ascending.
            pub fn iter(self) -> impl Iterator<Item = usize> {
                let mut rest = self.0;
                std::iter::from_fn(move || {
                    (rest != 0).then(|| {
                        let index = rest.trailing_zeros() as usize;
                        rest &= rest - 1;
                        index
                    })
                })
            }
        }

        impl FromIterator<usize> for $name {
            fn from_iter<I: IntoIterator<Item = usize>>(members: I) -> Self {
                let mut set = Self::EMPTY;
                members.into_iter().for_each(|index| set.insert(index));
                set
            }
        }
    };
}

set!(
    /// Fields of one procedure.
    FieldSet, u128
);
set!(
    /// Candidates (field x attribute) of one procedure.
    CandidateSet, u128
);
set!(
    /// Calls of one procedure's plan.
    CallSet, u32
);
set!(
    /// Registers of one catalogue.
    RegisterSet, u128
);
set!(
    /// Attributes of one register.
    AttributeMask, u64
);

//! The compiled graph of calls against a naive search for what each needs.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::world::{World, world};
use crate::catalogue::{CallKey, Catalogue, Procedure};

/// Whom a call asks, about whom: (role, register), by index in the world.
type Asked = (usize, usize);

/// What must be asked before `call` can be, near and far.
fn needs(world: &World, (role, register): Asked) -> BTreeSet<Asked> {
    let giver = world.registers[register].key.as_ref().map(|(giver, _)| (role, *giver));
    let lister = world.roles[role].listed_in;
    let direct = giver.into_iter().chain(lister);
    direct.flat_map(|call| needs(world, call).into_iter().chain([call])).collect()
}

/// A compiled call in the world's terms.
fn asked(world: &World, catalogue: &Catalogue, procedure: &Procedure, call: usize) -> Asked {
    let call = &procedure.calls[call];
    let name = &*catalogue.register(call.register).name;
    let register = world.registers.iter().position(|known| known.name == name).unwrap();
    (call.role, register)
}

fn check(world: &World) {
    let catalogue = world.compile();
    let procedure = &catalogue.procedures()[0];
    let asked = |call| asked(world, &catalogue, procedure, call);

    let candidates = world.candidates();
    assert_eq!(procedure.candidates.len(), candidates.len());
    let mut filled: BTreeMap<Asked, BTreeSet<usize>> = BTreeMap::new();
    for (index, (field, role, register, attribute)) in candidates.into_iter().enumerate() {
        let seen = &procedure.candidates[index];
        assert!(procedure.fields[field].candidates.contains(&index));
        assert_eq!((seen.field, seen.role, asked(seen.call)), (field, role, (role, register)));
        let known = &catalogue.register(seen.register).attributes[seen.attribute];
        assert_eq!(*known.name, *attribute);
        filled.entry((role, register)).or_default().insert(index);
    }

    let wanted: BTreeSet<Asked> =
        filled.keys().flat_map(|call| needs(world, *call).into_iter().chain([*call])).collect();
    let calls: Vec<Asked> = (0..procedure.calls.len()).map(asked).collect();
    assert_eq!(calls.iter().copied().collect::<BTreeSet<_>>(), wanted);
    assert_eq!(calls.len(), wanted.len(), "one call for each role and register");

    for (index, call) in procedure.calls.iter().enumerate() {
        let ancestors: BTreeSet<_> = call.ancestors.iter().map(asked).collect();
        assert_eq!(ancestors, needs(world, calls[index]));
        assert!(call.ancestors.iter().all(|above| above < index), "after those it depends on");
        let own = filled.get(&calls[index]).cloned().unwrap_or_default();
        assert_eq!(call.candidates.iter().collect::<BTreeSet<_>>(), own);
        let of_role = filled.iter().filter(|((role, _), _)| *role == call.role);
        let below = of_role.filter(|(other, _)| {
            **other == calls[index] || needs(world, **other).contains(&calls[index])
        });
        let lost: BTreeSet<_> = below.flat_map(|(_, candidates)| candidates).copied().collect();
        assert_eq!(call.dependents.iter().collect::<BTreeSet<_>>(), lost);
        check_key(world, &catalogue, index, calls[index]);
    }
}

/// The key and the proof of a call name the attribute that the world says.
fn check_key(world: &World, catalogue: &Catalogue, index: usize, (role, register): Asked) {
    let procedure = &catalogue.procedures()[0];
    let named = |call: usize, attribute: usize| {
        let holder = catalogue.register(procedure.calls[call].register);
        let (role, register) = asked(world, catalogue, procedure, call);
        (role, register, holder.attributes[attribute].name.to_string())
    };
    let call = &procedure.calls[index];
    let key = match call.key {
        CallKey::Subject => None,
        CallKey::Answer { call, attribute } => Some(named(call, attribute)),
    };
    let giver = world.registers[register].key.clone();
    assert_eq!(key, giver.map(|(giver, attribute)| (role, giver, attribute)));
    let proof = call.proof.map(|proof| named(proof.call, proof.attribute));
    let listed = world.roles[role].listed_in;
    assert_eq!(proof, listed.map(|(by, register)| (by, register, super::world::LIST.to_owned())));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 128,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn each_call_stands_once_and_after_those_it_needs(world in world()) {
        check(&world);
    }

    #[test]
    fn a_random_catalogue_compiles_again_from_its_own_text(world in world()) {
        let first = world.compile();
        let second = Catalogue::from_text(first.text()).unwrap();
        prop_assert_eq!(first.digest(), second.digest());
        prop_assert_eq!(&first.procedures()[0].calls, &second.procedures()[0].calls);
    }
}

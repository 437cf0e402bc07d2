//! Power loss at every operation of a run leaves exactly the batches committed before it.

use super::fixture::{Model, STREAM, body, head_of, row, subjects_of};
use crate::store::{CrashAt, Error, Memory, Storage};

const BATCHES: u64 = 4;

/// One batch of everything, applied to both; stops at the first error.
fn write_batch(storage: &mut dyn Storage, model: &mut Model) -> Result<(), Error> {
    let batch = model.head.stamp.cast_unsigned() + 1;
    for _ in 0..batch {
        let row = row(model.rows.len() as u64 + 1, &body(&[batch, 1]));
        model.rows.push(row.clone());
        storage.append(&row)?;
    }
    model.subjects.insert(batch, format!("subject {batch}"));
    storage.put_subject(batch, &format!("subject {batch}"))?;
    model.consents.insert(1, vec![u8::try_from(batch).unwrap()]);
    storage.put_consent(1, &model.consents[&1])?;
    model.texts.insert([u8::try_from(batch).unwrap(); 32], b"text".into());
    storage.put_text(&[u8::try_from(batch).unwrap(); 32], b"text")?;
    model.head = head_of(model.rows.len() as u64, model.head.stamp + 1);
    storage.commit(&model.head)
}

/// The model after each number of whole batches.
fn prefixes() -> Vec<Model> {
    let (mut storage, mut models) = (Memory::new(STREAM, subjects_of), vec![Model::new()]);
    for _ in 0..BATCHES {
        let mut model = models.last().unwrap().clone();
        write_batch(&mut storage, &mut model).unwrap();
        models.push(model);
    }
    models
}

#[test]
fn a_power_loss_at_any_operation_leaves_a_prefix_of_whole_batches() {
    let prefixes = prefixes();
    // A batch is n appends, three puts and a commit.
    let ends: Vec<u64> = (1..=BATCHES).map(|batches| (1..=batches).map(|n| n + 4).sum()).collect();
    for operation in 1..=*ends.last().unwrap() {
        for commit_survives in [false, true] {
            let mut storage = Memory::new(STREAM, subjects_of);
            storage.crash_at(CrashAt { operation, commit_survives });
            let mut model = Model::new();
            let failure = (0..BATCHES).find_map(|_| write_batch(&mut storage, &mut model).err());
            assert!(matches!(failure, Some(Error::PowerLoss)), "{failure:?}");
            assert!(matches!(storage.commit(&model.head), Err(Error::Poisoned)));

            let durable = ends
                .iter()
                .filter(|end| **end < operation || commit_survives && **end == operation)
                .count();
            let mut restarted = storage.restart();
            prefixes[durable].check(restarted.reader().unwrap().as_mut());
            let mut model = prefixes[durable].clone();
            write_batch(&mut restarted, &mut model).unwrap();
            model.check(restarted.reader().unwrap().as_mut());
        }
    }
}

#[test]
fn a_commit_that_is_refused_does_not_survive_a_power_loss() {
    let mut storage = Memory::new(STREAM, subjects_of);
    storage.crash_at(CrashAt { operation: 2, commit_survives: true });
    storage.append(&row(1, &body(&[1]))).unwrap();
    storage.commit(&head_of(2, 1)).unwrap_err();
    Model::new().check(storage.restart().reader().unwrap().as_mut());
}

#[test]
fn a_restart_takes_the_disk_from_the_instance_before() {
    let mut old = Memory::new(STREAM, subjects_of);
    let disk = old.disk();
    old.append(&row(1, &body(&[1]))).unwrap();
    let mut new = disk.restart();
    assert!(matches!(old.commit(&head_of(1, 1)), Err(Error::Poisoned)));
    new.append(&row(1, &body(&[2]))).unwrap();
    new.commit(&head_of(1, 1)).unwrap();
}

//! A service with a runtime of its own that embeds the engine.
//!
//! `cargo run -p engine --example embedded` asks a demonstration. With real registers,
//! `engine::start(engine::load("engine.toml".as_ref())?)?` stands in its place.

use engine::{Asked, Demo, DemoOptions, Handle, Rejection};

/// What one form of this service is filled with. When it comes back, it stands in the
/// ledger.
async fn prefilled(engine: Handle, person: String) -> Result<Vec<u8>, Rejection> {
    let asked = Asked {
        presence: Some(format!("demo-person-{person}")),
        ..Asked::of("justice", "criminal-record-extract", &[("applicant", &person)])
    };
    let bundle = engine.prefill(asked).await?;
    Ok(bundle.into_inner().body)
}

/// Fills the forms of many people at once, from tasks on all threads of this service.
async fn serve(engine: &Handle, people: Vec<String>) -> anyhow::Result<Vec<Vec<u8>>> {
    let begun = people.into_iter().map(|person| tokio::spawn(prefilled(engine.clone(), person)));
    let mut bundles = Vec::new();
    for form in begun.collect::<Vec<_>>() {
        bundles.push(form.await??);
    }
    Ok(bundles)
}

#[tokio::main(flavor = "multi_thread")]
pub(crate) async fn main() -> anyhow::Result<()> {
    // The engine has threads of its own, and shares nothing with another in this process.
    let (one, other) =
        (Demo::start(&DemoOptions::default())?, Demo::start(&DemoOptions::default())?);
    let people = || one.country.people().take(8).map(|person| person.matricule().to_string());
    let bundles = serve(one.engine.handle(), people().collect()).await?;
    let others = serve(other.engine.handle(), people().take(1).collect()).await?;
    assert_eq!((bundles.len(), others.len()), (8, 1));

    // Who asks without the citizen is told why there is no bundle.
    let absent = Asked::of("justice", "criminal-record-extract", &[("applicant", "1971101731218")]);
    let refused = one.engine.handle().prefill(absent).await.map(|_| ());
    assert_eq!(refused.map_err(|rejection| rejection.kind()), Err("no-presence"));
    Ok(())
}

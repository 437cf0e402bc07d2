//! The wall: how many exchanges a bare hyper client has with the same registers.
//! A miss over four of them, and its own exchange, can be a fifth of that at best.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use engine::clock::monotonic;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Connections of one core to one register, as many as the engine's at most.
const CONNECTIONS: usize = 32;

/// How each register is asked about one person for everything that it knows.
pub const QUERIES: [(&str, &str, &str); 4] = [
    (
        "snca",
        "/vehicles/query",
        r#"{"fields":["plate","make","model","firstRegistration","vin","inspectionValidUntil"],"holders":["{person}"]}"#,
    ),
    (
        "driving",
        "/driving/v2/licences",
        r#"{"type":"QueryByMatricule","fields":["matricule","licence.number","licence.categories","licence.issued","licence.expires"],"matricule":["{person}"]}"#,
    ),
    (
        "adem",
        "/jobseekers/query",
        r#"{"fields":["registered","registeredSince","agency","lastOccupation"],"jobseekers":["{person}"]}"#,
    ),
    (
        "cae",
        "/beneficiaries/query",
        r#"{"fields":["beneficiaryChildren","childCount","monthlyAmountCents","paidSince"],"beneficiaries":["{person}"]}"#,
    ),
];

/// Exchanges per second over every core, about these people.
///
/// # Errors
/// Where a register does not answer.
pub fn exchanges(
    address: &dyn Fn(&str) -> SocketAddr,
    people: &[String],
    seconds: u64,
) -> anyhow::Result<f64> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let people: Arc<[String]> = people.into();
    let done = Arc::new(AtomicU64::new(0));
    let queries: Vec<_> =
        QUERIES.iter().map(|(register, path, body)| (address(register), *path, *body)).collect();
    let (began, time) = (monotonic(), Duration::from_secs(seconds));
    let threads: Vec<_> = (0..cores)
        .map(|_| {
            let (queries, people, done) = (queries.clone(), people.clone(), done.clone());
            thread::spawn(move || core(&queries, &people, &done, time))
        })
        .collect();
    for thread in threads {
        thread.join().ok().context("a client panicked")??;
    }
    Ok(done.load(Ordering::Relaxed) as f64 / (monotonic() - began).as_secs_f64())
}

type Asked = (SocketAddr, &'static str, &'static str);

fn core(
    queries: &[Asked],
    people: &Arc<[String]>,
    done: &Arc<AtomicU64>,
    time: Duration,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut clients = tokio::task::JoinSet::new();
        for query in queries {
            for place in 0..CONNECTIONS {
                let (query, people, done) = (*query, people.clone(), done.clone());
                clients.spawn(async move {
                    let asking = ask_again_and_again(query, &people, place, &done);
                    tokio::time::timeout(time, asking).await.unwrap_or(Ok(()))
                });
            }
        }
        while let Some(ended) = clients.join_next().await {
            ended.context("a client panicked")??;
        }
        Ok(())
    })
}

async fn ask_again_and_again(
    (address, path, body): Asked,
    people: &[String],
    from: usize,
    done: &AtomicU64,
) -> anyhow::Result<()> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    for person in people.iter().cycle().skip(from) {
        let body = Full::new(Bytes::from(body.replace("{person}", person)));
        let request = Request::post(path).header("host", "it").body(body)?;
        let response = sender.send_request(request).await?;
        anyhow::ensure!(response.status() == 200, "status {}", response.status());
        response.into_body().collect().await?;
        done.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

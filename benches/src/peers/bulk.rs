//! Bulk jobs: lines in, lines out, as fast as they are taken.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use engine::clock::monotonic;

use super::described::Asking;

/// Jobs at a time, where bundles per second are wanted.
pub const JOBS: usize = 4;
/// Lines sent in one write.
const LINES: usize = 64;
/// How many chunks are sent before they are answered: the kernel's buffers would take
/// minutes of lines where registers are slow, and all of them are answered in the end.
/// It is four times what the engine has under way at once.
const AHEAD: usize = 16;

/// Bundles per second of so many jobs about these people, over and over.
///
/// # Errors
/// Where a line is refused.
pub fn bundles(
    at: SocketAddr,
    asking: &Asking,
    people: &[String],
    seconds: u64,
    jobs: usize,
) -> anyhow::Result<f64> {
    let chunks = chunks(asking, people);
    let began = monotonic();
    let time = Some(Duration::from_secs(seconds));
    let jobs = thread::scope(|scope| {
        let job = |_| scope.spawn(|| job(at, asking, &chunks, time));
        let jobs: Vec<_> = (0..jobs).map(job).collect();
        let ended = jobs.into_iter().map(|job| job.join().ok().context("a job panicked")?);
        ended.collect::<anyhow::Result<Vec<u64>>>()
    })?;
    Ok(jobs.iter().sum::<u64>() as f64 / (monotonic() - began).as_secs_f64())
}

/// A bundle about each of these people, once.
///
/// # Errors
/// Where a line is refused.
pub fn once(at: SocketAddr, asking: &Asking, people: &[String]) -> anyhow::Result<u64> {
    let part = |people| job(at, asking, &chunks(asking, people), None);
    let parts = people.chunks(people.len().div_ceil(JOBS).max(1));
    thread::scope(|scope| {
        let jobs: Vec<_> = parts.map(|people| scope.spawn(move || part(people))).collect();
        jobs.into_iter().map(|job| job.join().ok().context("a job panicked")?).sum()
    })
}

fn chunks(asking: &Asking, people: &[String]) -> Vec<String> {
    let chunk = |people: &[String]| {
        let lines: Vec<String> = people.iter().map(|person| asking.about(person).1).collect();
        let lines = lines.join("\n") + "\n";
        format!("{:x}\r\n{lines}\r\n", lines.len())
    };
    people.chunks(LINES).map(chunk).collect()
}

fn job(
    at: SocketAddr,
    asking: &Asking,
    chunks: &[String],
    time: Option<Duration>,
) -> anyhow::Result<u64> {
    let mut stream = TcpStream::connect(at)?;
    let sending = stream.try_clone()?;
    write!(
        stream,
        "POST /v1/prefill/batch HTTP/1.1\r\nhost: it\r\nauthorization: {}\r\n\
         transfer-encoding: chunked\r\nconnection: close\r\n\r\n",
        asking.authorization
    )?;
    let (ahead, behind) = mpsc::sync_channel(AHEAD);
    thread::scope(|scope| {
        let sent = scope.spawn(move || send(sending, chunks, time, &ahead));
        let (answered, refused) = count(&mut stream, behind)?;
        let sent = sent.join().ok().context("the sender panicked")??;
        anyhow::ensure!(refused == 0, "{refused} lines were refused");
        anyhow::ensure!(answered == sent, "{sent} lines were sent, and {answered} came back",);
        Ok(answered)
    })
}

/// Sends until the time is over, or everything once; how many lines those were.
fn send(
    mut stream: TcpStream,
    chunks: &[String],
    time: Option<Duration>,
    ahead: &SyncSender<u64>,
) -> anyhow::Result<u64> {
    let (began, mut lines) = (monotonic(), 0);
    let turns = if time.is_some() { usize::MAX } else { chunks.len() };
    for chunk in chunks.iter().cycle().take(turns) {
        if time.is_some_and(|time| monotonic() - began >= time) {
            break;
        }
        let count = chunk.matches("}\n").count() as u64;
        ahead.send(count).context("the answers ended before the lines")?;
        stream.write_all(chunk.as_bytes())?;
        lines += count;
    }
    stream.write_all(b"0\r\n\r\n")?;
    Ok(lines)
}

/// Reads answers to their end: how many lines, and how many of them without a bundle.
/// A chunk is taken from those ahead with the first answer to it.
#[expect(clippy::needless_pass_by_value, reason = "who sends must see that nobody reads")]
fn count(stream: &mut TcpStream, behind: Receiver<u64>) -> anyhow::Result<(u64, u64)> {
    let (mut lines, mut bundles, mut begun, mut rest) = (0, 0, 0, Vec::new());
    let mut buffer = vec![0; 1 << 16];
    loop {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        rest.extend_from_slice(&buffer[..length]);
        let whole = rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        for line in rest[..whole].split_inclusive(|byte| *byte == b'\n') {
            // Chunks are framed by lines, too; an answer's line is one of JSON.
            if line.ends_with(b"}\n") {
                lines += 1;
                if lines > begun {
                    begun += behind.try_recv().context("more answers than lines")?;
                }
                bundles += u64::from(line.starts_with(b"{\"index\":") && has_bundle(line));
            }
        }
        rest.drain(..whole);
    }
    Ok((lines, lines - bundles))
}

fn has_bundle(line: &[u8]) -> bool {
    line.windows(10).take(64).any(|part| part == b"\"bundle\":{")
}

//! What the operating system knows of this process, under the names that every
//! Prometheus client library uses.

use std::fmt;

use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::page::Page;

/// Writes what can be read; on a system without `/proc`, that is less.
pub(super) fn write(page: &mut Page<'_>, started: f64) -> fmt::Result {
    let cpu = clock_gettime(ClockId::ProcessCPUTime);
    let cpu = cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9;
    page.counter("process_cpu_seconds", "Processor time used", cpu)?;
    let help = "When this process started, in seconds since 1970";
    page.gauge("process_start_time_seconds", help, started)?;
    if let Some([whole, resident]) = pages() {
        let size = rustix::param::page_size() as f64;
        page.gauge("process_virtual_memory_bytes", "Memory addressed", whole * size)?;
        page.gauge("process_resident_memory_bytes", "Memory in use", resident * size)?;
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        // One of them reads the list.
        let open = open.count().saturating_sub(1) as f64;
        page.gauge("process_open_fds", "File descriptors open", open)?;
    }
    let most = getrlimit(Resource::Nofile).current.map_or(f64::INFINITY, |most| most as f64);
    page.gauge("process_max_fds", "File descriptors that may be open", most)?;
    if let Ok(threads) = std::fs::read_dir("/proc/self/task") {
        page.gauge("process_threads", "Threads", threads.count() as f64)?;
    }
    Ok(())
}

/// The first two numbers of `statm` (proc_pid_statm(5)): all pages, and those in
/// memory.
fn pages() -> Option<[f64; 2]> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let mut numbers = text.split(' ').map(str::parse);
    Some([numbers.next()?.ok()?, numbers.next()?.ok()?])
}

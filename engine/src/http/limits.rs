//! What a connection, and all of them together, may cost. Each default says why.

use std::time::Duration;

/// Bounds on the connections of one core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at a time. The one that has been idle for the longest
    /// time makes place for a further one.
    pub connections: usize,
    /// How long a TLS handshake may take.
    pub handshake: Duration,
    /// How long a request's head may take, from the connection's last answer on;
    /// so it is also how long a connection of HTTP/1.1 may be idle.
    pub head: Duration,
    /// How long a connection of HTTP/2 may be idle, or wait for its client to take
    /// what it asked for. It is told to go, and cut after as long again.
    pub idle: Duration,
    /// How long a client may take nothing of what is sent.
    pub stall: Duration,
    /// How long a connection that ends reads on, so that its last answer is not lost
    /// to a client that is still sending.
    pub linger: Duration,
    /// Requests at a time over one connection of HTTP/2.
    pub streams: u32,
}

/// Ten thousand idle clients fit into two cores.
const CONNECTIONS_MAX: usize = 8_192;
/// A handshake is two round trips; a congested line may lose a packet twice.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// Slower senders are not browsers but attacks.
const HEAD_MAX: Duration = Duration::from_secs(30);
/// Pools of clients keep connections for about as long.
const IDLE_MAX: Duration = Duration::from_secs(30);
/// Ten times what a line needs to recover from a lost packet.
const STALL_MAX: Duration = Duration::from_secs(20);
/// A client that is told no in the middle of its body reads that within a round trip.
const LINGER_MAX: Duration = Duration::from_secs(2);
/// What the specification asks for at least is 100.
const STREAMS_MAX: u32 = 128;

/// A request's head; tokens are the longest part.
pub(super) const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Ours need five.
pub(super) const HEADERS_MAX: usize = 100;
/// A body for a bundle fits, so that it needs no second round trip.
pub(super) const STREAM_WINDOW: u32 = 64 * 1024;
/// What one connection's unread bodies may occupy.
pub(super) const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// What of one answer waits for its client in our memory, beside the answer itself.
pub(super) const SEND_BUFFER_MAX: usize = 64 * 1024;
/// Streams that were reset while they waited for us, and by us: some, by races.
pub(super) const RESETS_MAX: usize = 32;
/// Requests given up before their answer, beyond those that were waited for.
pub(super) const ABANDONED_MAX: u32 = 128;
/// What is read and thrown away at a connection's end.
pub(super) const LINGER_BYTES_MAX: usize = 1024 * 1024;

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: CONNECTIONS_MAX,
            handshake: HANDSHAKE_MAX,
            head: HEAD_MAX,
            idle: IDLE_MAX,
            stall: STALL_MAX,
            linger: LINGER_MAX,
            streams: STREAMS_MAX,
        }
    }
}

//! Every limit, with its unit and default, and where a run gets them from.

/// Caps of the analysis. Each is counted in [`Counters`](crate::stats::Counters) when it is hit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Flows a sensor holds at once.
    pub max_flows: usize,
    /// Flows of which one side alone was heard, and whose bytes are held to be read. A flood of first packets is made of them.
    pub max_unanswered: usize,
    /// Bytes of out-of-order TCP data a direction may hold.
    pub out_of_order_bytes: usize,
    /// Bytes of out-of-order TCP data that all flows may hold together.
    pub total_out_of_order_bytes: usize,
    /// Bytes of one ClientHello.
    pub client_hello_bytes: usize,
    /// Bytes of one other handshake message (Certificate among them).
    pub handshake_message_bytes: usize,
    /// Bytes of IP fragments held.
    pub fragment_bytes: usize,
    /// Seconds (packet time) without a packet after which a flow is over.
    pub idle_seconds: u64,
    /// Seconds (packet time) a half-open or a closed flow is kept.
    pub half_open_seconds: u64,
    /// Seconds (packet time) an incomplete IP datagram is kept.
    pub fragment_seconds: u64,
    /// Chains of certificates that are verified in a second (packet time), live; those of files all are.
    pub chain_checks: u32,
    /// Groups of sessions that all correlations remember together.
    pub rule_groups: usize,
    /// Bytes that these take, about.
    pub rule_bytes: usize,
    /// Keys by which alerts are held back.
    pub suppressed_keys: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_flows: 1_000_000,
            max_unanswered: 16_384,
            out_of_order_bytes: 64 << 10,
            total_out_of_order_bytes: 256 << 20,
            client_hello_bytes: 16 << 10,
            handshake_message_bytes: 64 << 10,
            fragment_bytes: 4 << 20,
            idle_seconds: 60,
            half_open_seconds: 10,
            fragment_seconds: 30,
            chain_checks: 2_000,
            rule_groups: 1_000_000,
            rule_bytes: 512 << 20,
            suppressed_keys: 100_000,
        }
    }
}

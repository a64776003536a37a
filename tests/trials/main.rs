//! The sensor when things go wrong around it, in network namespaces of its own. Each test says what was lost: nothing, or
//! exactly what was counted.
//!
//! Where namespaces are not permitted the tests say so on standard error and check nothing.
// Minutes, and no feature changes any of it: run with the default ones.
#![cfg(all(target_os = "linux", not(feature = "ja4plus")))]

#[path = "../child/mod.rs"]
mod child;
mod clocks;
mod disks;
mod kills;
#[allow(dead_code)]
#[path = "../network/mod.rs"]
mod network;
mod own;
mod rates;
mod reloads;
mod stalls;
#[allow(dead_code)]
#[path = "../store/mod.rs"]
mod store;

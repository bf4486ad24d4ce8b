//! Answers only who asks for this very machine.
//!
//! A page from anywhere can make a browser ask `rebound.example`, whose name then leads to 127.0.0.1 (DNS rebinding). Its
//! requests carry that name, and are refused: as long as there are no accounts, being here is all that is asked.

use std::net::IpAddr;

use axum::http::{HeaderMap, header};
use holdfast_api::Code;

use crate::failure::Failure;

/// Refuses a request that was sent to another name than this machine's own.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), Failure> {
    let Some(host) = headers.get(header::HOST) else { return Ok(()) };
    if host.to_str().is_ok_and(is_here) {
        return Ok(());
    }
    Err(Failure::new(
        Code::Misdirected,
        "this server answers as localhost, 127.0.0.1 or [::1] only: ask for one of these",
    ))
}

fn is_here(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_answered() {
        for host in ["localhost", "LOCALHOST:8420", "127.0.0.1:1", "127.1.2.3", "[::1]", "[::1]:8420"] {
            assert!(is_here(host), "{host}");
        }
        for host in ["", "rebound.example", "localhost.example:80", "192.0.2.1", "[2001:db8::1]:80", "127.0.0.1.nip.io"]
        {
            assert!(!is_here(host), "{host}");
        }
    }
}

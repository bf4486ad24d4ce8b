//! Answers only who asks for this very machine.
//!
//! A page from anywhere can make a browser ask `rebound.example`, whose name then leads to 127.0.0.1 (DNS rebinding). Its
//! requests carry that name, and are refused: as long as there are no accounts, being here is all that is asked. A page from
//! elsewhere can also make a browser send something here under our own name; then the browser says where the page is from.

use std::net::IpAddr;

use axum::http::{HeaderMap, header};
use holdfast_api::Code;

use crate::failure::Failure;

/// Refuses a request that was sent to another name than this machine's own, or by a page from elsewhere.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), Failure> {
    let host = headers.get(header::HOST).map(|host| host.to_str().unwrap_or_default());
    if host.is_some_and(|host| !is_here(host)) {
        let detail = "this server answers as localhost, 127.0.0.1 or [::1] only: ask for one of these";
        return Err(Failure::new(Code::Misdirected, detail));
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let is_own =
        origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://")).is_some_and(|of| Some(of) == host);
    if is_own {
        return Ok(());
    }
    Err(Failure::new(Code::Forbidden, "a page from elsewhere may ask for nothing here"))
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
    fn a_page_from_elsewhere_may_ask_for_nothing() {
        let asked = |origin: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, "localhost:8420".parse().unwrap());
            headers.insert(header::ORIGIN, origin.parse().unwrap());
            check(&headers).is_ok()
        };
        assert!(asked("http://localhost:8420"));
        for origin in ["null", "http://localhost", "http://localhost:80", "https://rebound.example", "http://"] {
            assert!(!asked(origin), "{origin}");
        }
    }

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

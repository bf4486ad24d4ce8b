//! Serves a router on a listener, on this machine alone: there are no accounts yet.

use std::future::Future;
use std::net::SocketAddr;

use axum::Router;
use tokio::net::TcpListener;

/// Why nothing is served, or no more.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Others could reach it.
    #[error(
        "{address} can be reached from other machines, and there are no accounts yet: listen on 127.0.0.1 or ::1, and come \
         through SSH (ssh -L) from elsewhere"
    )]
    NotLoopback {
        /// Where it was to listen.
        address: SocketAddr,
    },
    /// The listener does not work.
    #[error("cannot serve the API")]
    Listener(#[source] std::io::Error),
}

/// Whether an address is this machine's alone.
pub fn check_address(address: SocketAddr) -> Result<(), ServeError> {
    if address.ip().is_loopback() { Ok(()) } else { Err(ServeError::NotLoopback { address }) }
}

/// Serves until `shutdown` comes true, and then until what was asked before is answered.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    check_address(listener.local_addr().map_err(ServeError::Listener)?)?;
    axum::serve(listener, router).with_graceful_shutdown(shutdown).await.map_err(ServeError::Listener)
}

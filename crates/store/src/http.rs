//! The HTTP client that all drivers for the network share: blocking, with time limits on silence instead of on whole
//! transfers, bounded answers, no redirects, and TLS by rustls.
//!
//! Redirects are not followed, so that credentials go only where they were meant to go.

mod error;
mod unix;

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use ureq::http::{HeaderValue, Method, Request, Response};
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig};
use ureq::{Agent, Body, SendBody};

pub(crate) use self::error::HttpError;
use self::unix::UnixConnector;
use crate::Secret;

/// How long nothing may be heard from a server, while connecting and while bytes should flow.
const SILENCE: Duration = Duration::from_secs(60);

/// How long a server may think before it answers: object stores and servers on slow disks sync before they do.
const THINKING: Duration = Duration::from_secs(5 * 60);

/// How certificates are checked and shown.
#[derive(Debug, Clone, Default)]
pub struct Tls {
    /// File of certificates (PEM) to trust in place of the system's.
    pub authorities: Option<PathBuf>,
    /// File with our certificate and its private key (PEM).
    pub client: Option<PathBuf>,
    /// Trust any certificate: whoever is in the way can read the credentials and spoil what is stored.
    pub insecure: bool,
}

/// How a server is reached.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way<'a> {
    /// Through the proxy that the environment names, if it names one.
    Usual,
    /// Never through a proxy: it is on this machine.
    Direct,
    /// Through this socket.
    Socket(&'a Path),
}

/// A client for one server, used by many threads.
#[derive(Debug)]
pub(crate) struct Http {
    agent: Agent,
    authorization: Option<HeaderValue>,
}

impl Http {
    /// A client that keeps up to `connections` idle connections.
    pub(crate) fn new(tls: &Tls, connections: usize, way: Way<'_>) -> Result<Self, HttpError> {
        let config = Agent::config_builder()
            .tls_config(tls_config(tls)?)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections(connections)
            .max_idle_connections_per_host(connections)
            .timeout_resolve(Some(SILENCE))
            .timeout_connect(Some(SILENCE))
            .timeout_recv_response(Some(THINKING))
            .timeout_per_read(Some(THINKING))
            .timeout_per_write(Some(SILENCE))
            .timeout_await_100(None)
            // WebDAV has its own.
            .allow_non_standard_methods(true)
            .user_agent(concat!("holdfast/", env!("CARGO_PKG_VERSION")));
        let agent = match way {
            Way::Socket(socket) => {
                let connector = UnixConnector::new(socket);
                Agent::with_parts(config.proxy(None).build(), connector.clone(), connector)
            }
            Way::Direct => config.proxy(None).build().new_agent(),
            Way::Usual => config.build().new_agent(),
        };
        Ok(Self { agent, authorization: None })
    }

    /// Sends user and password with every request.
    pub(crate) fn login(mut self, user: &str, password: &Secret) -> Self {
        self.authorization = Some(basic_login(user, password));
        self
    }

    /// Sends a request with the concatenation of `parts` as its body, if there are any, and gives the answer whatever its status.
    pub(crate) fn send(&self, mut request: Request<()>, parts: &[&[u8]]) -> Result<Response<Body>, HttpError> {
        if let Some(authorization) = &self.authorization {
            request.headers_mut().insert("authorization", authorization.clone());
        }
        let length: u64 = parts.iter().map(|part| part.len() as u64).sum();
        if length == 0 && !matches!(*request.method(), Method::POST | Method::PUT) {
            return self.agent.run(request).map_err(HttpError::Transport);
        }
        request.headers_mut().insert("content-length", HeaderValue::from(length));
        let mut body = PartsReader { parts, offset: 0 };
        let request = request.map(|()| SendBody::from_reader(&mut body));
        self.agent.run(request).map_err(HttpError::Transport)
    }

    /// As [`Http::send`], but an error if the status is none of success.
    pub(crate) fn succeed(&self, request: Request<()>, parts: &[&[u8]]) -> Result<Response<Body>, HttpError> {
        let response = self.send(request, parts)?;
        if response.status().is_success() { Ok(response) } else { Err(HttpError::of_status(response)) }
    }
}

/// User and password as the header that carries them.
pub(crate) fn basic_login(user: &str, password: &Secret) -> HeaderValue {
    use base64::Engine as _;
    let login = zeroize::Zeroizing::new(format!("{user}:{}", password.reveal()));
    let encoded = base64::engine::general_purpose::STANDARD.encode(login.as_bytes());
    let mut value =
        HeaderValue::try_from(format!("Basic {encoded}")).expect("base64 holds no character that headers forbid");
    value.set_sensitive(true);
    value
}

/// The length that an answer's header announces: ureq's own reckoning knows none where the body is empty.
pub(crate) fn announced_length<T>(response: &Response<T>) -> Option<u64> {
    response.headers().get("content-length").and_then(|value| value.to_str().ok()?.parse().ok())
}

/// The body of an answer, which must have exactly `length` bytes; `None` if it is shorter or longer.
pub(crate) fn exact_body(response: Response<Body>, length: u64) -> Result<Option<Bytes>, HttpError> {
    if announced_length(&response).is_some_and(|announced| announced != length) {
        return Ok(None);
    }
    let wanted = usize::try_from(length).map_err(|_| HttpError::TooLarge)?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(wanted).map_err(|_| HttpError::TooLarge)?;
    // One byte more would be read, to notice it; the reservation is for the usual case.
    let mut reader = response.into_body().into_with_config().limit(u64::MAX).reader().take(length.saturating_add(1));
    reader.read_to_end(&mut bytes)?;
    Ok((bytes.len() == wanted).then(|| bytes.into()))
}

/// The body of an answer, up to `most` bytes. One whose end could be a broken connection as well is not believed.
pub(crate) fn whole_body(response: Response<Body>, most: u64) -> Result<Bytes, HttpError> {
    match announced_length(&response) {
        Some(length) if length <= most => {
            let nonsense = || HttpError::Nonsense("the file ends early".to_owned());
            return exact_body(response, length)?.ok_or_else(nonsense);
        }
        Some(_) => return Err(HttpError::TooLarge),
        None => {}
    }
    let encoding = response.headers().get("transfer-encoding").and_then(|value| value.to_str().ok());
    if !encoding.is_some_and(|encoding| encoding.eq_ignore_ascii_case("chunked")) {
        return Err(HttpError::Nonsense("it does not say how large the file is".to_owned()));
    }
    let mut bytes = Vec::new();
    let mut reader = response.into_body().into_with_config().limit(u64::MAX).reader().take(most.saturating_add(1));
    reader.read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(HttpError::TooLarge) } else { Ok(bytes.into()) }
}

/// An error with all its causes, for one that can carry only text.
#[cfg(feature = "opendal")]
pub(crate) fn whole_chain(error: &HttpError) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

/// What can be had of the body of an answer that is an error anyway.
#[cfg(feature = "opendal")]
pub(crate) fn some_body(response: Response<Body>) -> Bytes {
    let mut bytes = Vec::new();
    let _ = response.into_body().into_reader().take(64 << 10).read_to_end(&mut bytes);
    bytes.into()
}

/// Reads the rest of an answer that says nothing more, so that its connection can serve again.
pub(crate) fn drain(response: Response<Body>) {
    // What was asked for is done; a connection that fails now is only not used again.
    let _ = io::copy(&mut response.into_body().into_reader().take(64 << 10), &mut io::sink());
}

/// Slices, read one after the other.
struct PartsReader<'a> {
    parts: &'a [&'a [u8]],
    offset: usize,
}

impl Read for PartsReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some((first, rest)) = self.parts.split_first().filter(|_| filled < buffer.len()) {
            let left = &first[self.offset..];
            let count = left.len().min(buffer.len() - filled);
            buffer[filled..filled + count].copy_from_slice(&left[..count]);
            filled += count;
            if count == left.len() {
                (self.parts, self.offset) = (rest, 0);
            } else {
                self.offset += count;
            }
        }
        Ok(filled)
    }
}

fn tls_config(tls: &Tls) -> Result<TlsConfig, HttpError> {
    let roots = match &tls.authorities {
        Some(path) => {
            let certificates: Vec<_> = pem_items(path)?
                .into_iter()
                .filter_map(|item| match item {
                    PemItem::Certificate(certificate) => Some(certificate),
                    _ => None,
                })
                .collect();
            if certificates.is_empty() {
                return Err(HttpError::Certificates { path: path.clone(), problem: "it holds no certificate" });
            }
            RootCerts::new_with_certs(&certificates)
        }
        None if has_system_roots() => RootCerts::PlatformVerifier,
        None => RootCerts::WebPki,
    };
    let client = tls.client.as_deref().map(client_certificate).transpose()?;
    Ok(TlsConfig::builder().root_certs(roots).client_cert(client).disable_verification(tls.insecure).build())
}

fn client_certificate(path: &Path) -> Result<ClientCert, HttpError> {
    let (mut chain, mut key): (Vec<Certificate<'static>>, Option<PrivateKey<'static>>) = (Vec::new(), None);
    for item in pem_items(path)? {
        match item {
            PemItem::Certificate(certificate) => chain.push(certificate),
            PemItem::PrivateKey(found) => key = Some(found),
            _ => {}
        }
    }
    match key {
        Some(key) if !chain.is_empty() => Ok(ClientCert::new_with_certs(&chain, key)),
        _ => Err(HttpError::Certificates {
            path: path.into(),
            problem: "it must hold a certificate and its private key",
        }),
    }
}

fn pem_items(path: &Path) -> Result<Vec<PemItem<'static>>, HttpError> {
    let text = fs::read(path).map_err(|source| HttpError::ReadCertificates { path: path.into(), source })?;
    let problem = "it is no PEM file";
    let items: Result<Vec<_>, _> = ureq::tls::parse_pem(&text).collect();
    items.map_err(|_| HttpError::Certificates { path: path.into(), problem })
}

/// Whether the system keeps certificates where distributions do. A bare container may not: then Mozilla's, compiled in, serve.
fn has_system_roots() -> bool {
    const PLACES: [&str; 5] = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
    ];
    PLACES.iter().any(|place| Path::new(place).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_as_one() {
        for buffer in 1..12 {
            let mut reader = PartsReader { parts: &[b"", b"abc", b"", b"defgh", b"i", b""], offset: 0 };
            let (mut all, mut piece) = (Vec::new(), vec![0; buffer]);
            loop {
                match reader.read(&mut piece).unwrap() {
                    0 => break,
                    count => all.extend_from_slice(&piece[..count]),
                }
            }
            assert_eq!(all, b"abcdefghi");
        }
    }
}

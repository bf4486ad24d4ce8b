//! Requests and answers over HTTP: time limits, bounds, and what a problem is read from.
//!
//! Redirects are not followed: whoever answers in the place of the server is told apart from it.

use std::io::{self, Read};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http::header::{ACCEPT, CONTENT_TYPE, IF_MATCH};
use ureq::http::{Method, Request, Response, StatusCode, Uri};
use ureq::{Agent, Body};
use zeroize::Zeroizing;

use super::ApiError;
use crate::Problem;

/// How long is waited, and how much is taken in.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// How long connecting may take.
    connecting: Duration,
    /// How long the server may think, and be silent in the middle of an answer.
    silence: Duration,
    /// Bytes of an answer.
    answer: u64,
}

const LIMITS: Limits =
    Limits { connecting: Duration::from_secs(10), silence: Duration::from_secs(60), answer: 64 << 20 };
/// Bytes of a problem.
const LARGEST_PROBLEM: u64 = 1 << 20;

/// A way to one server.
#[derive(Debug)]
pub(super) struct Transport {
    agent: Agent,
    server: String,
    limits: Limits,
}

/// What is sent.
pub(super) struct Call<'a> {
    method: Method,
    path: &'a str,
    query: &'a [(&'a str, String)],
    /// Wiped after use: it may hold a secret.
    body: Option<Zeroizing<String>>,
    revision: Option<u64>,
    accept: &'static str,
}

impl<'a> Call<'a> {
    pub(super) fn new(method: Method, path: &'a str) -> Self {
        Self { method, path, query: &[], body: None, revision: None, accept: "application/json" }
    }

    pub(super) fn query(self, query: &'a [(&'a str, String)]) -> Self {
        Self { query, ..self }
    }

    pub(super) fn body(self, body: &impl Serialize) -> Self {
        let body = serde_json::to_string(body).expect("what the API takes has text for keys");
        Self { body: Some(body.into()), ..self }
    }

    /// Only if the object still has this revision.
    pub(super) fn revision(self, revision: u64) -> Self {
        Self { revision: Some(revision), ..self }
    }

    pub(super) fn accept(self, accept: &'static str) -> Self {
        Self { accept, ..self }
    }
}

impl Transport {
    pub(super) fn new(address: &str) -> Result<Self, ApiError> {
        Self::with(address, LIMITS)
    }

    fn with(address: &str, limits: Limits) -> Result<Self, ApiError> {
        let wrong = || ApiError::Address { address: address.chars().take(200).collect() };
        let text = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
        let text = text.trim_end_matches('/');
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let host = uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or_else(wrong)?.host();
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        if !is_http || host.is_empty() || uri.query().is_some() || text.contains(['#', ' ']) {
            return Err(wrong());
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_resolve(Some(limits.connecting))
            .timeout_connect(Some(limits.connecting))
            .timeout_send_request(Some(limits.silence))
            .timeout_send_body(Some(limits.silence))
            .timeout_recv_response(Some(limits.silence))
            .timeout_per_read(Some(limits.silence))
            .timeout_await_100(None)
            .user_agent(concat!("holdfast/", env!("CARGO_PKG_VERSION")));
        // No proxy leads to this very machine.
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let is_here = bare.eq_ignore_ascii_case("localhost")
            || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        let config = if is_here { config.proxy(None) } else { config };
        Ok(Self { agent: config.build().new_agent(), server: text.to_owned(), limits })
    }

    pub(super) fn address(&self) -> &str {
        &self.server
    }

    pub(super) fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, String)]) -> Result<T, ApiError> {
        self.ask(Call::new(Method::GET, path).query(query))
    }

    /// Asks, and reads the answer.
    pub(super) fn ask<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, ApiError> {
        let (_, text) = self.send(call)?;
        serde_json::from_str(&text).map_err(|error| self.foreign(format!("it does not answer as expected ({error})")))
    }

    /// Asks, and wants no answer but that it is done.
    pub(super) fn tell(&self, call: Call<'_>) -> Result<(), ApiError> {
        self.send(call).map(|_| ())
    }

    /// Asks, and gives the answer as it is, if it is one of success.
    pub(super) fn send(&self, call: Call<'_>) -> Result<(Response<()>, String), ApiError> {
        let (answer, body) = self.begin(&call)?;
        let text =
            body.into_with_config().limit(self.limits.answer).read_to_string().map_err(|error| self.failed(error))?;
        Ok((answer, text))
    }

    /// The same, of any length: what is answered is read as it comes.
    pub(super) fn stream(&self, call: Call<'_>) -> Result<(Response<()>, impl Read + Send + use<>), ApiError> {
        let (answer, body) = self.begin(&call)?;
        Ok((answer, body.into_with_config().limit(u64::MAX).reader()))
    }

    /// Asks, and gives what is answered before it is read, if it is a success.
    fn begin(&self, call: &Call<'_>) -> Result<(Response<()>, Body), ApiError> {
        let mut answer = self.run(call);
        // A server closes a connection that was idle just when it is used again. Reading once more harms nothing.
        if call.method == Method::GET && answer.as_ref().err().is_some_and(is_closed) {
            answer = self.run(call);
        }
        let (parts, body) = answer.map_err(|error| self.failed(error))?.into_parts();
        if !parts.status.is_success() {
            return Err(self.refused(parts.status, body));
        }
        Ok((Response::from_parts(parts, ()), body))
    }

    fn run(&self, call: &Call<'_>) -> Result<Response<Body>, ureq::Error> {
        let mut url = format!("{}{}", self.server, call.path);
        if !call.query.is_empty() {
            let pairs = form_urlencoded::Serializer::new(String::new()).extend_pairs(call.query).finish();
            url = format!("{url}?{pairs}");
        }
        let mut request = Request::builder().method(&call.method).uri(url).header(ACCEPT, call.accept);
        if let Some(revision) = call.revision {
            request = request.header(IF_MATCH, format!("\"{revision}\""));
        }
        match &call.body {
            Some(body) => self.agent.run(request.header(CONTENT_TYPE, "application/json").body(body.as_str())?),
            None => self.agent.run(request.body(())?),
        }
    }

    pub(super) fn foreign(&self, what: impl Into<String>) -> ApiError {
        ApiError::Foreign { server: self.server.clone(), what: what.into() }
    }

    /// Reads the problem that stands in place of an answer.
    fn refused(&self, status: StatusCode, body: Body) -> ApiError {
        let text = match body.into_with_config().limit(LARGEST_PROBLEM).read_to_string() {
            Ok(text) => text,
            Err(error) => return self.failed(error),
        };
        if let Ok(problem) = serde_json::from_str(&text) {
            return ApiError::Refused(Box::new(problem));
        }
        // A later server may have codes that are not known here; its sentence is still one.
        match serde_json::from_str::<serde_json::Value>(&text).ok().as_ref().and_then(problem_of_another_version) {
            Some(detail) => ApiError::RefusedOtherwise { status: status.as_u16(), detail },
            None => self.foreign(format!("it answers {status}")),
        }
    }

    fn failed(&self, error: ureq::Error) -> ApiError {
        let server = self.server.clone();
        let source = match error {
            ureq::Error::Timeout(_) => return ApiError::Timeout { server },
            ureq::Error::BodyExceedsLimit(limit) => {
                return self.foreign(format!("its answer has more than {limit} bytes"));
            }
            ureq::Error::Protocol(error) => return self.foreign(format!("it does not speak HTTP ({error})")),
            ureq::Error::Io(source) => source,
            ureq::Error::HostNotFound => io::Error::new(io::ErrorKind::NotFound, "there is no host of this name"),
            other => io::Error::other(other),
        };
        ApiError::Unreachable { server, source }
    }
}

/// Whether the other side has closed the connection without an answer.
fn is_closed(error: &ureq::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error, ureq::Error::Io(error) if matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof))
}

fn problem_of_another_version(value: &serde_json::Value) -> Option<String> {
    value["type"].as_str().filter(|kind| kind.starts_with(Problem::KIND))?;
    value["detail"]
        .as_str()
        .map(|detail| detail.chars().map(|c| if c.is_control() { ' ' } else { c }).take(1000).collect())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;
    use crate::client::ApiErrorKind;
    use crate::{Code, Health};

    const TIGHT: Limits =
        Limits { connecting: Duration::from_secs(5), silence: Duration::from_millis(200), answer: 100 };

    /// Asks something that answers this, and then is silent.
    fn ask(answer: &'static str) -> Result<Health, ApiError> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let other = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            assert!(stream.read(&mut request).unwrap() > 0);
            stream.write_all(answer.as_bytes()).unwrap();
            // Until the other side has enough of waiting.
            assert!(stream.read(&mut request).unwrap_or_default() == 0);
        });
        let answer = Transport::with(&address.to_string(), TIGHT).unwrap().get("/health/ready", &[]);
        other.join().unwrap();
        answer
    }

    #[test]
    fn an_address_is_http_without_a_login() {
        let address = |text: &str| Transport::new(text).map(|transport| transport.server).map_err(|_| ());
        assert_eq!(address("http://127.0.0.1:8420/"), Ok("http://127.0.0.1:8420".into()));
        assert_eq!(address("[::1]:8420"), Ok("http://[::1]:8420".into()));
        assert_eq!(address("https://backup.example/holdfast/"), Ok("https://backup.example/holdfast".into()));
        for text in
            ["", "http://", "ftp://host", "http://ann:secret@host", "http://a b", "http://host?x", "/srv", "http://h#x"]
        {
            assert_eq!(address(text), Err(()), "{text}");
        }
    }

    #[test]
    fn what_takes_too_long_is_waited_for_no_longer() {
        for answer in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n{\"status\""] {
            let error = ask(answer).unwrap_err();
            assert!(matches!(error, ApiError::Timeout { .. }), "{answer:?}: {error:?}");
            assert_eq!(error.kind(), ApiErrorKind::Unavailable);
        }
    }

    #[test]
    fn what_is_too_large_is_not_taken_in() {
        let error = ask(concat!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n40\r\n",
            "                                                                \r\n40\r\n",
            "                                                                \r\n"
        ))
        .unwrap_err();
        assert!(error.to_string().ends_with("its answer has more than 100 bytes"), "{error}");
    }

    #[test]
    fn what_is_read_is_asked_for_again_on_a_new_connection_and_what_is_done_is_not() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let transport = Transport::with(&listener.local_addr().unwrap().to_string(), TIGHT).unwrap();
        let other = std::thread::spawn(move || {
            let mut asked = Vec::new();
            for answer in ["", "HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n{\"status\":\"ok\"}", ""] {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 4096];
                let length = stream.read(&mut request).unwrap();
                asked.extend(request[..length].split(|byte| *byte == b' ').next().map(<[u8]>::to_vec));
                stream.write_all(answer.as_bytes()).unwrap();
            }
            asked
        });
        assert_eq!(transport.get::<Health>("/health/ready", &[]).unwrap(), Health::Ok);
        let error = transport.tell(Call::new(Method::POST, "/api/v1/jobs/x/retry")).unwrap_err();
        assert_eq!(error.kind(), ApiErrorKind::Unavailable);
        assert_eq!(other.join().unwrap(), [&b"GET"[..], b"GET", b"POST"]);
    }

    #[test]
    fn a_problem_is_known_by_its_code_and_one_of_another_version_by_its_sentence() {
        let problem = |code: &'static str| {
            let body = format!(
                r#"{{"type":"urn:holdfast:problem:{code}","title":"t","status":404,"code":"{code}","detail":"No\tsuch.","request_id":"r"}}"#
            );
            let answer = format!("HTTP/1.1 404 Not Found\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            ask(answer.leak()).unwrap_err()
        };
        let known = problem("not_found");
        assert_eq!((known.kind(), known.code()), (ApiErrorKind::NotFound, Some(Code::NotFound)));
        let unknown = problem("brand_new");
        assert_eq!((unknown.kind(), unknown.code()), (ApiErrorKind::Refused, None));
        assert_eq!(unknown.to_string(), "No such.");
        let other = ask("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 6\r\n\r\n<html>").unwrap_err();
        assert_eq!(other.kind(), ApiErrorKind::Foreign);
    }
}

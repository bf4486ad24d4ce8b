//! A server with a database of its own, at a time that stands still, and a way to ask it.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use holdfast_control::Control;
use holdfast_control::work::secrets::Secrets;
use holdfast_db::{Database, Options};
use holdfast_model::{Clock, Timestamp};
use holdfast_server::{Failures, RandomBytes, Server, ensure_default_tenant, router};
use holdfast_testkit::{TempDir, temp_dir};
use serde_json::Value;
use tower::ServiceExt;

/// A server.
pub(crate) struct Scene {
    pub(crate) database: Database,
    pub(crate) server: Server,
    pub(crate) router: Router,
    pub(crate) tenant: String,
    clock: StandingClock,
    notes: Notes,
    _dir: TempDir,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

/// Shows the same time until it is put forward.
#[derive(Clone)]
struct StandingClock(Arc<AtomicI64>);

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp { seconds: self.0.load(Ordering::Relaxed), nanoseconds: 0 }
    }

    fn instant(&self) -> Instant {
        Instant::now()
    }
}

/// Counts: no two are the same.
#[derive(Default)]
struct Counting(AtomicU64);

impl RandomBytes for Counting {
    fn ten(&self) -> [u8; 10] {
        let mut bytes = [0; 10];
        bytes[2..].copy_from_slice(&self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        bytes
    }
}

/// What went wrong in the server, of which a test wants to hear if it did.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Failures for Notes {
    fn note(&self, _: &str, what: &str) {
        self.0.lock().unwrap().push(what.to_owned());
    }
}

impl Scene {
    pub(crate) async fn new() -> Self {
        let dir = temp_dir();
        let address = format!("sqlite:{}", dir.path().join("holdfast.db").display());
        let database = Database::open(&Options { address, connections: 4 }).await.unwrap();
        // 2026-11-24T12:00:00Z
        let clock = StandingClock(Arc::new(AtomicI64::new(1_795_521_600)));
        let notes = Notes::default();
        let control = Control::new(database.clone(), Arc::new(clock.clone()));
        let secrets = Arc::new(Secrets::open(&dir.path().join("server"), |_| None).unwrap());
        let server = Server::new(control, secrets, Counting::default(), notes.clone());
        let tenant = ensure_default_tenant(&server).await.unwrap().uid.to_string();
        Self { database, router: router(server.clone()), server, tenant, clock, notes, _dir: dir }
    }

    pub(crate) fn put_forward(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Asks, and holds what is answered against what every answer keeps.
    pub(crate) async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = to_bytes(response.into_body(), 10 << 20).await.unwrap();
        let answer = Answer { status, headers, text: String::from_utf8(bytes.to_vec()).unwrap() };
        assert!(answer.headers.contains_key("x-request-id"), "{answer:?}");
        assert!(!status.is_server_error(), "{answer:?}: {:?}", self.notes.0.lock().unwrap());
        if !status.is_success() && !answer.text.is_empty() {
            assert_eq!(answer.header("content-type"), "application/problem+json");
            let problem = answer.json();
            assert_eq!(problem["status"], status.as_u16());
            assert_eq!(problem["request_id"], answer.header("x-request-id"));
            let detail = problem["detail"].as_str().unwrap();
            assert!(!detail.is_empty() && !detail.contains('\n'), "{detail}");
        }
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.ask(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, &[], &body.to_string()).await
    }

    /// Makes an object, and gives back its address.
    pub(crate) async fn make(&self, kind: &str, spec: Value) -> String {
        let answer = self.post(&format!("/api/v1/{kind}"), serde_json::json!({"spec": spec})).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        answer.header("location").to_owned()
    }

    pub(crate) async fn make_client(&self, hostname: &str) -> String {
        self.make("clients", serde_json::json!({"hostname": hostname})).await
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}: {self:?}")).to_str().unwrap()
    }

    /// Status, code and detail of a problem.
    pub(crate) fn problem(&self) -> (u16, String, String) {
        let problem = self.json();
        let text = |name: &str| problem[name].as_str().unwrap().to_owned();
        (self.status.as_u16(), text("code"), text("detail"))
    }

    /// Status and code of a problem.
    pub(crate) fn code(&self) -> (u16, String) {
        let (status, code, _) = self.problem();
        (status, code)
    }
}

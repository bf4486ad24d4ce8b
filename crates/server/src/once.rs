//! A request that gives a key (`idempotency-key`) is carried out once, however often it is sent: whoever did not hear the
//! answer asks again, and gets the first one.
//!
//! The key is taken before the request is carried out, in a transaction of its own, for each handler has its own too. A request
//! that was refused has done nothing, and leaves its key free. If the server dies in between, nobody knows what became of the
//! request: its key stays taken until it is forgotten, and nothing is done twice. What the body says is never kept, only a
//! digest of it.

use std::panic::{AssertUnwindSafe, resume_unwind};

use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use holdfast_api::Code;
use holdfast_db::{Claim, DbError, KeptAnswer, RequestKey};
use sha2::{Digest, Sha256};

use crate::actor::Actor;
use crate::body::LARGEST;
use crate::failure::Failure;
use crate::permission::Permission;
use crate::server::Server;

/// The header that gives the key.
pub(crate) const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The header of an answer that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// What belongs to an answer itself.
const KEPT: [&str; 3] = ["content-type", "location", "etag"];
/// A key has no more characters.
pub(crate) const LONGEST: usize = 200;

/// Carries a request out once for each key.
pub(crate) async fn once(State(server): State<Server>, request: Request, next: Next) -> Response {
    let actor = whose(&request);
    let given = match key_of(request.headers()) {
        Ok(given) => given,
        Err(failure) => return failure.into_response(),
    };
    match (given, actor) {
        (Some(given), Some(actor)) if request.method() == Method::POST => {
            carry_out(server, request, next, given, actor).await.unwrap_or_else(IntoResponse::into_response)
        }
        _ => next.run(request).await,
    }
}

/// Who asks, if the keys of that can be told from others'. Of what anybody may do without leave they cannot.
fn whose(request: &Request) -> Option<String> {
    let path = request.extensions().get::<MatchedPath>()?;
    let permission = Permission::of(request.method(), path.as_str())?;
    let actor = request.extensions().get::<Actor>().filter(|_| permission != Permission::Public)?;
    Some(actor.name().to_owned())
}

fn key_of(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let mut all = headers.get_all(KEY).iter();
    let Some(first) = all.next() else { return Ok(None) };
    let is_good = |key: &&str| (1..=LONGEST).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    match (first.to_str().ok().filter(is_good), all.next()) {
        (Some(key), None) => Ok(Some(key.to_owned())),
        _ => {
            let detail = format!("{KEY}: give one key of 1 to {LONGEST} visible ASCII characters, such as a UUID");
            Err(Failure::new(Code::InvalidHeader, detail))
        }
    }
}

async fn carry_out(
    server: Server,
    request: Request,
    next: Next,
    given: String,
    actor: String,
) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, LARGEST).await.map_err(|_| {
        Failure::new(Code::BodyTooLarge, format!("a body may have {LARGEST} bytes at most, and must come to its end"))
    })?;
    let mut digest = Sha256::new();
    let address = parts.uri.path_and_query().map_or("", |address| address.as_str());
    for part in [parts.method.as_str().as_bytes(), address.as_bytes(), &body] {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    let digest: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let now = server.now();
    let forgotten = now.checked_sub(holdfast_control::drive::KEEP_ANSWERS).unwrap_or(now);
    let key = RequestKey { actor: &actor, given: &given, digest: &digest };
    let mut writer = server.database().write().await?;
    let claim = writer.claim_key(&key, (now, forgotten)).await?;
    writer.commit().await?;
    match claim {
        Claim::Ours => {}
        Claim::Answered(answer) => return Ok(replayed(answer)),
        Claim::UnderWay => {
            let detail = "the request of this key is being carried out, or a server died while it was: ask again in a moment, \
                          and if that does not help look what became of it and use another key";
            return Err(Failure::new(Code::WrongState, detail));
        }
        Claim::Other => {
            let detail = "another request was sent with this key: a key belongs to one request, use a new one";
            return Err(Failure::new(Code::KeyReused, detail));
        }
    }
    // It is brought to its end even if whoever asked goes away.
    let request = Request::from_parts(parts, Body::from(body));
    let carried_out = tokio::spawn(async move {
        let key = RequestKey { actor: &actor, given: &given, digest: &digest };
        match AssertUnwindSafe(next.run(request)).catch_unwind().await {
            Ok(response) if response.status().is_success() => keep(&server, &key, response).await,
            refused => {
                // If this cannot be told, the key is forgotten later.
                let _ = let_go(&server, &key).await;
                refused.unwrap_or_else(|panic| resume_unwind(panic))
            }
        }
    });
    match carried_out.await {
        Ok(response) => Ok(response),
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        Err(error) => Err(Failure::internal(error.to_string())),
    }
}

/// Keeps an answer and gives it. That it cannot be kept is no reason not to give it: what was asked for was done.
async fn keep(server: &Server, key: &RequestKey<'_>, response: Response) -> Response {
    let (parts, body) = response.into_parts();
    // It is in memory already.
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let header = |name: &str| Some((name.to_owned(), parts.headers.get(name)?.to_str().ok()?.to_owned()));
    let answer = KeptAnswer {
        status: parts.status.as_u16(),
        headers: KEPT.iter().filter_map(|name| header(name)).collect(),
        body: String::from_utf8_lossy(&bytes).into_owned(),
    };
    let kept = async {
        let mut writer = server.database().write().await?;
        writer.keep_answer(key, &answer).await?;
        writer.commit().await
    };
    // The key stays taken then: nothing is done twice.
    let _ = kept.await;
    Response::from_parts(parts, Body::from(bytes))
}

async fn let_go(server: &Server, key: &RequestKey<'_>) -> Result<(), DbError> {
    let mut writer = server.database().write().await?;
    writer.let_key_go(key).await?;
    writer.commit().await
}

fn replayed(answer: KeptAnswer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

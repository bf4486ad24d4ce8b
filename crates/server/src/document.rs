//! The document that describes the API: OpenAPI 3.1, made from the handlers and the types that they take and give.
//!
//! What is alike for all operations is added here once: the problem that each may answer, the permission that it needs, and an
//! example from `examples`. The text of it is kept at the root of the project, and a test holds it against the code.

mod examples;

use axum::http::{Method, StatusCode};
use axum::response::Response;
use holdfast_api::{Code, Problem};
use serde_json::{Map, Value, json};
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder};
use utoipa::{PartialSchema, ToSchema};

use crate::actor::Actor;
use crate::once;
use crate::permission::Permission;
use crate::router::operations;

/// Each part of the API, and what it is about.
const TAGS: [(&str, &str); 14] = [
    ("tenants", "Customers: whose everything is. Who has one needs to think of none."),
    ("clients", "Machines that are backed up."),
    ("repositories", "Where backups are stored."),
    ("schedules", "When something is due."),
    ("policies", "What of which clients is backed up, where to, when, and how long it is kept."),
    ("snapshots", "What is stored, and what is in it."),
    ("restores", "Snapshots given back."),
    ("jobs", "What is done, and what became of it."),
    ("protection", "How well clients are protected."),
    ("retention", "What is kept, and for how long."),
    ("events", "What happens, as it happens."),
    ("secrets", "Passwords and credentials that were handed over, by name."),
    ("settings", "What holds for the whole server."),
    ("server", "The server itself."),
];

/// Operations whose body can be left out.
const OPTIONAL_BODIES: [&str; 3] = ["run_policy", "prepare_repository", "check_repository"];

/// The document that describes the API.
pub fn document() -> Value {
    let mut document = serde_json::to_value(operations().into_openapi()).expect("a document has text for keys");
    add_problems(&mut document);
    for (path, method, operation) in operations_of(&mut document) {
        let part = path.trim_start_matches("/api/v1/").split('/').next().unwrap_or_default();
        let tag = if part == "policy-types" { "policies" } else { part };
        let tag = TAGS.iter().map(|(name, _)| *name).find(|name| *name == tag).unwrap_or("server");
        operation.insert("tags".to_owned(), json!([tag]));
        let permission = Method::from_bytes(method.as_bytes()).ok().and_then(|method| Permission::of(&method, &path));
        operation.insert("x-permission".to_owned(), json!(permission.map(Permission::as_str)));
        never_null(operation);
        if OPTIONAL_BODIES.contains(&operation.get("operationId").and_then(Value::as_str).unwrap_or_default()) {
            operation["requestBody"]["required"] = json!(false);
        }
        // Whoever may do it without leave is nobody whose keys could be told from others'.
        if method == "POST" && permission.is_some_and(|permission| permission != Permission::Public) {
            add_key(operation);
        }
        examples::add(operation);
    }
    document
}

/// What stands in it beside the operations.
pub(crate) fn base() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Holdfast")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Whatever is asked, the answer is what was asked for, or one problem (RFC 9457) whose `code` programs decide by. \
             Each operation names the permission that it needs (`x-permission`).",
        ))
        .build();
    let tags = TAGS
        .iter()
        .map(|(name, about)| utoipa::openapi::tag::TagBuilder::new().name(*name).description(Some(*about)).build());
    OpenApiBuilder::new().info(info).tags(Some(tags)).build()
}

/// Whatever is asked may meet a problem.
fn add_problems(document: &mut Value) {
    let mut schemas = vec![(Problem::name().into_owned(), Problem::schema())];
    Problem::schemas(&mut schemas);
    let at = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    if let Some(at) = at {
        at.extend(schemas.into_iter().map(|(name, schema)| (name, json!(schema))));
    }
    let problem = Problem {
        request_id: "5f2a91c07be3d4860a17".to_owned(),
        ..Problem::new(Code::NotFound, "there is no client 0198c6a2-7b1e-7c3a-9f00-3d2b8a6e5c41")
    };
    let answer = json!({
        "description": "It was not carried out; the code says why.",
        "content": {"application/problem+json": {
            "schema": {"$ref": "#/components/schemas/Problem"},
            "example": problem,
        }},
    });
    for (_, _, operation) in operations_of(document) {
        if let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) {
            responses.insert("default".to_owned(), answer.clone());
        }
    }
}

/// A parameter can be left out, but there is no null in an address or a header.
fn never_null(operation: &mut Map<String, Value>) {
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten();
    for types in parameters.filter_map(|parameter| parameter.pointer_mut("/schema/type")) {
        let others: Vec<Value> = types.as_array().into_iter().flatten().filter(|one| *one != "null").cloned().collect();
        if let [only] = others.as_slice() {
            *types = only.clone();
        }
    }
}

/// Whatever is asked for by POST can be asked for again.
fn add_key(operation: &mut Map<String, Value>) {
    let key = json!({
        "name": once::KEY.as_str(), "in": "header", "required": false,
        "description": "Makes it safe to send the request again when its answer was not heard: for 24 hours the same request \
                        with the same key is answered the same (with the header `idempotency-replayed`), and not carried out \
                        again. A request that was refused leaves its key free. Another request with the key is refused \
                        (`key_reused`), and one that comes while the first is being carried out too (`wrong_state`).",
        "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"},
        "example": "0198c6a3-0c5d-7f11-8b2a-6e5c41d2b8a6",
    });
    if let Some(parameters) = operation.entry("parameters").or_insert_with(|| json!([])).as_array_mut() {
        parameters.push(key);
    }
}

/// Each operation with its path and its method in capitals.
fn operations_of(document: &mut Value) -> impl Iterator<Item = (String, String, &mut Map<String, Value>)> {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut).into_iter().flatten();
    paths.flat_map(|(path, methods)| {
        let methods = methods.as_object_mut().into_iter().flatten();
        methods
            .filter_map(|(method, operation)| Some((path.clone(), method.to_uppercase(), operation.as_object_mut()?)))
    })
}

#[utoipa::path(
    get, path = "/api/openapi.json", operation_id = "read_document", summary = "This document",
    responses((status = 200, description = "The document.", body = Value))
)]
pub(crate) async fn read(_: Actor) -> Response {
    crate::answer::json(StatusCode::OK, &document())
}

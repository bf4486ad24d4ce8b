//! The document says what the code does, and says it of every operation.

use std::path::Path;

use holdfast_server::document;
use serde_json::Value;

use super::scene::Scene;

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, methods)| {
        let path: &String = path;
        let methods: &Value = methods;
        let operation =
            move |(method, operation): (&String, _)| (format!("{} {path}", method.to_uppercase()), operation);
        methods.as_object().unwrap().iter().map(operation).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of_path).collect()
}

#[test]
fn openapi_json_is_what_the_code_makes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi.json");
    let made = format!("{}\n", serde_json::to_string_pretty(&document()).unwrap());
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == made, "openapi.json is stale: UPDATE_OPENAPI=1 cargo nextest run -p holdfast-server openapi");
}

#[test]
fn every_operation_of_the_document_names_the_permission_that_it_needs() {
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let operations = operations(&document);
    for (name, operation) in &operations {
        let permission = operation["x-permission"].as_str();
        println!("{name}: {permission:?}");
        assert!(permission.is_some(), "{name} needs a row in crates/server/src/permission.rs");
        // Whoever says that it is ready has a token.
        let is_public = !name.contains("/api/v1/") || name.ends_with("/ready");
        assert_eq!(permission == Some("public"), is_public, "{name}");
        let method = name.split(' ').next().unwrap();
        let changes = method != "GET" && !name.ends_with("/preview") && !is_public;
        assert_eq!(!permission.unwrap().starts_with("read_") && !is_public, changes, "{name}");
    }
    assert_eq!(operations.len(), 61, "the table has a row of an operation that there is not");
}

#[test]
fn every_operation_has_a_name_a_summary_and_examples_of_what_it_takes_and_gives() {
    let document = document();
    let mut names = Vec::new();
    for (name, operation) in operations(&document) {
        names.push(operation["operationId"].as_str().unwrap().to_owned());
        assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{name}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.contains_key("default"), "{name}");
        let bodies = responses.values().chain(operation.get("requestBody"));
        for body in bodies {
            for (form, content) in body["content"].as_object().into_iter().flatten() {
                assert!(content.get("example").is_some(), "{name} has no example of {form}");
            }
        }
    }
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count, "a name is given once");
}

#[test]
fn every_schema_that_is_referred_to_is_there() {
    let document = document();
    let text = document.to_string();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(schemas.contains_key(name), "{name}");
    }
    assert!(schemas.contains_key("Client") && schemas.contains_key("PolicyPage"), "{:?}", schemas.keys());
}

#[tokio::test]
async fn the_document_is_served() {
    let scene = Scene::new().await;
    assert_eq!(scene.get("/api/openapi.json").await.json(), document());
}

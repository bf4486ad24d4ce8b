//! The page of the API: what can be asked for, for whoever looks at it in a browser. It is made of the document and needs no
//! script. Whatever stands in it was escaped.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use serde_json::Value;

use crate::document::document;

/// Nothing is loaded, run or sent from it.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;\
                     background:#fff}code,pre{font:14px/1.45 ui-monospace,monospace}h2{margin-top:2.2rem}summary{cursor:pointer;\
                     padding:.25rem 0}summary b{display:inline-block;width:4.6rem}pre{background:#f4f5f7;padding:.8rem;\
                     overflow:auto;max-height:28rem}.p{color:#57606a}@media(prefers-color-scheme:dark){body{color:#e6e8eb;\
                     background:#15181c}pre{background:#20252b}a{color:#7cb3ff}.p{color:#9aa4ae}}";

static PAGE: LazyLock<String> = LazyLock::new(|| page(&document()));

/// `GET /` and `GET /api`.
pub(crate) async fn read() -> Response {
    ([(header::CONTENT_SECURITY_POLICY, POLICY), (header::REFERRER_POLICY, "no-referrer")], Html(PAGE.as_str()))
        .into_response()
}

fn page(document: &Value) -> String {
    let info = &document["info"];
    let mut page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>The API of Holdfast</title><style>{STYLE}</style><h1>The API of Holdfast</h1><p>{}<p class=p>Version {}. \
         For programs: <a href=/api/openapi.json>openapi.json</a> (OpenAPI 3.1). For people: <code>holdfast --help</code>.",
        text(&info["description"]),
        text(&info["version"]),
    );
    for tag in document["tags"].as_array().into_iter().flatten() {
        let name = &tag["name"];
        write(&mut page, format_args!("<h2>{}</h2><p class=p>{}</p>", text(name), text(&tag["description"])));
        for (path, method, operation) in operations(document).filter(|(.., of)| of["tags"][0] == *name) {
            add_operation(&mut page, path, method, operation);
        }
    }
    page
}

fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

fn add_operation(page: &mut String, path: &str, method: &str, operation: &Value) {
    write(
        page,
        format_args!(
            "<details><summary><b>{}</b> <code>{}</code> {}</summary><p>{}<p class=p>Needs <code>{}</code>.",
            escaped(&method.to_uppercase()),
            escaped(path),
            text(&operation["summary"]),
            text(&operation["description"]),
            text(&operation["x-permission"]),
        ),
    );
    let parameters = operation["parameters"].as_array();
    if let Some(parameters) = parameters.filter(|all| !all.is_empty()) {
        page.push_str("<ul>");
        for parameter in parameters {
            let (name, place, about) = (&parameter["name"], &parameter["in"], &parameter["description"]);
            write(page, format_args!("<li><code>{}</code> ({}): {}", text(name), text(place), text(about)));
        }
        page.push_str("</ul>");
    }
    add_example(page, "For example, sent:", &operation["requestBody"]);
    for (status, answer) in operation["responses"].as_object().into_iter().flatten().filter(|(of, _)| *of != "default")
    {
        write(page, format_args!("<p>{} {}", escaped(status), text(&answer["description"])));
        add_example(page, "For example:", answer);
    }
    page.push_str("</details>");
}

/// What is sent or answered, as the document shows it.
fn add_example(page: &mut String, title: &str, of: &Value) {
    let kinds = of["content"].as_object().into_iter().flatten();
    for example in kinds.filter_map(|(_, content)| content.get("example")) {
        let shown = match example {
            Value::String(text) => text.clone(),
            other => format!("{other:#}"),
        };
        write(page, format_args!("<p class=p>{title}<pre>{}</pre>", escaped(&shown)));
    }
}

fn write(page: &mut String, what: std::fmt::Arguments<'_>) {
    page.write_fmt(what).expect("a text takes whatever is written");
}

fn text(value: &Value) -> String {
    escaped(value.as_str().unwrap_or_default())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_stands_in_it_once_and_nothing_unescaped() {
        let document = document();
        let page = page(&document);
        assert_eq!(page.matches("<details>").count(), operations(&document).count());
        assert!(page.contains("<code>/api/v1/clients/{id}/prepare</code>"));
        let odd = serde_json::json!({"info": {"description": "<b>\"&"}, "tags": [], "paths": {}});
        assert!(super::page(&odd).contains("<p>&lt;b&gt;&quot;&amp;<p"));
    }
}

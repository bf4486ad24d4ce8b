//! Which handler answers what.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::Uri;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use holdfast_api::Code;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::failure::Failure;
use crate::objects::{clients, policies, repositories, schedules, tenants};
use crate::server::Server;
use crate::{
    actions, admit, body, document, envelope, events, find, health, jobs, log, once, page, policy_types, protection,
    restores, retention, settings, sizes, snapshots, upcoming,
};

/// The router of the API.
pub fn router(server: Server) -> Router {
    finished(operations().split_for_parts().0, server)
}

/// All operations, with their part of the document.
pub(crate) fn operations() -> OpenApiRouter<Server> {
    OpenApiRouter::with_openapi(document::base())
        .routes(routes!(tenants::list, tenants::create))
        .routes(routes!(tenants::read, tenants::replace, tenants::delete))
        .routes(routes!(clients::list, clients::create))
        .routes(routes!(clients::read, clients::replace, clients::delete))
        .routes(routes!(repositories::list, repositories::create))
        .routes(routes!(repositories::read, repositories::replace, repositories::delete))
        .routes(routes!(sizes::list))
        .routes(routes!(schedules::list, schedules::create))
        .routes(routes!(schedules::read, schedules::replace, schedules::delete))
        .routes(routes!(upcoming::of_schedule))
        .routes(routes!(upcoming::of_draft))
        .routes(routes!(policies::list, policies::create))
        .routes(routes!(policies::read, policies::replace, policies::delete))
        .routes(routes!(policy_types::list))
        .routes(routes!(actions::clients::prepare))
        .routes(routes!(actions::clients::accept_host_keys))
        .routes(routes!(actions::clients::say_ready))
        .routes(routes!(actions::repositories::prepare))
        .routes(routes!(actions::repositories::check))
        .routes(routes!(actions::repositories::prune))
        .routes(routes!(actions::repositories::catalog))
        .routes(routes!(actions::repositories::verify))
        .routes(routes!(actions::copies::copy))
        .routes(routes!(actions::policies::run))
        .routes(routes!(actions::jobs::cancel))
        .routes(routes!(actions::jobs::retry))
        .routes(routes!(actions::secrets::list))
        .routes(routes!(actions::secrets::put, actions::secrets::delete))
        .routes(routes!(jobs::list))
        .routes(routes!(jobs::read))
        .routes(routes!(log::read))
        .routes(routes!(find::find))
        .routes(routes!(find::versions))
        .routes(routes!(snapshots::list))
        .routes(routes!(snapshots::files))
        .routes(routes!(snapshots::download))
        .routes(routes!(restores::create))
        .routes(routes!(events::watch))
        .routes(routes!(protection::list))
        .routes(routes!(retention::preview))
        .routes(routes!(settings::read, settings::change))
        .routes(routes!(document::read))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
}

/// What stands around all handlers: the outermost comes last.
fn finished(router: Router<Server>, server: Server) -> Router {
    router
        .route("/", get(page::read))
        .route("/api", get(page::read))
        .fallback(no_such_path)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(body::LARGEST))
        .layer(from_fn_with_state(server.clone(), once::once))
        .layer(from_fn(admit::admit))
        .layer(from_fn_with_state(server.clone(), envelope::envelope))
        .with_state(server)
}

async fn no_such_path(uri: Uri) -> Failure {
    let path: String = uri.path().chars().take(200).collect();
    Failure::new(
        Code::NoSuchPath,
        format!("there is nothing at {path}: /api says what there is, and /api/openapi.json to programs"),
    )
}

async fn method_not_allowed() -> Failure {
    Failure::new(Code::MethodNotAllowed, "this address does not take this method: the header Allow says which it does")
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::body::{Body, to_bytes};
    use axum::http::{Request, StatusCode};
    use holdfast_db::{Database, Options};
    use holdfast_model::SystemClock;
    use tower::ServiceExt;

    use super::*;
    use crate::actor::Actor;
    use crate::server::{Failures, SystemRandom};

    #[derive(Clone, Default)]
    struct Notes(Arc<Mutex<Vec<String>>>);

    impl Failures for Notes {
        fn note(&self, request_id: &str, what: &str) {
            self.0.lock().unwrap().push(format!("{request_id}: {what}"));
        }
    }

    async fn panics(_: Actor) -> Failure {
        panic!("the secret of it")
    }

    #[tokio::test]
    async fn a_panic_ends_one_request_alone_and_is_told_to_the_log_only() {
        let dir = holdfast_testkit::temp_dir();
        let address = format!("sqlite:{}", dir.path().join("holdfast.db").display());
        let database = Database::open(&Options { address, connections: 1 }).await.unwrap();
        let notes = Notes::default();
        let control = holdfast_control::Control::new(database, Arc::new(SystemClock));
        let secrets = holdfast_control::work::secrets::Secrets::open(dir.path(), |_| None).unwrap();
        let server = Server::new(control, Arc::new(secrets), SystemRandom, notes.clone());
        // In the place of an operation, so that it has a row in the table of permissions; and one without.
        let routes = Router::new().route("/health/live", get(panics)).route("/health/dead", get(panics));
        let router = finished(routes, server);
        let ask = |path: &str| {
            let request = Request::get(path).header("x-request-id", "r-1").body(Body::empty()).unwrap();
            router.clone().oneshot(request)
        };
        let response = ask("/health/live").await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = to_bytes(response.into_body(), 10_000).await.unwrap();
        let problem: holdfast_api::Problem = serde_json::from_slice(&body).unwrap();
        assert_eq!((problem.code, problem.request_id.as_str()), (Code::Internal, "r-1"));
        assert!(!problem.detail.contains("secret"));
        assert_eq!(*notes.0.lock().unwrap(), ["r-1: a handler panicked: the secret of it"]);
        assert_eq!(ask("/health/dead").await.unwrap().status(), StatusCode::FORBIDDEN, "it has no row");
    }
}

//! What is done when it is asked for: jobs that are started, cancelled and done again; keys that are believed; secrets that
//! are handed over.
//!
//! Long work is a job: it is answered by 202 and where the job is found.

pub(crate) mod clients;
pub(crate) mod copies;
pub(crate) mod jobs;
pub(crate) mod policies;
pub(crate) mod repositories;
pub(crate) mod secrets;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use holdfast_api::Job;
use holdfast_control::Asker;
use holdfast_model::job::{self, Launch};

use crate::actor::Actor;
use crate::answer::json;

/// Whoever asks, as it stands in jobs.
pub(crate) fn asker(actor: &Actor) -> Asker<'_> {
    Asker { launch: Launch::Api, name: actor.name() }
}

/// A job that was made, and where it is found.
pub(crate) fn accepted(job: job::Job) -> Response {
    let location = [(header::LOCATION, format!("/api/v1/jobs/{}", job.uid))];
    (location, json(StatusCode::ACCEPTED, &Job::from(job))).into_response()
}

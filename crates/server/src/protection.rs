//! How well clients are protected: the worst first, so that who looks sees what matters.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use holdfast_api::{Page, Protected, ProtectedClient, ProtectedPage, ProtectingPolicy};
use holdfast_control::{self as control, Position, ProtectionQuery, ProtectionSort};
use holdfast_model::protection::Protection;
use holdfast_model::{ClientUid, PolicyUid, TenantUid};

use crate::actor::Actor;
use crate::answer::json;
use crate::cursor;
use crate::failure::Failure;
use crate::part::Part;
use crate::query::{Query, wrong};
use crate::server::Server;

/// What the list can be asked for. The handler reads the parameters one by one; this describes them.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is there to be described")]
pub(crate) struct ProtectionParameters {
    /// Of this tenant.
    #[param(value_type = Option<String>, format = "uuid")]
    tenant: Option<TenantUid>,
    /// This client.
    #[param(value_type = Option<String>, format = "uuid")]
    client: Option<ClientUid>,
    /// By this policy.
    #[param(value_type = Option<String>, format = "uuid")]
    policy: Option<PolicyUid>,
    /// Protected so well; can be given several times.
    #[param(style = Form, explode)]
    protection: Option<Vec<Protection>>,
    /// With this in the name of the client or of the policy, in any case.
    #[param(max_length = 100)]
    q: Option<String>,
    /// By what they are sorted; the worst first if nothing is said.
    #[param(inline)]
    sort: Option<Sort>,
    /// How many come at once; 50 if nothing is said.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

const KNOWN: [&str; 8] = ["tenant", "client", "policy", "protection", "q", "sort", "limit", "cursor"];

/// How the list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, utoipa::ToSchema)]
pub(crate) enum Sort {
    /// The worst first.
    #[default]
    #[serde(rename = "-protection")]
    WorstFirst,
    /// By the name of the client.
    #[serde(rename = "client")]
    Client,
    /// Those first whose newest snapshot is the oldest, or who have none.
    #[serde(rename = "newest")]
    Newest,
}

impl Sort {
    const ALL: [Self; 3] = [Self::WorstFirst, Self::Client, Self::Newest];

    const fn as_str(self) -> &'static str {
        match self {
            Self::WorstFirst => "-protection",
            Self::Client => "client",
            Self::Newest => "newest",
        }
    }

    const fn order(self) -> ProtectionSort {
        match self {
            Self::WorstFirst => ProtectionSort::WorstFirst,
            Self::Client => ProtectionSort::Client,
            Self::Newest => ProtectionSort::Newest,
        }
    }
}

const LIST: &str = "protection";

#[utoipa::path(
    get, path = "/api/v1/protection", operation_id = "list_protection", summary = "How well clients are protected",
    description = "Each client by each of its policies, and those that are in none: by the age of the newest good snapshot, and \
                   never by the end of the last job alone.",
    params(ProtectionParameters),
    responses((status = 200, description = "A page of the list.", body = ProtectedPage))
)]
pub(crate) async fn list(_: Actor, State(server): State<Server>, RawQuery(raw): RawQuery) -> Result<Response, Failure> {
    let query = Query::read(raw.as_deref(), &KNOWN)?;
    let sort = match query.words("sort", &Sort::ALL, Sort::as_str)?.as_slice() {
        [] => Sort::default(),
        [sort] => *sort,
        _ => return Err(wrong("sort", "it is given more than once")),
    };
    let list = format!("{LIST} {}", sort.as_str());
    let after = query.one::<String>("cursor")?.map(|text| position_of(&cursor::read(&list, &text)?.0)).transpose()?;
    let asked = ProtectionQuery {
        tenant: query.one("tenant")?,
        client: query.one("client")?,
        policy: query.one("policy")?,
        protections: query.words("protection", &Protection::ALL, Protection::as_str)?,
        contains: query.one::<Part>("q")?.map(|part| part.0),
        sort: sort.order(),
        after,
        limit: query.number("limit", 1, 500)?.unwrap_or(50) as usize,
    };
    let page = server.control().protection(&asked).await?;
    let last = page.rows.last().filter(|_| page.has_more);
    let next_cursor = last.map(|last| cursor::write(&list, &key_of(last), ""));
    let page: ProtectedPage = Page { items: page.rows.into_iter().map(shown).collect(), next_cursor };
    Ok(json(StatusCode::OK, &page))
}

/// How a cursor names the place of a row: by all that the list is sorted by.
fn key_of(row: &control::Protected) -> String {
    serde_json::to_string(&Position::of(row)).expect("names, ids and times can be written")
}

fn position_of(key: &str) -> Result<Position, Failure> {
    serde_json::from_str(key).map_err(|_| cursor::wrong())
}

fn shown(one: control::Protected) -> Protected {
    let in_none = one.policy.is_none().then(|| "it is in no policy: nothing of it is backed up".to_owned());
    Protected {
        tenant: one.tenant,
        client: ProtectedClient { id: one.client.0, name: one.client.1 },
        policy: one.policy.map(|(id, name)| ProtectingPolicy { id, name }),
        protection: one.assessment.protection,
        expected_by: one.assessment.expected_by,
        newest: one.newest,
        failed: one.failed.map(|(at, _)| at),
        cause: one.failed.map(|(_, cause)| cause),
        fix: one.failed.map(|(_, cause)| cause.fix().to_owned()),
        idle: one.idle.map(|idle| idle.to_string()).or(in_none),
    }
}

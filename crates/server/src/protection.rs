//! How well clients are protected: the worst first, so that who looks sees what matters.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use holdfast_api::{Page, Protected, ProtectedClient, ProtectedPage, ProtectingPolicy};
use holdfast_control as control;
use holdfast_model::protection::Protection;
use holdfast_model::{ClientUid, PolicyUid, TenantUid};

use crate::actor::Actor;
use crate::answer::json;
use crate::cursor;
use crate::failure::Failure;
use crate::query::Query;
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
    /// How many come at once; 50 if nothing is said.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

const KNOWN: [&str; 6] = ["tenant", "client", "policy", "protection", "limit", "cursor"];

const LIST: &str = "protection";

#[utoipa::path(
    get, path = "/api/v1/protection", operation_id = "list_protection", summary = "How well clients are protected",
    description = "Each client by each of its policies, and those that are in none, the worst first: by the age of the newest good snapshot, and never \
                   by the end of the last job alone.",
    params(ProtectionParameters),
    responses((status = 200, description = "A page of the list.", body = ProtectedPage))
)]
pub(crate) async fn list(_: Actor, State(server): State<Server>, RawQuery(raw): RawQuery) -> Result<Response, Failure> {
    let query = Query::read(raw.as_deref(), &KNOWN)?;
    let tenant: Option<TenantUid> = query.one("tenant")?;
    let client: Option<ClientUid> = query.one("client")?;
    let policy: Option<PolicyUid> = query.one("policy")?;
    let wanted = query.words("protection", &Protection::ALL, Protection::as_str)?;
    let limit = query.number("limit", 1, 500)?.unwrap_or(50) as usize;
    let after = query.one::<String>("cursor")?.map(|text| cursor::read(LIST, &text)).transpose()?;
    let all = server.control().protection(client).await?;
    let is_wanted = |one: &control::Protected| {
        tenant.is_none_or(|tenant| tenant == one.tenant)
            && policy.is_none_or(|policy| one.policy.as_ref().is_some_and(|of| of.0 == policy))
            && (wanted.is_empty() || wanted.contains(&one.assessment.protection))
    };
    let mut rest: Vec<_> = all.into_iter().filter(is_wanted).collect();
    if let Some((_, after)) = after {
        // What has become better or worse meanwhile is found where it stands now.
        let last = rest.iter().position(|one| id_of(one) == after).ok_or_else(cursor::wrong)?;
        rest.drain(..=last);
    }
    let next_cursor = rest.get(limit).and(rest.get(limit - 1)).map(|last| cursor::write(LIST, "", &id_of(last)));
    rest.truncate(limit);
    let page: ProtectedPage = Page { items: rest.into_iter().map(shown).collect(), next_cursor };
    Ok(json(StatusCode::OK, &page))
}

fn id_of(one: &control::Protected) -> String {
    let policy = one.policy.as_ref().map(|policy| policy.0.to_string());
    format!("{} {}", one.client.0, policy.as_deref().unwrap_or("-"))
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

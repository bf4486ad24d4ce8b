//! Lists of objects: filtered, in order, page by page.

use std::fmt;
use std::str::FromStr;

use axum::http::StatusCode;
use axum::response::Response;
use holdfast_api::{Object, Page};
use holdfast_db::{ObjectFilter, Order};
use holdfast_model::{Name, Tag, TenantUid};

use super::{Served, complete, list_name};
use crate::answer::json;
use crate::cursor;
use crate::failure::Failure;
use crate::query::{Query, wrong};
use crate::server::Server;

/// So many rows come at once if nothing is said.
pub(crate) const LIMIT: u64 = 50;
/// More do not.
pub(crate) const LARGEST_LIMIT: u64 = 500;

/// What the list of a kind can be asked for. The handlers read the parameters one by one; this describes them.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is there to be described")]
pub(crate) struct ListParameters {
    /// Of this tenant.
    #[param(value_type = Option<String>, format = "uuid")]
    tenant: Option<TenantUid>,
    /// Enabled or not.
    enabled: Option<bool>,
    /// With any of these tags; can be given several times.
    #[param(value_type = Option<Vec<Tag>>, style = Form, explode)]
    tag: Option<Vec<Tag>>,
    /// With this in their name, in any case.
    #[param(max_length = 100)]
    q: Option<String>,
    /// By what they are sorted; `-` in front turns it around.
    #[param(inline)]
    sort: Option<Sort>,
    /// How many come at once; 50 if nothing is said.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before, asked for with the same sort.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

const KNOWN: [&str; 7] = ["tenant", "enabled", "tag", "q", "sort", "limit", "cursor"];

/// By what a list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, utoipa::ToSchema)]
pub(crate) enum Sort {
    /// By name.
    #[default]
    #[serde(rename = "name")]
    Name,
    /// By name, the last first.
    #[serde(rename = "-name")]
    NameDescending,
    /// The oldest first.
    #[serde(rename = "created")]
    Created,
    /// The newest first.
    #[serde(rename = "-created")]
    CreatedDescending,
    /// Those first that were not changed for longest.
    #[serde(rename = "modified")]
    Modified,
    /// The last changed first.
    #[serde(rename = "-modified")]
    ModifiedDescending,
}

impl Sort {
    const ALL: [Self; 6] = [
        Self::Name,
        Self::NameDescending,
        Self::Created,
        Self::CreatedDescending,
        Self::Modified,
        Self::ModifiedDescending,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::NameDescending => "-name",
            Self::Created => "created",
            Self::CreatedDescending => "-created",
            Self::Modified => "modified",
            Self::ModifiedDescending => "-modified",
        }
    }

    const fn order(self) -> (Order, bool) {
        match self {
            Self::Name => (Order::Name, false),
            Self::NameDescending => (Order::Name, true),
            Self::Created => (Order::Created, false),
            Self::CreatedDescending => (Order::Created, true),
            Self::Modified => (Order::Modified, false),
            Self::ModifiedDescending => (Order::Modified, true),
        }
    }
}

/// A part of a name to look for.
struct Part(String);

impl FromStr for Part {
    type Err = PartError;

    fn from_str(text: &str) -> Result<Self, PartError> {
        let good = text.chars().count() <= 100 && !text.chars().any(char::is_control);
        if good { Ok(Self(text.to_owned())) } else { Err(PartError) }
    }
}

/// A text that stands in no name.
struct PartError;

impl fmt::Display for PartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no name has that in it: names have 100 characters at most, and no control characters")
    }
}

/// A page of a list.
pub(crate) async fn list<S: Served>(server: &Server, raw: Option<&str>) -> Result<Response, Failure> {
    let query = Query::read(raw, &KNOWN)?;
    let sorts = query.words("sort", &Sort::ALL, Sort::as_str)?;
    let sort = match sorts.as_slice() {
        [] => Sort::default(),
        [sort] => *sort,
        _ => return Err(wrong("sort", "it is given more than once")),
    };
    let filter = ObjectFilter {
        tenant: query.one("tenant")?,
        enabled: query.truth("enabled")?,
        tags: query.many("tag")?,
        name_contains: query.one::<Part>("q")?.map(|part| part.0),
        naming: None,
    };
    let limit = query.number("limit", 1, LARGEST_LIMIT)?.unwrap_or(LIMIT);
    let list = list_name(<S as holdfast_model::object::Spec>::KIND, sort.as_str());
    let (order, descending) = sort.order();
    let after = query.one::<String>("cursor")?.map(|cursor| position::<S>(&list, order, &cursor)).transpose()?;
    // One more than asked for shows whether there are more.
    let page = holdfast_db::Page { order, descending, limit: limit as u32 + 1, after };
    let mut found = server.database().read().await?.objects::<S>(&filter, &page).await?;
    let has_more = found.len() as u64 > limit;
    found.truncate(limit as usize);
    complete(server, &mut found).await?;
    let last = found.last().filter(|_| has_more).map(|last| page.key(last));
    let next_cursor = last.map(|(key, uid)| cursor::write(&list, &key, &uid));
    let items = found.into_iter().map(Object::from).collect();
    Ok(json(StatusCode::OK, &Page { items, next_cursor }))
}

/// Where a list goes on. A cursor that was made by hand is held against what can be kept at all.
fn position<S: Served>(list: &str, order: Order, cursor: &str) -> Result<(String, String), Failure> {
    let (key, uid) = cursor::read(list, cursor)?;
    let is_key = match order {
        Order::Name => key.parse::<Name>().is_ok(),
        Order::Created | Order::Modified => key.parse::<i64>().is_ok(),
    };
    if is_key && uid.parse::<S::Uid>().is_ok() { Ok((key, uid)) } else { Err(cursor::wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_the_same_word_in_the_document_and_when_it_is_read() {
        for sort in Sort::ALL {
            assert_eq!(serde_json::to_value(sort).unwrap(), sort.as_str());
        }
    }

    #[test]
    fn every_parameter_that_is_described_is_read() {
        use utoipa::IntoParams;
        let described: Vec<String> = ListParameters::into_params(|| None).into_iter().map(|one| one.name).collect();
        assert_eq!(described, KNOWN);
    }
}

//! A page of the list of how well clients are protected: what is asked for is found among all rows, and no other is put in order.

use std::cmp::{Ordering, Reverse};

use holdfast_model::protection::Protection;
use holdfast_model::{ClientUid, Name, PolicyUid, TenantUid, Time};
use serde::{Deserialize, Serialize};

use super::{Protected, Row};

/// Which clients and policies, and in what order.
#[derive(Debug, Clone, Default)]
pub struct ProtectionQuery {
    /// Of this tenant.
    pub tenant: Option<TenantUid>,
    /// This client.
    pub client: Option<ClientUid>,
    /// By this policy.
    pub policy: Option<PolicyUid>,
    /// Protected as well as one of these; without any, all.
    pub protections: Vec<Protection>,
    /// With this in the name of the client or of the policy, in any case.
    pub contains: Option<String>,
    /// In what order.
    pub sort: ProtectionSort,
    /// Behind this place.
    pub after: Option<Position>,
    /// At most so many.
    pub limit: usize,
}

/// How the list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProtectionSort {
    /// The worst first.
    #[default]
    WorstFirst,
    /// By the name of the client.
    Client,
    /// Those first whose newest snapshot is the oldest, or who have none.
    Newest,
}

/// A place in the list: where a row stood when it was shown. The row may have moved since, or be gone, and the list goes on from
/// here all the same: only a row that moves past it is missed, or comes again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    protection: Protection,
    newest: Option<Time>,
    client: (Name, ClientUid),
    policy: Option<(Name, PolicyUid)>,
    tenant: TenantUid,
}

/// What rows are put in order by.
struct Key<'a> {
    protection: Protection,
    newest: Option<Time>,
    names: (&'a Name, Option<&'a Name>),
    ids: (TenantUid, ClientUid, Option<PolicyUid>),
}

/// A page of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtectionPage {
    /// What was asked for.
    pub rows: Vec<Protected>,
    /// Whether more come behind it.
    pub has_more: bool,
}

impl Position {
    /// Where a row stands.
    pub fn of(row: &Protected) -> Self {
        let Protected { tenant, client, policy, assessment, newest, .. } = row;
        Self {
            protection: assessment.protection,
            newest: *newest,
            client: (client.1.clone(), client.0),
            policy: policy.as_ref().map(|(uid, name)| (name.clone(), *uid)),
            tenant: *tenant,
        }
    }

    fn key(&self) -> Key<'_> {
        let Self { protection, newest, client, policy, tenant } = self;
        Key {
            protection: *protection,
            newest: *newest,
            names: (&client.0, policy.as_ref().map(|policy| &policy.0)),
            ids: (*tenant, client.1, policy.as_ref().map(|policy| policy.1)),
        }
    }
}

impl Row<'_> {
    fn key(&self) -> Key<'_> {
        let policy = self.policy();
        Key {
            protection: self.assessment.protection,
            newest: self.last.newest,
            names: (&self.client.spec.hostname, policy.map(|policy| &policy.spec.name)),
            ids: (self.client.tenant, self.client.uid, policy.map(|policy| policy.uid)),
        }
    }
}

impl ProtectionSort {
    /// Rows that are alike in what is asked for come by what is worst, and then by name.
    fn compare<'a>(self, one: &Key<'a>, other: &Key<'a>) -> Ordering {
        let asked = match self {
            Self::WorstFirst => Ordering::Equal,
            Self::Client => one.names.0.cmp(other.names.0),
            Self::Newest => one.newest.cmp(&other.newest),
        };
        let worst_by_name = |key: &Key<'a>| (Reverse(key.protection), key.names, key.ids);
        asked.then_with(|| worst_by_name(one).cmp(&worst_by_name(other)))
    }
}

impl ProtectionQuery {
    /// The page of all rows.
    pub(super) fn page(&self, mut rows: Vec<Row<'_>>) -> ProtectionPage {
        let part = self.contains.as_ref().map(|part| part.to_lowercase());
        rows.retain(|row| self.wants(row, part.as_deref()));
        if let Some(position) = &self.after {
            rows.retain(|row| self.sort.compare(&row.key(), &position.key()).is_gt());
        }
        let compare = |one: &Row<'_>, other: &Row<'_>| self.sort.compare(&one.key(), &other.key());
        let has_more = rows.len() > self.limit;
        if has_more {
            rows.select_nth_unstable_by(self.limit, compare);
            rows.truncate(self.limit);
        }
        rows.sort_unstable_by(compare);
        ProtectionPage { rows: rows.iter().map(Row::shown).collect(), has_more }
    }

    fn wants(&self, row: &Row<'_>, part: Option<&str>) -> bool {
        let policy = row.policy();
        let names = || std::iter::once(&row.client.spec.hostname).chain(policy.map(|policy| &policy.spec.name));
        self.tenant.is_none_or(|tenant| tenant == row.client.tenant)
            && self.policy.is_none_or(|wanted| policy.is_some_and(|policy| policy.uid == wanted))
            && (self.protections.is_empty() || self.protections.contains(&row.assessment.protection))
            && part.is_none_or(|part| names().any(|name| name.as_str().to_lowercase().contains(part)))
    }
}

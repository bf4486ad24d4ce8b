//! A page of the list of how well clients are protected: what is asked for is found among all rows, and no other is put in order.

use std::cmp::{Ordering, Reverse};

use holdfast_model::protection::Protection;
use holdfast_model::{ClientUid, PolicyUid, TenantUid};

use super::{Protected, Row};

/// Which clients and policies, and in what order.
#[derive(Debug, Clone)]
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
    /// Behind this row, wherever it stands by now.
    pub after: Option<(ClientUid, Option<PolicyUid>)>,
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

/// A page of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtectionPage {
    /// What was asked for.
    pub rows: Vec<Protected>,
    /// Whether more come behind it.
    pub has_more: bool,
}

impl ProtectionSort {
    /// Rows that are alike in what is asked for come by what is worst, and then by name.
    fn compare(self, one: &Row<'_>, other: &Row<'_>) -> Ordering {
        fn name<'a>(row: &'a Row<'_>) -> impl Ord + use<'a> {
            let policy = row.policy();
            let names = (&row.client.spec.hostname, policy.map(|policy| &policy.spec.name));
            (names, row.client.tenant, row.client.uid, policy.map(|policy| policy.uid))
        }
        let asked = match self {
            Self::WorstFirst => Ordering::Equal,
            Self::Client => one.client.spec.hostname.cmp(&other.client.spec.hostname),
            Self::Newest => one.last.newest.cmp(&other.last.newest),
        };
        let worst = |row: &Row<'_>| Reverse(row.assessment.protection);
        asked.then_with(|| worst(one).cmp(&worst(other))).then_with(|| name(one).cmp(&name(other)))
    }
}

impl ProtectionQuery {
    /// The page of all rows; `None` if the one that it should come behind is not among them.
    pub(super) fn page(&self, mut rows: Vec<Row<'_>>) -> Option<ProtectionPage> {
        let part = self.contains.as_ref().map(|part| part.to_lowercase());
        rows.retain(|row| self.wants(row, part.as_deref()));
        let compare = |one: &Row<'_>, other: &Row<'_>| self.sort.compare(one, other);
        if let Some((client, policy)) = self.after {
            let is_last = |row: &Row<'_>| row.client.uid == client && row.policy().map(|policy| policy.uid) == policy;
            let at = rows.iter().position(is_last)?;
            let last = rows.swap_remove(at);
            rows.retain(|row| compare(row, &last).is_gt());
        }
        let has_more = rows.len() > self.limit;
        if has_more {
            rows.select_nth_unstable_by(self.limit, compare);
            rows.truncate(self.limit);
        }
        rows.sort_unstable_by(compare);
        Some(ProtectionPage { rows: rows.iter().map(Row::shown).collect(), has_more })
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

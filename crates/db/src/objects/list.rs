//! Lists of objects: filtered, in order, page by page.
//!
//! A page goes on behind the last row of the one before, so that what is added or removed meanwhile moves nothing.

use std::fmt;

use holdfast_model::object::{Kind, Object, Spec};
use holdfast_model::{Tag, TenantUid};

use super::{COLUMNS, object};
use crate::codec::Columns;
use crate::connection::Reader;
use crate::error::{DbError, During};
use crate::statement::{Statement, containing};

/// Which objects. All that is said must hold.
#[derive(Debug, Clone, Default)]
pub struct ObjectFilter {
    /// Of this tenant.
    pub tenant: Option<TenantUid>,
    /// Enabled or not.
    pub enabled: Option<bool>,
    /// With any of these tags; all, if there are none.
    pub tags: Vec<Tag>,
    /// With this in their name, in any case.
    pub name_contains: Option<String>,
    /// Those that name the object of this id.
    pub naming: Option<String>,
}

/// By what a list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Order {
    /// By name.
    #[default]
    Name,
    /// By the time they were made.
    Created,
    /// By the time they were changed.
    Modified,
}

/// A part of a list.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// By what it is sorted.
    pub order: Order,
    /// Whether the last come first.
    pub descending: bool,
    /// At most so many.
    pub limit: u32,
    /// Behind this row: what it is sorted by, as [`Page::key`] has it, and its id.
    pub after: Option<(String, String)>,
}

impl Page {
    /// The first so many, by name.
    pub fn first(limit: u32) -> Self {
        Self { limit, ..Self::default() }
    }

    /// By what an object is sorted.
    pub fn key<S: Spec>(&self, object: &Object<S>) -> (String, String) {
        let key = match self.order {
            Order::Name => object.spec.name().to_string(),
            Order::Created => object.created.as_microsecond().to_string(),
            Order::Modified => object.modified.as_microsecond().to_string(),
        };
        (key, object.uid.to_string())
    }
}

/// All objects of a kind.
pub struct AllObjects<S: Spec> {
    /// Those that can be read.
    pub objects: Vec<Object<S>>,
    /// Those that cannot: a newer release made them, or they name what this machine does not know.
    pub unreadable: Vec<Unreadable>,
}

/// An object that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unreadable {
    /// What it is.
    pub kind: Kind,
    /// Its id.
    pub uid: String,
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, uid, name, reason } = self;
        write!(f, "the {kind} {name} ({uid}) cannot be read and takes no part: {reason}")
    }
}

impl Reader {
    /// A page of a list.
    pub async fn objects<S: Spec>(&mut self, filter: &ObjectFilter, page: &Page) -> Result<Vec<Object<S>>, DbError> {
        let mut statement = Statement::new(&format!("SELECT {COLUMNS} FROM objects"));
        filter.add_to::<S>(&mut statement);
        let column = match page.order {
            Order::Name => "name",
            Order::Created => "created",
            Order::Modified => "modified",
        };
        let (sign, direction) = if page.descending { ("<", "DESC") } else { (">", "ASC") };
        if let Some((key, uid)) = &page.after {
            statement.and(&format!("({column}, uid) {sign} ("));
            match page.order {
                Order::Name => statement.bind(key.clone()),
                Order::Created | Order::Modified => statement.bind(key.parse::<i64>().unwrap_or_default()),
            };
            statement.push(", ").bind(uid.clone()).push(")");
        }
        statement.push(&format!(" ORDER BY {column} {direction}, uid {direction} LIMIT "));
        statement.bind(i64::from(page.limit));
        let rows = statement.query().fetch_all(self.sql()).await.during("listing objects")?;
        rows.iter().map(|row| object(&Columns { table: "objects", row })).collect()
    }

    /// All objects of a kind, for who looks at them all: by name. One that cannot be read keeps nobody from the others.
    pub async fn all_objects<S: Spec>(&mut self, filter: &ObjectFilter) -> Result<AllObjects<S>, DbError> {
        let mut statement = Statement::new(&format!("SELECT {COLUMNS}, name FROM objects"));
        filter.add_to::<S>(&mut statement);
        statement.push(" ORDER BY name, uid");
        let rows = statement.query().fetch_all(self.sql()).await.during("listing objects")?;
        let mut all = AllObjects { objects: Vec::with_capacity(rows.len()), unreadable: Vec::new() };
        for row in &rows {
            let columns = Columns { table: "objects", row };
            match object(&columns) {
                Ok(object) => all.objects.push(object),
                Err(reason) => {
                    let name = columns.text("name")?;
                    all.unreadable.push(Unreadable {
                        kind: S::KIND,
                        uid: columns.text("uid")?,
                        name,
                        reason: reason.to_string(),
                    });
                }
            }
        }
        Ok(all)
    }

    /// How many there are.
    pub async fn count_objects<S: Spec>(&mut self, filter: &ObjectFilter) -> Result<u64, DbError> {
        let mut statement = Statement::new("SELECT COUNT(*) AS count FROM objects");
        filter.add_to::<S>(&mut statement);
        let row = statement.query().fetch_one(self.sql()).await.during("counting objects")?;
        Columns { table: "objects", row: &row }.number("count")
    }
}

impl ObjectFilter {
    fn add_to<S: Spec>(&self, statement: &mut Statement) {
        statement.and("kind = ").bind(S::KIND.as_str());
        if let Some(tenant) = self.tenant {
            statement.and("tenant = ").bind(tenant.to_string());
        }
        if let Some(enabled) = self.enabled {
            statement.and("enabled = ").bind(i64::from(enabled));
        }
        if !self.tags.is_empty() {
            statement.and("uid IN (SELECT object FROM object_tags WHERE tag IN ");
            statement.bind_list(self.tags.iter().map(Tag::to_string)).push(")");
        }
        if let Some(part) = &self.name_contains {
            statement.and("LOWER(name) LIKE ").bind(containing(part)).push(" ESCAPE '\\'");
        }
        if let Some(target) = &self.naming {
            statement.and("uid IN (SELECT source FROM object_links WHERE target = ").bind(target.clone()).push(")");
        }
    }
}

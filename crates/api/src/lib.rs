//! What goes over the API: objects, jobs, settings, pages of lists, and the problems that requests run into.
//!
//! Both sides of a connection use these types, so that they agree on every word. How they are carried is known to the
//! [`client`] alone, which is a feature: the server has no use for it.

mod action;
#[cfg(feature = "client")]
pub mod client;
mod code;
mod event;
mod find;
mod health;
mod job;
mod object;
mod page;
mod policy_type;
mod problem;
mod protection;
mod restore;
mod retention;
mod setting;
mod snapshot;
mod upcoming;

pub use action::{
    AcceptHostKeys, CheckRepository, Chunker, CopyRepository, JobList, NewSecret, PrepareRepository, RunRequest,
    SayReady, SecretList,
};
pub use code::Code;
pub use event::{Event, EventList, Told};
pub use find::{FileVersion, FoundPath, SnapshotAt};
pub use health::Health;
pub use job::{Job, LogLevel, LogLine};
pub use object::{
    Client, NewClient, NewObject, NewPolicy, NewRepository, NewSchedule, NewTenant, Object, Policy, Replacement,
    ReplacementClient, ReplacementPolicy, ReplacementRepository, ReplacementSchedule, ReplacementTenant, Repository,
    Schedule, Tenant,
};
pub use page::{
    ClientPage, FileVersionPage, FoundPathPage, JobPage, Page, PolicyPage, RepositoryPage, RepositorySizePage,
    SchedulePage, SnapshotPage, TenantPage,
};
pub use policy_type::{PolicyType, PolicyTypeList};
pub use problem::{FieldError, Problem};
pub use protection::{Protected, ProtectedClient, ProtectedPage, ProtectingPolicy};
pub use restore::{NewRestore, RestoreSource};
pub use retention::{ForeseenSnapshot, RetentionForecast, RetentionPreview};
pub use setting::{Origin, Setting, SettingList, SettingsChange};
pub use snapshot::{FileList, Snapshot};
pub use upcoming::{Occurrence, SchedulePreview, Upcoming};

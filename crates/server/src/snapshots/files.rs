//! The files of a snapshot, one directory at a time.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use holdfast_api::FileList;
use holdfast_control::{Listed, Shelf};
use holdfast_model::{RepositoryUid, SnapshotId, SnapshotPath};

use super::place::{Place, depot, path};
use crate::actor::Actor;
use crate::answer::json;
use crate::cursor;
use crate::failure::Failure;
use crate::query::Query;
use crate::server::Server;

const LIST: &str = "file";

#[utoipa::path(
    get, path = "/api/v1/snapshots/{repository}/{snapshot}/files", operation_id = "list_files",
    summary = "List a directory of a snapshot",
    description = "By the bytes of the names, page by page. In names and paths a byte that is not UTF-8, and each control \
                   character, is written `\\xNN`, and a backslash twice.",
    params(
        ("repository" = RepositoryUid, Path, description = "The repository's id."),
        ("snapshot" = SnapshotId, Path, description = "The snapshot's id."),
        ("path" = Option<SnapshotPath>, Query, description = "The directory; the root if nothing is said."),
        ("limit" = Option<u32>, Query, description = "How many come at once; 500 if nothing is said.", minimum = 1, maximum = 5000),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before, of the same directory.", min_length = 1)
    ),
    responses((status = 200, description = "A part of the directory.", body = FileList))
)]
pub(crate) async fn files(
    _: Actor,
    State(server): State<Server>,
    Place { repository, snapshot }: Place,
    RawQuery(raw): RawQuery,
) -> Result<Response, Failure> {
    let query = Query::read(raw.as_deref(), &["path", "limit", "cursor"])?;
    let limit = query.number("limit", 1, 5000)?.unwrap_or(500) as usize;
    let path = path(&query)?;
    let after = query.one::<String>("cursor")?.map(|cursor| position(&cursor)).transpose()?;
    let shelf = Shelf { repository, snapshot, path, after, limit };
    let Listed { files, next, left_out } = depot(&server)?.list(shelf).await?;
    let next_cursor = next.map(|name| cursor::write(LIST, &hex(&name), ""));
    Ok(json(StatusCode::OK, &FileList { items: files, next_cursor, left_out }))
}

fn position(cursor: &str) -> Result<Vec<u8>, Failure> {
    let (name, _) = cursor::read(LIST, cursor)?;
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    name.as_bytes().chunks(2).map(pair).collect::<Option<_>>().ok_or_else(cursor::wrong)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

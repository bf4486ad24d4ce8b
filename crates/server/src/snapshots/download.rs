//! Files and trees of a snapshot over HTTP, as they are read.

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use holdfast_api::Code;
use holdfast_control::{Download, Form, Found};
use holdfast_model::{RepositoryUid, SnapshotId, SnapshotPath};

use super::outlet::{self, STALL};
use super::place::{Place, depot, path};
use crate::actor::Actor;
use crate::failure::Failure;
use crate::query::{Query, wrong};
use crate::server::Server;

#[utoipa::path(
    get, path = "/api/v1/snapshots/{repository}/{snapshot}/download", operation_id = "download",
    summary = "Download a file or a directory of a snapshot",
    description = "What goes wrong half-way ends the connection without a proper end: a download that has come to its end is \
                   whole. A zip holds each name of a file with several, and no devices, pipes, sockets and extended \
                   attributes; a list of what it leaves out is in it. A tar holds all but sockets.",
    params(
        ("repository" = RepositoryUid, Path, description = "The repository's id."),
        ("snapshot" = SnapshotId, Path, description = "The snapshot's id."),
        ("path" = Option<SnapshotPath>, Query, description = "What of it; all if nothing is said."),
        ("format" = Option<String>, Query, description = "`tar.zst`, `tar`, `zip`, or, of one file, `raw`. If nothing is said, \
            a file comes as it is and a directory as `tar.zst`.", pattern = "^(tar[.]zst|tar|zip|raw)$")
    ),
    responses((
        status = 200, description = "The file, or an archive.",
        content(
            (Vec<u8> = "application/octet-stream"), (Vec<u8> = "application/zstd"), (Vec<u8> = "application/x-tar"),
            (Vec<u8> = "application/zip")
        ),
        headers(("content-disposition" = String, description = "Under which name to keep it."))
    ))
)]
pub(crate) async fn download(
    _: Actor,
    State(server): State<Server>,
    Place { repository, snapshot }: Place,
    RawQuery(raw): RawQuery,
) -> Result<Response, Failure> {
    let query = Query::read(raw.as_deref(), &["path", "format"])?;
    let form = match query.words("format", &Form::ALL, Form::as_str)?.as_slice() {
        [] => None,
        [form] => Some(*form),
        _ => return Err(wrong("format", "it is given more than once")),
    };
    let download = Download { repository, snapshot, path: path(&query)?, form };
    let depot = depot(&server)?;
    let full = || Failure::new(Code::Unavailable, "as many downloads as this server does at a time are under way");
    let place = server.downloads().try_acquire_owned().map_err(|_| full())?;
    let path = download.path.clone();
    let noting = server.clone();
    let note = move |why: &str| noting.note_failure("-", &format!("a download broke off: {why}"));
    let (outlet, stream) = outlet::pipe(place, STALL, note);
    let found = depot.download(download, outlet).await?;
    Ok((headers(&found, snapshot, &path), Body::from_stream(stream)).into_response())
}

fn headers(found: &Found, snapshot: SnapshotId, path: &SnapshotPath) -> HeaderMap {
    let form = match found.form {
        Form::TarZst => "application/zstd",
        Form::Tar => "application/x-tar",
        Form::Zip => "application/zip",
        Form::Raw => "application/octet-stream",
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(form));
    if let Some(length) = found.length {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    let name = file_name(found, snapshot, path);
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""));
    headers.insert(header::CONTENT_DISPOSITION, disposition.unwrap_or(HeaderValue::from_static("attachment")));
    headers
}

/// A name that every system takes: letters, digits, dots and dashes.
fn file_name(found: &Found, snapshot: SnapshotId, path: &SnapshotPath) -> String {
    let last = path.as_bytes().rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let last = safe(&String::from_utf8_lossy(last));
    if found.form == Form::Raw {
        return if last.is_empty() { "file".to_owned() } else { last };
    }
    let parts = [safe(&found.hostname), snapshot.short().to_string(), last];
    let parts: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    format!("{}.{}", parts.join("-"), found.form.as_str())
}

/// No dot at the beginning, nothing that means something to a shell or a header, and not too long.
fn safe(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
    let name: String = text.chars().map(plain).take(100).collect();
    name.trim_start_matches(['.', '-']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_safe_whatever_the_snapshot_holds() {
        let name = |form, host: &str, path: &[u8]| {
            let found = Found { hostname: host.to_owned(), form, length: None };
            file_name(&found, SnapshotId::new([7; 32]), &SnapshotPath::from_bytes(path).unwrap())
        };
        assert_eq!(name(Form::TarZst, "web1.example.net", b"/"), "web1.example.net-07070707.tar.zst");
        assert_eq!(name(Form::Zip, "a/../b\"\r\n", b"/etc/x y"), "a_.._b___-07070707-x_y.zip");
        assert_eq!(name(Form::Raw, "h", b"/a/..passwd\"; x=\xff"), "passwd___x__");
        assert_eq!(name(Form::Raw, "h", b"/..."), "file");
    }
}

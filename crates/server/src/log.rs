//! The log of a job, a range of lines at a time: as text for people, or as one JSON document a line for programs.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use holdfast_api::{Code, LogLevel, LogLine};
use holdfast_db::Level;
use holdfast_model::JobUid;

use crate::actor::Actor;
use crate::failure::Failure;
use crate::id::Id;
use crate::query::Query;
use crate::server::Server;

const TEXT: &str = "text/plain";
const NDJSON: &str = "application/x-ndjson";
/// The last number that every reader of JSON can tell from its neighbours.
const LAST_LINE: u64 = (1 << 53) - 1;
/// The number of the line to go on with.
const NEXT_LINE: HeaderName = HeaderName::from_static("x-next-line");

#[utoipa::path(
    get, path = "/api/v1/jobs/{id}/log", operation_id = "read_job_log", summary = "Read the log of a job",
    description = "Lines from a number on. Ask again from x-next-line: as long as the job runs, more may come.",
    params(
        ("id" = JobUid, Path, description = "The job's id."),
        ("from" = Option<u64>, Query, description = "The number of the first line; 1 if nothing is said.", minimum = 1, maximum = 9007199254740991i64),
        ("format" = inline(Option<Format>), Query, description = "As what, whatever is accepted: plain text, the same in colours, or one JSON document a line."),
        ("limit" = Option<u32>, Query, description = "How many lines; 1000 if nothing is said.", minimum = 1, maximum = 10000)
    ),
    responses((
        status = 200, description = "Lines of the log.",
        content((String = "text/plain"), (LogLine = "application/x-ndjson")),
        headers(("x-next-line" = u64, description = "The number of the line to go on with."))
    ))
)]
pub(crate) async fn read(
    _: Actor,
    State(server): State<Server>,
    Id(uid): Id<JobUid>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let query = Query::read(raw.as_deref(), &["from", "format", "limit"])?;
    let from = query.number("from", 1, LAST_LINE)?.unwrap_or(1);
    let limit = query.number("limit", 1, 10_000)?.unwrap_or(1000);
    let asked = query.words("format", &Format::ALL, Format::as_str)?.pop();
    let form = match asked {
        Some(Format::Ndjson) => NDJSON,
        Some(Format::Text | Format::Ansi) => TEXT,
        None => accepted(&headers)?,
    };
    let mut reader = server.database().read().await?;
    // A job that is not there has no log either, and is told apart from one that has not written any.
    reader.job(uid).await?;
    let lines = reader.log(uid, from, limit as u32).await?;
    let next = lines.last().map_or(from, |(number, _)| number.saturating_add(1));
    let mut body = String::new();
    for (line, entry) in lines {
        let line = shown(line, entry);
        if form == NDJSON {
            body.push_str(&serde_json::to_string(&line).expect("a line has text for keys"));
        } else {
            let (begin, end) = if asked == Some(Format::Ansi) { colours(line.level) } else { ("", "") };
            body.push_str(&format!("{} {begin}{:7} {}{end}", line.at, line.level.as_str(), line.text));
        }
        body.push('\n');
    }
    let form = if form == TEXT { "text/plain; charset=utf-8" } else { form };
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(form)), (NEXT_LINE, HeaderValue::from(next))];
    Ok((StatusCode::OK, headers, body).into_response())
}

/// As what a log is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    /// Plain text.
    Text,
    /// The same, in colours for a terminal.
    Ansi,
    /// One JSON document a line.
    Ndjson,
}

impl Format {
    const ALL: [Self; 3] = [Self::Text, Self::Ansi, Self::Ndjson];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Ansi => "ansi",
            Self::Ndjson => "ndjson",
        }
    }
}

/// What a line of a log begins and ends with in colours (ECMA-48, SGR). Its own text has no escapes: they are not kept.
const fn colours(level: LogLevel) -> (&'static str, &'static str) {
    match level {
        LogLevel::Info => ("", ""),
        LogLevel::Warning => ("\x1b[33m", "\x1b[0m"),
        LogLevel::Error => ("\x1b[31m", "\x1b[0m"),
    }
}

/// A line as the API shows it.
pub(crate) fn shown(line: u64, entry: holdfast_db::LogLine) -> LogLine {
    LogLine { line, at: entry.at, level: level(entry.level), text: entry.text }
}

const fn level(level: Level) -> LogLevel {
    match level {
        Level::Info => LogLevel::Info,
        Level::Warning => LogLevel::Warning,
        Level::Error => LogLevel::Error,
    }
}

/// Which form is wanted (RFC 9110, section 12.5.1): the one of the higher quality, text where both are as good.
fn accepted(headers: &HeaderMap) -> Result<&'static str, Failure> {
    let accept: Vec<&str> = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let accept = accept.join(",");
    if accept.trim().is_empty() {
        return Ok(TEXT);
    }
    let (text, ndjson) = (quality(&accept, TEXT), quality(&accept, NDJSON));
    if text <= 0.0 && ndjson <= 0.0 {
        let detail = format!("a log can be had as {TEXT} and {NDJSON}: accept one of these");
        return Err(Failure::new(Code::NotAcceptable, detail));
    }
    Ok(if ndjson > text { NDJSON } else { TEXT })
}

/// How welcome a type is: what is said of it itself counts, then of its family, then of all.
fn quality(accept: &str, wanted: &str) -> f32 {
    let family = wanted.split('/').next().unwrap_or_default();
    let mut best = (0, 0.0);
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let precision = match name.as_str() {
            name if name == wanted => 3,
            name if name.strip_suffix("/*") == Some(family) => 2,
            "*/*" => 1,
            _ => continue,
        };
        let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |text| text.parse().ok());
        if precision > best.0 {
            best = (precision, quality.unwrap_or(0.0));
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_that_is_more_welcome_is_answered() {
        for (accept, form) in [
            ("", Some(TEXT)),
            ("*/*", Some(TEXT)),
            ("application/x-ndjson", Some(NDJSON)),
            ("application/*;q=0.9, text/plain;q=0.1", Some(NDJSON)),
            ("text/html, */*;q=0.1, application/x-ndjson;q=0", Some(TEXT)),
            ("application/json", None),
            ("text/plain;q=0", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_str(accept).unwrap());
            assert_eq!(accepted(&headers).ok(), form, "{accept}");
        }
    }
}

//! Buckets and containers of object storage: `s3:`, `b2:`, `azure:`, `gs:` and `swift:`.
//!
//! Credentials are not part of these; they come from the environment.

use std::fmt;

use super::{PlaceError, clean, form};

/// A bucket or container and the path in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketPlace {
    /// The bucket.
    pub bucket: String,
    /// The path in it, without slashes at its ends; empty for the bucket itself.
    pub prefix: String,
}

/// A bucket of a server that speaks Amazon's S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Place {
    /// `http` or `https`.
    pub scheme: &'static str,
    /// Host and perhaps port; or a region of Amazon's, such as `eu-central-1`.
    pub endpoint: String,
    /// The bucket.
    pub bucket: String,
    /// The path in it, without slashes at its ends; empty for the bucket itself.
    pub prefix: String,
}

/// What follows `s3:`.
pub(super) fn parse_s3(text: &str) -> Result<S3Place, PlaceError> {
    let wrong = |problem| form("s3", problem, "s3:HOST/BUCKET/PREFIX or s3:http://HOST:PORT/BUCKET/PREFIX");
    let (scheme, rest) = match text.split_once("://") {
        Some(("http", rest)) => ("http", rest),
        Some(("https", rest)) => ("https", rest),
        _ => ("https", text.strip_prefix("//").unwrap_or(text)),
    };
    let (endpoint, rest) = rest.split_once('/').ok_or(wrong("the bucket is missing"))?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if endpoint.is_empty() {
        return Err(wrong("the host is missing"));
    }
    if endpoint.contains('@') {
        return Err(wrong("credentials cannot be given here, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY serve"));
    }
    if bucket.is_empty() {
        return Err(wrong("the bucket is missing"));
    }
    Ok(S3Place { scheme, endpoint: endpoint.to_owned(), bucket: bucket.to_owned(), prefix: prefix_of(prefix) })
}

/// What follows `b2:`. Backblaze's rules for bucket names are checked, so that a slash for a colon is noticed.
pub(super) fn parse_b2(text: &str) -> Result<BucketPlace, PlaceError> {
    let wrong = |problem| form("b2", problem, "b2:BUCKET:PREFIX");
    let (bucket, prefix) = text.split_once(':').unwrap_or((text, ""));
    if !(6..=50).contains(&bucket.len()) {
        return Err(wrong("the bucket's name must have 6 to 50 characters"));
    }
    if !bucket.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(wrong("the bucket's name may only hold letters, digits and -"));
    }
    Ok(BucketPlace { bucket: bucket.to_owned(), prefix: prefix_of(prefix) })
}

/// What follows `azure:`, `gs:` or `swift:`.
pub(super) fn parse_bucket(scheme: &'static str, usage: &'static str, text: &str) -> Result<BucketPlace, PlaceError> {
    let wrong = |problem| form(scheme, problem, usage);
    match text.split_once(':') {
        Some((bucket, prefix)) if !bucket.is_empty() && !bucket.contains('/') => {
            Ok(BucketPlace { bucket: bucket.to_owned(), prefix: prefix_of(prefix) })
        }
        Some(_) => Err(wrong("the bucket or container is missing")),
        None => Err(wrong("a colon must follow the bucket or container")),
    }
}

fn prefix_of(path: &str) -> String {
    clean(path).trim_matches('/').to_owned()
}

impl fmt::Display for S3Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scheme == "http" {
            f.write_str("http://")?;
        }
        write!(f, "{}/{}", self.endpoint, self.bucket)?;
        if self.prefix.is_empty() { Ok(()) } else { write!(f, "/{}", self.prefix) }
    }
}

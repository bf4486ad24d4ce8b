//! Claims about how places are read: against restic's own spellings, and against what must be refused.

use super::*;
use crate::Secret;

fn place(text: &str) -> Place {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn wrong(text: &str) -> String {
    match text.parse::<Place>() {
        Ok(place) => panic!("{text} was taken for {place:?}"),
        Err(error) => error.to_string(),
    }
}

fn sftp(user: Option<&str>, host: &str, port: Option<u16>, path: &str) -> Place {
    Place::Sftp(SftpPlace { user: user.map(str::to_owned), host: host.to_owned(), port, path: path.to_owned() })
}

fn s3(scheme: &'static str, endpoint: &str, bucket: &str, prefix: &str) -> Place {
    let [endpoint, bucket, prefix] = [endpoint, bucket, prefix].map(str::to_owned);
    Place::S3(S3Place { scheme, endpoint, bucket, prefix })
}

fn bucket(bucket: &str, prefix: &str) -> BucketPlace {
    BucketPlace { bucket: bucket.to_owned(), prefix: prefix.to_owned() }
}

#[test]
fn paths_are_local() {
    for path in ["/srv/backup", "backup", "./a:b", "../x", "/srv/a:b", "dir/a:b", "."] {
        assert_eq!(place(path), Place::Local(path.into()));
    }
    assert_eq!(place("local:a:b"), Place::Local("a:b".into()));
    assert_eq!(place("local:/srv"), Place::Local("/srv".into()));
}

#[test]
fn sftp_is_spelled_as_restic_and_scp_do() {
    for (text, expected) in [
        ("sftp://user@host/dir/subdir", sftp(Some("user"), "host", None, "dir/subdir")),
        ("sftp://host//dir/subdir", sftp(None, "host", None, "/dir/subdir")),
        ("sftp://user@host:10022//dir/subdir", sftp(Some("user"), "host", Some(10022), "/dir/subdir")),
        ("sftp://user@host/dir/subdir/../other", sftp(Some("user"), "host", None, "dir/other")),
        ("sftp://user@[::1]:22/dir", sftp(Some("user"), "::1", Some(22), "dir")),
        ("sftp://host/", sftp(None, "host", None, ".")),
        ("sftp:user@host:/dir/subdir", sftp(Some("user"), "host", None, "/dir/subdir")),
        ("sftp:user@domain@host:/dir/subdir", sftp(Some("user@domain"), "host", None, "/dir/subdir")),
        ("sftp:host:../dir/subdir", sftp(None, "host", None, "../dir/subdir")),
        ("sftp:user@host:dir/subdir:suffix", sftp(Some("user"), "host", None, "dir/subdir:suffix")),
        ("sftp:user@host:dir///subdir", sftp(Some("user"), "host", None, "dir/subdir")),
        ("user@host:/path", sftp(Some("user"), "host", None, "/path")),
        ("user@host:path", sftp(Some("user"), "host", None, "path")),
        ("user@[fe80::1]:/path", sftp(Some("user"), "fe80::1", None, "/path")),
    ] {
        assert_eq!(place(text), expected, "{text}");
        assert_eq!(place(&expected.to_string()), expected, "what is shown can be typed again");
    }
    for text in
        ["sftp:host", "sftp://host", "sftp:", "sftp:user@:/x", "sftp://user:pw@host/x", "sftp:-oProxyCommand=x:/y"]
    {
        assert!(wrong(text).starts_with("sftp: "), "{text}");
    }
    assert!(wrong("sftp:host:~/x").contains("home directory"));
    assert!(wrong("sftp://-oX@host/x").contains("user's name"));
}

#[test]
fn s3_is_spelled_as_restic_does() {
    for (text, expected) in [
        ("s3:s3.amazonaws.com/bucket/prefix", s3("https", "s3.amazonaws.com", "bucket", "prefix")),
        ("s3://eu-central-1/bucketname", s3("https", "eu-central-1", "bucketname", "")),
        (
            "s3://eu-central-1/bucketname/prefix/directory/",
            s3("https", "eu-central-1", "bucketname", "prefix/directory"),
        ),
        ("s3:https://hostname:9999/foobar", s3("https", "hostname:9999", "foobar", "")),
        ("s3:http://hostname:9999/bucket/prefix/directory/", s3("http", "hostname:9999", "bucket", "prefix/directory")),
    ] {
        assert_eq!(place(text), expected, "{text}");
        assert_eq!(place(&expected.to_string()), expected);
    }
    for text in ["s3:", "s3:host", "s3:host/", "s3:///bucket", "s3:http://"] {
        assert!(wrong(text).starts_with("s3: "), "{text}");
    }
    assert!(!wrong("s3:https://KEY:hunter2@host/bucket").contains("hunter2"));
}

#[test]
fn other_buckets_are_spelled_as_restic_does() {
    assert_eq!(place("b2:bucketname:prefix/dir"), Place::B2(bucket("bucketname", "prefix/dir")));
    assert_eq!(place("b2:bucketname:/prefix/"), Place::B2(bucket("bucketname", "prefix")));
    assert_eq!(place("b2:bucketname"), Place::B2(bucket("bucketname", "")));
    assert_eq!(place("azure:container:/"), Place::Azure(bucket("container", "")));
    assert_eq!(place("gs:bucketname:/prefix/directory/"), Place::Gcs(bucket("bucketname", "prefix/directory")));
    assert_eq!(place("swift:container:/path"), Place::Swift(bucket("container", "path")));
    for text in ["b2:bucket/prefix", "b2:short", "azure:container", "gs::/x", "swift://host/container"] {
        wrong(text);
    }
}

#[test]
fn rest_keeps_its_password_apart() {
    let Place::Rest(found) = place("rest:https://user:p%40ss@host:8000/path") else { panic!("not REST") };
    assert_eq!(found.url, "https://host:8000/path/");
    assert_eq!(found.user.as_deref(), Some("user"));
    assert_eq!(found.password, Some(Secret::new("p@ss")));
    assert_eq!(found.to_string(), "https://user:***@host:8000/path/");
    assert!(!format!("{found:?}").contains("p@ss"));
    let Place::Rest(found) = place("rest:http://localhost:1234") else { panic!("not REST") };
    assert_eq!(found.url, "http://localhost:1234/");
    let Place::Rest(found) = place("rest:http://[::1]:8000/") else { panic!("not REST") };
    assert_eq!(found.url, "http://[::1]:8000/");
    let Place::Rest(found) = place("rest:http+unix:///tmp/rest.socket:/my_repo/") else { panic!("not REST") };
    assert_eq!((found.url.as_str(), found.socket.as_deref()), ("http://localhost/my_repo/", Some("/tmp/rest.socket")));
    assert_eq!(found.to_string(), "http+unix:///tmp/rest.socket:/my_repo/");
    for text in ["rest:", "rest:host", "rest:http://", "rest:http://host:x/", "rest:ftp://h/", "rest:http://:secret@/"]
    {
        assert!(wrong(text).starts_with("rest: ") && !wrong(text).contains("secret"), "{text}");
    }
}

#[test]
fn rclone_keeps_the_options_of_a_connection_string_to_itself() {
    assert_eq!(place("rclone:b2prod:yggdrasil/foo"), Place::Rclone("b2prod:yggdrasil/foo".to_owned()));
    assert_eq!(place("rclone:remote:path").to_string(), "rclone:remote:path");
    assert_eq!(place("rclone::sftp,host=h,pass=secret:path").to_string(), "rclone::sftp,***:path");
    assert!(!format!("{:?}", place("rclone::sftp,host=h,pass=secret:path")).contains("secret"));
    assert_eq!(place("opendal:s3"), Place::OpenDal("s3".to_owned()));
}

#[test]
fn what_is_not_clear_is_refused_with_advice() {
    assert_eq!(wrong(""), PlaceError::Empty.to_string());
    assert!(wrong("host:path").contains("local:PATH"));
    assert!(wrong("s4:host/bucket").contains("\"s4:\""));
    for text in ["local:", "rclone:", "opendal:"] {
        assert!(wrong(text).contains("missing"), "{text}");
    }
}

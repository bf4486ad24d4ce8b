//! What `source` promises, as tests.

use std::error::Error;

use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<Source, SourceError> {
    Source::parse(OsStr::new(text))
}

fn remote(user: Option<&str>, host: &str, port: Option<u16>, path: &str) -> Source {
    let host =
        RemoteHost::new(user.map(str::as_bytes), host.as_bytes(), port.map(|port| port.try_into().unwrap())).unwrap();
    Source::Remote { host, path: path.into() }
}

#[test]
fn a_host_comes_before_a_colon() {
    for (text, expected) in [
        ("web1:/etc", remote(None, "web1", None, "/etc")),
        ("root@web1:/etc", remote(Some("root"), "web1", None, "/etc")),
        ("root@web1:", remote(Some("root"), "web1", None, "")),
        ("web1:www/data", remote(None, "web1", None, "www/data")),
        ("web1:/a:b", remote(None, "web1", None, "/a:b")),
        ("web1:./a:b", remote(None, "web1", None, "./a:b")),
        ("web1:/with space\nand line", remote(None, "web1", None, "/with space\nand line")),
        ("10.0.0.1:/", remote(None, "10.0.0.1", None, "/")),
        ("[::1]:/path", remote(None, "::1", None, "/path")),
        ("user@[::1]:/path", remote(Some("user"), "::1", None, "/path")),
        ("u@[fe80::1%eth0]:x", remote(Some("u"), "fe80::1%eth0", None, "x")),
        ("DOMAIN\\u@realm@host:/x", remote(Some("DOMAIN\\u@realm"), "host", None, "/x")),
        ("web1:/u@h", remote(None, "web1", None, "/u@h")),
    ] {
        assert_eq!(parse(text), Ok(expected), "{text}");
    }
}

#[test]
fn a_url_may_have_a_port() {
    for (text, expected) in [
        ("ssh://root@web1:2222/srv", remote(Some("root"), "web1", Some(2222), "/srv")),
        ("ssh://web1/srv/a:b", remote(None, "web1", None, "/srv/a:b")),
        ("ssh://web1", remote(None, "web1", None, "")),
        ("ssh://web1:22", remote(None, "web1", Some(22), "")),
        ("ssh://u@[2001:db8::1]:22/", remote(Some("u"), "2001:db8::1", Some(22), "/")),
        ("ssh://[::1]/x", remote(None, "::1", None, "/x")),
        ("ssh://web1/a%20b@c", remote(None, "web1", None, "/a%20b@c")),
    ] {
        assert_eq!(parse(text), Ok(expected), "{text}");
    }
}

#[test]
fn a_slash_before_the_colon_makes_it_local() {
    for text in ["/etc", "etc", "./a:b", "../a:b", "/a:b", "a/b:c", "user@host", ".", "-x", "~", " "] {
        assert_eq!(parse(text), Ok(Source::Local { path: text.into() }), "{text}");
    }
    let bytes = OsStr::from_bytes(b"/caf\xe9:x");
    assert_eq!(Source::parse(bytes), Ok(Source::Local { path: bytes.into() }));
    let Ok(Source::Remote { path, .. }) = Source::parse(OsStr::from_bytes(b"web1:caf\xe9")) else { panic!("remote") };
    assert_eq!(path, b"caf\xe9");
}

#[test]
fn nothing_gets_to_ssh_that_is_not_a_name() {
    for (text, reason) in [
        ("-oProxyCommand=x:/etc", "hyphen"),
        ("-l@web1:/etc", "hyphen"),
        ("root@-web1:/etc", "hyphen"),
        ("ssh://-oProxyCommand=x/etc", "hyphen"),
        ("ssh://[-x]/etc", "hyphen"),
        ("web 1:/etc", "' '"),
        ("web1\n:/etc", "'\\n'"),
        ("ro\tot@web1:/etc", "'\\t'"),
        ("web\u{a0}1:/etc", "'\\u{a0}'"),
        ("$(id):/etc", "'$'"),
        ("a`id`@web1:/etc", "'`'"),
        ("a;b:/etc", "';'"),
        ("u\\@web1:/etc", "'\\\\'"),
        ("ssh://[web1/x]/etc", "'/'"),
        (":/etc", "host is empty"),
        ("@web1:/etc", "user is empty"),
        ("root@:/etc", "host is empty"),
        ("[]:/etc", "host is empty"),
        ("ssh:///etc", "host is empty"),
        ("ssh://web1:0/etc", "\"0\""),
        ("ssh://web1:65536/etc", "\"65536\""),
        ("ssh://web1:/etc", "\"\""),
        ("ssh://web1:+22/etc", "\"+22\""),
        ("ssh://u:secret@web1/etc", "secret@web1"),
    ] {
        let error = parse(text).expect_err(text);
        let source = error.source().unwrap_or_else(|| panic!("{text}: {error}")).to_string();
        assert!(source.contains(reason), "{text}: {source}");
    }
    let error = Source::parse(OsStr::from_bytes(b"web\xff:/etc")).unwrap_err();
    assert!(matches!(error, SourceError::Host { source: HostError::Character { .. }, .. }));
}

#[test]
fn what_can_be_read_in_two_ways_is_refused() {
    for text in [
        "::1:/etc",
        "fe80::1:/etc",
        "2001:db8:0:0:0:0:0:1:/etc",
        "root@2001:db8::1:/etc",
        "web1::module",
        "::1",
        "fe80::1%eth0:/x",
    ] {
        assert!(matches!(parse(text), Err(SourceError::Colons { .. })), "{text}: {:?}", parse(text));
    }
    for text in ["[::1]/etc:x", "[::1]x:/etc", "[::1:/etc", "ssh://[::1]x/etc", "ssh://[::1/etc"] {
        assert!(matches!(parse(text), Err(SourceError::AfterHost { .. }) | Ok(Source::Local { .. })), "{text}");
    }
    assert!(matches!(parse("https://web1/etc"), Err(SourceError::Scheme { .. })));
    assert_eq!(parse(""), Err(SourceError::Empty));
    assert!(matches!(parse("/a\0b"), Err(SourceError::Nul { .. })));
}

#[test]
fn paths_of_one_host_go_together() {
    let set = |texts: &[&str]| SourceSet::new(texts.iter().map(|text| parse(text).unwrap()));
    let host = RemoteHost::new(Some(b"root"), b"web1", None).unwrap();
    let paths = vec![b"/etc".to_vec(), b"/var/www".to_vec()];
    assert_eq!(set(&["root@web1:/etc", "root@web1:/var/www", "root@web1:/etc"]), Ok(SourceSet::Remote { host, paths }));
    assert_eq!(set(&["/etc", "/home"]), Ok(SourceSet::Local { paths: vec!["/etc".into(), "/home".into()] }));
    assert_eq!(set(&[]), Err(SourceSetError::Empty));
    for (texts, says) in [
        (&["web1:/etc", "web2:/etc"][..], "web1 and web2: call twice"),
        (&["root@web1:/etc", "web1:/var"], "root@web1 and web1: call twice"),
        (&["web1:/etc", "ssh://web1:2222/etc"], "web1 and web1:2222: call twice"),
        (&["web1:/etc", "/etc"], "call twice"),
        (&["/etc", "web1:/etc"], "partly on web1"),
    ] {
        let error = set(texts).unwrap_err().to_string();
        assert!(error.contains(says), "{texts:?}: {error}");
    }
}

proptest! {
    #[test]
    fn a_source_is_read_back_as_written(
        user in prop::option::of("[a-z_][a-z0-9._\\\\@-]{0,8}[a-z]"),
        host in "[a-z0-9][a-z0-9.-]{0,10}|([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}",
        port in prop::option::of(1..=u16::MAX),
        path in "/([^/\\pC]\\PC{0,12})?",
    ) {
        let source = remote(user.as_deref(), &host, port, &path);
        prop_assert_eq!(parse(&source.to_string()), Ok(source));
    }

    #[test]
    fn whatever_is_written_no_host_is_an_option(text in "(ssh://)?[-a@:\\[\\]/ $.0-9]{0,20}|\\PC*") {
        if let Ok(Source::Remote { host, .. }) = parse(&text) {
            for part in [host.user().unwrap_or("x"), host.host()] {
                prop_assert!(!part.is_empty() && !part.starts_with('-'));
                prop_assert!(!part.contains(|c: char| c.is_control() || c.is_whitespace() || c == '$'));
            }
        }
    }
}

//! Whether a repository's address can be kept: it names a place, and holds no secret.
//!
//! An address is shown to whoever may see the repository, and is no secret in the database: passwords belong into the
//! credentials. Nothing is opened or looked up here, and no refusal repeats what it refuses.

use holdfast_store::{Place, PlaceError};

/// No address is longer, in bytes.
const LONGEST: usize = 4096;

/// Why an address cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceRefused {
    /// Nothing was said.
    #[error(
        "it must say where the repository is, as /srv/backup or sftp:backup@store:/srv; the address of a new one can be left out if \
          the tenant has a `repository_template`"
    )]
    Empty,
    /// It holds what no address does.
    #[error("it must be one line of at most {LONGEST} bytes")]
    Text,
    /// It is a path that leads to another place for each folder that the server may be started in.
    #[error("a directory must be said from the root on, as /srv/backup: the server's own folder is not yours")]
    Relative,
    /// It names no place.
    #[error("{0}")]
    Place(String),
    /// A password stands in it.
    #[error("it must not hold a password, which everybody who sees the address would know: give that in `credentials`")]
    Password,
    /// It tells `rclone` options, which may be passwords or programs to run.
    #[error(
        "it must name a remote of rclone's configuration, as rclone:store:backup: options, and passwords above all, cannot be \
         given in it; those belong into rclone's configuration or into `credentials`"
    )]
    Rclone,
}

/// Looks whether a repository's address can be kept.
pub fn check_place(uri: &str) -> Result<(), PlaceRefused> {
    if uri.trim().is_empty() {
        return Err(PlaceRefused::Empty);
    }
    if uri.len() > LONGEST || uri.chars().any(char::is_control) {
        return Err(PlaceRefused::Text);
    }
    if url_has_password(uri) {
        return Err(PlaceRefused::Password);
    }
    match uri.parse::<Place>() {
        Ok(Place::Rclone(remote)) if has_options(&remote) => Err(PlaceRefused::Rclone),
        Ok(Place::Local(path)) if path.is_relative() => Err(PlaceRefused::Relative),
        Ok(Place::Sftp(_)) | Err(PlaceError::UnknownScheme { .. }) if login_has_password(uri) => {
            Err(PlaceRefused::Password)
        }
        Ok(_) => Ok(()),
        // The storage takes a password there, the API does not: its form is not to be shown.
        Err(PlaceError::Form { scheme: "rest", problem, .. }) => {
            Err(PlaceRefused::Place(format!("rest: {problem}; write it as rest:https://HOST:8000/PATH/")))
        }
        Err(error) => Err(PlaceRefused::Place(error.to_string())),
    }
}

/// Whether this is `…://USER:PASSWORD@HOST/…`.
fn url_has_password(uri: &str) -> bool {
    let Some((_, rest)) = uri.split_once("://") else { return false };
    let authority = rest.split('/').next().unwrap_or_default();
    authority.rsplit_once('@').is_some_and(|(login, _)| login.contains(':'))
}

/// Whether this is `USER:PASSWORD@HOST:PATH`, with or without `sftp:`: SSH knows no such thing, but people write it.
fn login_has_password(uri: &str) -> bool {
    let rest = uri.strip_prefix("sftp:").unwrap_or(uri);
    let place = rest.split('/').next().unwrap_or_default();
    let login = place.split_once(':').and_then(|(_, rest)| rest.rsplit_once('@'));
    login.is_some_and(|(_, host)| host.contains(':'))
}

/// Whether a remote brings its options along: `:sftp,host=h:path`, `store,pass=x:path`.
fn has_options(remote: &str) -> bool {
    remote.starts_with(':') || remote.split(':').next().is_some_and(|name| name.contains(','))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_as_restic_and_scp_write_it_is_kept() {
        for uri in [
            "/srv/backup",
            "local:/srv/a:b@c:d",
            "sftp:backup@store:/srv",
            "sftp://backup@store:2222//srv",
            "backup@store:srv",
            "ann@example.net@store:/srv",
            "sftp:[fe80::1]:/srv",
            "backup@[fe80::1]:/srv",
            "rest:https://store:8000/web/",
            "rest:https://ann@store/",
            "rest:http+unix:///run/rest.sock:/web/",
            "s3:https://s3.example.net/bucket/web",
            "b2:bucket:web",
            "rclone:store:web,old",
            "rclone:store:",
            "opendal:webdav",
        ] {
            assert_eq!(check_place(uri), Ok(()), "{uri}");
        }
    }

    #[test]
    fn a_password_is_refused_wherever_it_stands_and_not_repeated() {
        for uri in [
            "rest:https://ann:hunter2@store/",
            "rest:https://ann:hunter2@[::1]:8000/web",
            "sftp://ann:hunter2@store/srv",
            "sftp:ann:hunter2@store:/srv",
            "ann:hunter2@store:/srv",
            "s3:https://key:hunter2@s3.example.net/bucket",
            "s3:key:hunter2@s3.example.net/bucket",
            "rclone::sftp,host=store,pass=hunter2:/srv",
            "rclone:store,pass=\"hunter2:x\":/srv",
            "https://ann:hunter2@store/",
        ] {
            let refused = check_place(uri).unwrap_err().to_string();
            assert!(!refused.contains("hunter2"), "{uri}: {refused}");
        }
        assert_eq!(check_place("rest:https://ann:hunter2@store/"), Err(PlaceRefused::Password));
        assert_eq!(check_place("rclone::local:/srv"), Err(PlaceRefused::Rclone));
    }

    #[test]
    fn what_names_no_place_is_refused_with_what_to_write() {
        for (uri, says) in [
            ("", "sftp:backup@store:/srv"),
            (" \t", "sftp:backup@store:/srv"),
            ("/srv\n/x", "one line"),
            ("ftp:store", "is no kind of storage"),
            ("rest:store", "write it as rest:https://HOST:8000/PATH/"),
            ("s3:bucket", "write it as s3:HOST/BUCKET/PREFIX"),
            ("sftp:store", "write it as sftp:USER@HOST:/PATH"),
            ("rel/repo", "from the root on, as /srv/backup"),
            ("./repo", "from the root on, as /srv/backup"),
            ("local:repo", "from the root on, as /srv/backup"),
        ] {
            let refused = check_place(uri).unwrap_err().to_string();
            assert!(refused.contains(says), "{uri:?}: {refused}");
        }
        assert_eq!(check_place(&"/x".repeat(3000)), Err(PlaceRefused::Text));
    }
}

//! Claims about options and about what comes of a place. The drivers themselves are tested elsewhere.

use holdfast_testkit::temp_dir;

use super::*;
use crate::FileKind;

fn options(settings: &[(&str, &str)]) -> Options {
    let mut options = Options::new(|_| None);
    options.settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    options
}

fn refused(place: &str, settings: &[(&str, &str)]) -> String {
    match open(&place.parse().unwrap(), &options(settings)) {
        Ok(store) => panic!("{} was opened", store.location()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_local_directory_opens_without_anything_else() {
    let dir = temp_dir();
    let text = format!("local:{}", dir.path().display());
    let limits = [("local.connections", "2"), ("s3.region", "for another repository")];
    for settings in [&[][..], &limits] {
        let store = open(&text.parse().unwrap(), &options(settings)).unwrap();
        store.create().unwrap();
        assert_eq!(store.list(FileKind::Snapshot).unwrap(), []);
        assert_eq!(store.location(), dir.path().display().to_string());
    }
}

#[test]
fn options_that_nobody_reads_are_refused() {
    assert!(refused("/srv", &[("s3.regoin", "x")]).contains("s3 knows region, bucket-lookup"));
    assert!(refused("/srv", &[("s4.region", "x")]).contains("s4.region"));
    assert!(refused("/srv", &[("bucket", "x")]).contains("bucket"));
    assert!(refused("/srv", &[("local.connections", "many")]).contains("at least 1"));
    assert!(refused("rclone:r:p", &[("rclone.timeout", "90")]).contains("90s"));
}

#[test]
fn nothing_secret_shows_in_options() {
    let options = options(&[("secret_access_key", "hunter2")]);
    assert!(!format!("{options:?}").contains("hunter2"));
}

#[test]
fn a_server_that_is_away_is_tried_again_until_patience_ends() {
    let time = crate::pause::fake::FakeTime::new();
    let mut options = options(&[]);
    (options.clock, options.pause) = (Arc::new(time.clone()), Arc::new(time.clone()));
    let heard = Arc::new(parking_lot::Mutex::new(0));
    let count = Arc::clone(&heard);
    options.listener = Some(Arc::new(move |_, _| *count.lock() += 1));
    let store = open(&"rest:http://127.0.0.1:1/".parse().unwrap(), &options).unwrap();
    assert_eq!(store.list(FileKind::Key).unwrap_err().kind(), ErrorKind::Transient);
    assert!(*heard.lock() > 2);
}

#[cfg(not(feature = "opendal"))]
#[test]
fn storage_that_was_left_out_says_so() {
    assert!(refused("s3:s3.amazonaws.com/bucket", &[]).contains("built without"));
}

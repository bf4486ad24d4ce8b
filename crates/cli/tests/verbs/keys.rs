//! `key`: our keys open for restic, and restic's for us.

use std::fs;

use holdfast_testkit::Restic;

use crate::scene::Scene;

#[test]
fn keys_are_added_listed_changed_and_removed() {
    let scene = Scene::new();
    fs::write(scene.path("second"), "second password").unwrap();
    fs::write(scene.path("third"), "third password").unwrap();
    scene.ok(["key", "add", "--new-password-file", "second", "--host", "vault", "--user", "operator"]);
    let keys = scene.json(["key", "list"]).remove(0);
    let second = keys.as_array().unwrap().iter().find(|key| key["hostName"] == "vault").unwrap();
    assert_eq!((&second["userName"], &second["current"]), (&"operator".into(), &false.into()));
    let id = second["id"].as_str().unwrap().to_owned();
    let current = keys.as_array().unwrap().iter().find(|key| key["current"] == true).unwrap()["id"].as_str().unwrap();
    assert!(scene.fails(1, ["key", "remove", current]).contains("in use"));
    assert!(scene.fails(1, ["key", "remove", "ffffffff"]).contains("ffffffff"));

    if let Some(restic) = Restic::new(scene.path("repository"), "second password") {
        assert!(restic.ok(["key", "list", "--json"]).contains(&id));
    }
    scene.ok(["key", "passwd", "--new-password-file", "third"]);
    scene.fails(12, ["key", "list"]);
    scene.ok(["key", "remove", &id[..8], "--password-file", "third"]);
    scene.fails(12, ["key", "list", "--password-file", "second"]);
    assert_eq!(scene.files("keys").len(), 1);
    assert!(scene.fails(1, ["key", "add", "--password-file", "third", "--new-password-file", "none"]).contains("none"));
}

//! Names are found in the snapshots of all clients, as long as there are snapshots with them.

use holdfast_testkit::{Sshd, Tree};
use serde_json::{Value, json};

use crate::scene::{Databases, Scene};

fn items(page: &Value) -> Vec<Value> {
    assert!(page["next_cursor"].is_null(), "{page:#}");
    page["items"].as_array().unwrap().clone()
}

pub(crate) fn a_file_is_found_with_its_versions_until_no_snapshot_has_it(databases: &Databases) {
    let (Some(one), Some(two)) = (Sshd::start(), Sshd::start()) else { return };
    let scene = Scene::new(databases);
    let tree = Tree::create(scene.dir.path().join("source"));
    tree.file("notes.txt", "first").file("gone.txt", "here for a while");
    let clients = [scene.enrol(&one, "web1"), scene.enrol(&two, "web2")];
    let policy = scene.make(
        "policies",
        json!({"name": "files", "work": {"type": "folders", "paths": [scene.path("source")]}, "repository": "main",
            "clients": ["web1", "web2"], "retention": {"last": 2}}),
    );
    let back_up = || {
        scene.send("POST", &format!("{policy}/run"), json!({}));
        scene.comes_to_rest();
        scene.put_forward(3600);
    };
    let find = |name: &str| items(&scene.get(&format!("/api/v1/find?q={name}")));
    let versions = |client: &str, name: &str| {
        let (client, path) = (client.rsplit('/').next().unwrap(), scene.path(&format!("source/{name}")));
        items(&scene.get(&format!("/api/v1/find/versions?client={client}&path={path}")))
    };
    back_up();
    tree.file("notes.txt", "the second").remove("gone.txt");
    back_up();
    for name in ["gone.txt", "notes.txt", "otes.tx"] {
        let mut found: Vec<_> = find(name).iter().map(|found| found["hostname"].as_str().unwrap().to_owned()).collect();
        found.sort();
        assert_eq!(found, ["web1", "web2"], "{name}");
    }
    assert_eq!(find("notes.txt")[0]["path"], scene.path("source/notes.txt"));
    assert_eq!(
        (find("notes.txt")[0]["versions"].as_u64(), find("gone.txt")[0]["versions"].as_u64()),
        (Some(2), Some(1))
    );
    for client in &clients {
        let sizes: Vec<_> = versions(client, "notes.txt").iter().map(|one| one["size"].clone()).collect();
        assert_eq!(sizes, [json!(10), json!(5)], "the newest first");
    }
    let shown = scene.say(&["find", "notes.*", "--host", "web2", "--json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((shown.as_array().unwrap().len(), &shown[0]["hostname"]), (1, &json!("web2")));
    let shown = scene.say(&["find", "NOTES.TXT", "gone.txt", "-i"]);
    assert!(shown.ends_with("4 paths\n") && shown.contains(&scene.path("source/gone.txt")), "{shown}");
    // The third backup pushes the first snapshot out.
    back_up();
    assert_eq!(find("gone.txt"), Vec::<Value>::new());
    assert_eq!(scene.say(&["find", "gone.txt"]), "0 paths\n");
    for client in &clients {
        assert_eq!(versions(client, "gone.txt"), Vec::<Value>::new());
        let notes = versions(client, "notes.txt");
        assert_eq!((notes.len(), &notes[0]["size"]), (1, &json!(10)));
        assert_eq!(notes[0]["snapshots"].as_array().unwrap().len(), 2);
    }
}

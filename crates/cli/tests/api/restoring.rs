//! Restores are asked for in words, and what makes no sense is said before anything is done.

use holdfast_model::job::JobKind;

use super::objects::furnish;
use super::scene::Scene;

#[test]
fn a_restore_that_makes_no_sense_is_refused_in_a_sentence() {
    let scene = Scene::new();
    furnish(&scene);
    let fails = |line: &str| scene.fails(&format!("job restore {line}"));
    for (line, said) in [
        ("nobody --target web1:/tmp", "there is no client named nobody"),
        ("web1 --target nobody:/tmp", "there is no client named nobody"),
        ("abcd12 --target web1:/tmp", "there is no client named abcd12, and no snapshot begins with it"),
        ("abc --target web1:/tmp", "there is no client named abc"),
        ("web1:etc --target web1:/tmp", "\"etc\" is no path in a snapshot"),
        ("web1 --target web1:tmp", "\"tmp\" is no directory of a client"),
        ("web1 --target ../elsewhere", "\"../elsewhere\" is neither CLIENT:PATH nor a directory beneath the one"),
        ("web1 --target /srv/elsewhere", "\"/srv/elsewhere\" is neither CLIENT:PATH nor a directory beneath the one"),
        ("web1 --target /srv/elsewhere", "it lies beneath the folder `restores` in the data folder of the server"),
        ("web1:/etc --target web1:/etc", "this replaces files where they are: say --in-place"),
        ("web1:/etc/hosts --target web1:/etc", "this replaces files where they are: say --in-place"),
        ("web1:/etc --target web1:/etc --in-place", "there is no snapshot of this client"),
        ("web1 --target web1:/", "this replaces files where they are: say --in-place"),
        ("web1 --target web1:/ --in-place", "there is no snapshot of this client"),
        ("web1 --target web1:/tmp", "there is no snapshot of this client"),
    ] {
        let sentence = fails(line);
        assert!(sentence.contains(said), "{line}: {sentence}");
    }
    assert!(scene.jobs().iter().all(|job| job.kind != JobKind::Restore), "nothing was made");
}

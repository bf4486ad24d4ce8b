//! Clients are added and prepared, and somebody says whether their host keys are to be believed.

use holdfast_db::Level;
use holdfast_model::ClientUid;
use holdfast_model::client::{ClientSpec, ClientStatus, Facts, FileSystem, HostKey, HostKeys, Service};
use holdfast_model::job::{Cause, Job, JobError, JobStatus, Outcome};

use super::scene::{Scene, printed, sentence, time};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
const FINGERPRINT: &str = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU";
const OTHER: &str = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn key() -> HostKey {
    KEY.parse().unwrap()
}

fn set_status(scene: &Scene, client: ClientUid, status: &ClientStatus) {
    scene.change(async |writer| writer.set_status::<ClientSpec>(client, status).await.unwrap());
}

/// Ends a prepare job as one does that has met a host for the first time.
fn meets_an_unknown_host(scene: &Scene, job: Job) {
    let host_keys = HostKeys { offered: vec![key()], ..HostKeys::default() };
    set_status(scene, job.client.unwrap(), &ClientStatus { host_keys, ..ClientStatus::default() });
    scene.log(&job, 1, &[(Level::Info, "[BAD ] host key: nobody has accepted one")]);
    let error = JobError { cause: Cause::HostKeyUnknown, message: "nobody has accepted its host key yet".into() };
    scene.end(job, JobStatus::Failed, Outcome { error: Some(error), ..Outcome::default() });
}

fn keys(scene: &Scene) -> serde_json::Value {
    scene.json("client show web1")[0]["status"]["host_keys"].clone()
}

#[test]
fn a_host_that_shows_the_key_of_the_fingerprint_is_believed_and_prepared_again() {
    let scene = Scene::new();
    let add = scene.start(&format!("client add web1 --user root --accept-key {OTHER} --accept-key {FINGERPRINT}"));
    meets_an_unknown_host(&scene, scene.begin_next());
    let job = scene.begin_next();
    assert_eq!(keys(&scene)["accepted"][0], KEY, "before it is prepared again");
    scene.end(job, JobStatus::Succeeded, Outcome::default());
    let said = printed(0, &add.wait_with_output().unwrap());
    assert!(
        said.starts_with("client web1 added\n") && said.ends_with("prepare of web1: succeeded in 0:12\n"),
        "{said}"
    );
    assert!(!said.contains("BAD"), "whoever accepts its key need not hear that nobody has yet: {said}");
}

#[test]
fn where_nobody_can_be_asked_the_fingerprint_is_told_and_nothing_believed() {
    let scene = Scene::new();
    let add = scene.start("client add web1");
    meets_an_unknown_host(&scene, scene.begin_next());
    let said = sentence(1, &add.wait_with_output().unwrap());
    let expected = format!(
        "Believe them? There is nobody to ask: compare ssh-ed25519 {FINGERPRINT} with the host's own, and say --accept-key \
         FINGERPRINT"
    );
    assert_eq!(said, expected);
    let said = scene.fails(&format!("client accept-key web1 --key {OTHER}"));
    assert!(said.contains(&format!("but ssh-ed25519 {FINGERPRINT}; nothing was accepted")), "{said}");
    assert!(scene.fails("client accept-key web1 --key 4f:2a").contains("ssh-keygen -lf"));
    assert_eq!(keys(&scene)["accepted"], serde_json::json!([]));
    assert!(scene.say("client list").contains("host key?"));
    let said = scene.say(&format!("client accept-key web1 --key {FINGERPRINT}"));
    assert_eq!(said, "client web1 is believed by its host key from now on\n");
    assert_eq!(keys(&scene)["accepted"][0], KEY);
    assert!(
        scene
            .fails(&format!("client accept-key web1 --key {FINGERPRINT}"))
            .contains("no host key that is to be decided")
    );
}

#[test]
fn what_cannot_be_reached_is_told_with_what_to_do() {
    let scene = Scene::new();
    let add = scene.start("client add web1");
    let job = scene.begin_next();
    scene.log(&job, 1, &[(Level::Info, "[BAD ] connection: web1 does not answer")]);
    let error = JobError { cause: Cause::Unreachable, message: "web1 does not answer".into() };
    scene.end(job, JobStatus::Failed, Outcome { error: Some(error), ..Outcome::default() });
    let ended = add.wait_with_output().unwrap();
    assert!(
        String::from_utf8_lossy(&ended.stdout).contains("\n[BAD ] connection: web1 does not answer\n"),
        "{ended:?}"
    );
    let said = sentence(1, &ended);
    assert!(said.starts_with("prepare of web1 failed: web1 does not answer; see whether the host is up"), "{said}");
    assert_eq!(scene.say("client list").lines().count(), 4, "it is added all the same");
}

#[test]
fn what_a_client_says_of_itself_is_shown_and_moves_no_cursor() {
    let scene = Scene::new();
    scene.say("client add web1 --no-prepare");
    let uid: ClientUid = scene.json("client show web1")[0]["id"].as_str().unwrap().parse().unwrap();
    let facts = Facts {
        os: "Debian \u{1b}[31m13\nowned".into(),
        architecture: "x86_64".into(),
        kernel: "6.12".into(),
        processors: 4,
        memory_bytes: 8 << 30,
        clock_skew_seconds: -90,
        file_systems: vec![FileSystem {
            mount_point: "/".into(),
            kind: "ext4".into(),
            size_bytes: 2 << 40,
            free_bytes: 1 << 40,
        }],
        services: vec![Service::Postgresql, Service::Docker],
        ..Facts::default()
    };
    let host_keys = HostKeys { accepted: vec![key()], ..HostKeys::default() };
    let status = ClientStatus { ready_since: Some(time(0)), facts: Some(facts), host_keys, ..ClientStatus::default() };
    set_status(&scene, uid, &status);
    let shown = scene.say("client show web1");
    for line in [
        "Ready         since 2026-11-24 12:00:00",
        "Host keys     ssh-ed25519 SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU",
        "System        Debian ?[31m13?owned",
        "Machine       x86_64 6.12, 4 processors, 8.000 GiB of memory",
        "Clock         90 s behind the server's",
        "File systems  / (ext4): 2.000 TiB, 1.000 TiB free",
        "Services      postgresql, docker",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
    }
}

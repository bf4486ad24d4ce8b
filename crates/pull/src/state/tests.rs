//! What is remembered of a client, through crashes and from session to session.

use std::time::{Duration, SystemTime};

use holdfast_model::{BlobId, RepositoryId, TreeId};

use super::*;

fn client(root: &Path, hostname: &str, group: Option<&str>) -> ClientState {
    let identity = ClientIdentity { host_key: "SHA256:x".into(), hostname: hostname.into() };
    RepositoryState::new(root, &RepositoryId::default()).client(&identity, group).unwrap()
}

fn blob(number: u32) -> BlobId {
    BlobId::new(holdfast_chunker::sha256(&number.to_le_bytes()))
}

fn grants(state: &ClientState) -> Grants {
    Grants::load(state).unwrap()
}

#[test]
fn what_a_session_recorded_is_granted_before_and_after_its_commit() {
    let dir = tempfile::tempdir().unwrap();
    let state = client(dir.path(), "web1", None);
    assert!(!grants(&state).contains(&blob(0)).unwrap());
    let all: Vec<BlobId> = (0..2000).map(blob).collect();
    for (session, ids) in [("a", &all[..1500]), ("b", &all[1000..])] {
        let recorder = GrantRecorder::begin(&state, session).unwrap();
        recorder.record(ids).unwrap();
        assert!(ids.iter().all(|id| grants(&state).contains(id).unwrap()), "not committed");
        recorder.fold(&state).unwrap();
    }
    let grants = grants(&state);
    assert!(all.iter().all(|id| grants.contains(id).unwrap()));
    assert!((2000..4000).all(|number| !grants.contains(&blob(number)).unwrap()));
    assert_eq!(runs(&state), 0, "all runs are folded");
}

fn runs(state: &ClientState) -> usize {
    let files = std::fs::read_dir(&state.grants).unwrap();
    files.filter(|file| file.as_ref().unwrap().path().extension().is_some()).count()
}

#[test]
fn sessions_of_one_group_begin_and_end_at_the_same_moment_and_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for member in 0..4_u32 {
            let state = client(dir.path(), &format!("web{member}"), Some("web"));
            scope.spawn(move || {
                for round in 0..8 {
                    let recorder = GrantRecorder::begin(&state, &format!("{member}-{round}")).unwrap();
                    recorder.record(&[blob(100 * member + round)]).unwrap();
                    recorder.fold(&state).unwrap();
                }
            });
        }
    });
    let state = client(dir.path(), "web9", Some("web"));
    let grants = grants(&state);
    let sent = (0..4).flat_map(|member| (0..8).map(move |round| blob(100 * member + round)));
    assert_eq!(sent.filter(|id| !grants.contains(id).unwrap()).count(), 0);
    assert_eq!(runs(&state), 0);
}

#[test]
fn clients_share_nothing_unless_they_are_in_a_group() {
    let dir = tempfile::tempdir().unwrap();
    GrantRecorder::begin(&client(dir.path(), "web1", None), "s").unwrap().record(&[blob(1)]).unwrap();
    assert!(!grants(&client(dir.path(), "web2", None)).contains(&blob(1)).unwrap());
    GrantRecorder::begin(&client(dir.path(), "web1", Some("web")), "s").unwrap().record(&[blob(2)]).unwrap();
    let member = grants(&client(dir.path(), "web2", Some("web")));
    assert!(member.contains(&blob(2)).unwrap() && !member.contains(&blob(1)).unwrap());
}

#[test]
fn a_run_that_another_session_still_writes_is_not_folded() {
    let dir = tempfile::tempdir().unwrap();
    let state = client(dir.path(), "web1", None);
    let (first, second) = (GrantRecorder::begin(&state, "1").unwrap(), GrantRecorder::begin(&state, "2").unwrap());
    second.record(&[blob(1)]).unwrap();
    first.fold(&state).unwrap();
    second.record(&[blob(2)]).unwrap();
    assert!([1, 2].into_iter().all(|number| grants(&state).contains(&blob(number)).unwrap()));
}

#[test]
fn in_a_group_each_session_folds_and_discards_its_own_clients_runs_alone() {
    let dir = tempfile::tempdir().unwrap();
    let [web1, web2] = ["web1", "web2"].map(|name| client(dir.path(), name, Some("web")));
    GrantRecorder::begin(&web1, "interrupted").unwrap().record(&[blob(1)]).unwrap();
    let theirs = GrantRecorder::begin(&web2, "1").unwrap();
    theirs.record(&[blob(2)]).unwrap();
    theirs.fold(&web2).unwrap();
    let too_much = GrantRecorder::begin(&web2, "2").unwrap();
    too_much.record(&[blob(3)]).unwrap();
    too_much.discard(&web2).unwrap();
    assert_eq!([1, 2, 3].map(|number| grants(&web2).contains(&blob(number)).unwrap()), [true, true, false]);
    assert_eq!(runs(&web1), 1, "that of web1 is there as it was left");
    GrantRecorder::begin(&web1, "next").unwrap().fold(&web1).unwrap();
    assert_eq!(runs(&web1), 0);
    assert!(grants(&web2).contains(&blob(1)).unwrap());
}

#[test]
fn a_torn_record_costs_only_itself() {
    let dir = tempfile::tempdir().unwrap();
    let state = client(dir.path(), "web1", None);
    GrantRecorder::begin(&state, "torn").unwrap().record(&[blob(1), blob(2)]).unwrap();
    let run = state.grants.join(format!("torn.{}.run", state.owner));
    let bytes = std::fs::read(&run).unwrap();
    std::fs::write(&run, &bytes[..bytes.len() - 3]).unwrap();
    let grants = grants(&state);
    assert!(grants.contains(&blob(1)).unwrap() && !grants.contains(&blob(2)).unwrap());
}

#[test]
fn interrupted_sessions_are_pinned_for_a_time_and_committed_ones_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let repository = RepositoryState::new(dir.path(), &RepositoryId::default());
    let state = client(dir.path(), "web1", None);
    let committed = GrantRecorder::begin(&state, "committed").unwrap();
    committed.record(&[blob(1)]).unwrap();
    committed.fold(&state).unwrap();
    GrantRecorder::begin(&state, "interrupted").unwrap().record(&[blob(2)]).unwrap();
    let day = Duration::from_secs(24 * 3600);
    let is_pinned = pinned(&repository, day, SystemTime::now()).unwrap();
    assert!(is_pinned(&blob(2)) && !is_pinned(&blob(1)));
    assert!(!pinned(&repository, day, SystemTime::now() + 2 * day).unwrap()(&blob(2)));
}

#[test]
fn digests_lead_to_their_trees_until_the_file_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let state = client(dir.path(), "web1", None);
    let roots = [b"/etc".to_vec()];
    let known = |number: u8| KnownTree {
        tree: TreeId::new([number; 32]),
        totals: Totals { files: number.into(), dirs: 7, bytes: 1 << 40, height: 3 },
    };
    let memory = DigestMemory::load(&state, &roots, [9; 32]).unwrap();
    let mut recorder = DigestRecorder::default();
    (0..200).rev().for_each(|number| recorder.record(&[number; 16], known(number)));
    memory.replace(recorder).unwrap();
    let memory = DigestMemory::load(&state, &roots, [1; 32]).unwrap();
    assert_eq!(memory.seed(), [9; 32], "the seed must stay, or no digest fits");
    assert!((0..200).all(|number| memory.get(&[number; 16]) == Some(known(number))));
    assert_eq!(memory.get(&[200; 16]), None);
    // Other roots are another job.
    assert_eq!(DigestMemory::load(&state, &[b"/srv".to_vec()], [1; 32]).unwrap().get(&[1; 16]), None);

    let path = std::fs::read_dir(&state.digests).unwrap().next().unwrap().unwrap().path();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    let memory = DigestMemory::load(&state, &roots, [1; 32]).unwrap();
    assert_eq!((memory.seed(), memory.get(&[1; 16])), ([1; 32], None));
}

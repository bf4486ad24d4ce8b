//! Keys of requests, and what those were answered.

use std::collections::BTreeMap;

use holdfast_db::{Claim, KeptAnswer, RequestKey};

use super::scene::{Scene, time};

pub(crate) async fn of_two_that_take_a_key_at_once_one_has_it_until_it_is_forgotten(scene: &Scene) {
    let claim = async |actor, digest, second| {
        let key = RequestKey { actor, given: "one", digest };
        let mut writer = scene.db.write().await.unwrap();
        let claim = writer.claim_key(&key, (time(second), time(second - 100))).await.unwrap();
        writer.commit().await.unwrap();
        claim
    };
    let (one, two) = tokio::join!(claim("ann", "a", 0), claim("ann", "a", 0));
    let mut both = [one, two];
    both.sort_by_key(|claim| *claim != Claim::Ours);
    assert_eq!(both, [Claim::Ours, Claim::UnderWay]);
    assert_eq!(claim("ann", "b", 1).await, Claim::Other);
    assert_eq!(claim("bob", "b", 1).await, Claim::Ours, "keys are each actor's own");

    let key = RequestKey { actor: "ann", given: "one", digest: "a" };
    let answer = KeptAnswer {
        status: 201,
        headers: BTreeMap::from([("location".to_owned(), "/x".to_owned())]),
        body: "{\"id\": 1}".to_owned(),
    };
    let mut writer = scene.db.write().await.unwrap();
    writer.keep_answer(&key, &answer).await.unwrap();
    writer.let_key_go(&key).await.unwrap();
    writer.commit().await.unwrap();
    assert_eq!(claim("ann", "a", 2).await, Claim::Answered(answer), "what was answered is not let go");
    assert_eq!(claim("ann", "b", 2).await, Claim::Other);
    assert_eq!(claim("ann", "b", 101).await, Claim::Ours, "it is too old");

    let mut writer = scene.db.write().await.unwrap();
    writer.let_key_go(&RequestKey { digest: "b", ..key }).await.unwrap();
    assert_eq!(writer.forget_answers(time(1)).await.unwrap(), 0, "that of bob is as old as that");
    assert_eq!(writer.forget_answers(time(2)).await.unwrap(), 1);
    writer.commit().await.unwrap();
    assert_eq!(claim("ann", "c", 102).await, Claim::Ours, "it was let go");
    assert_eq!(claim("bob", "c", 50).await, Claim::Ours, "it was forgotten");
}

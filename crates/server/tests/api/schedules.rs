//! When a schedule is due, or would be.

use serde_json::json;

use super::scene::Scene;

#[tokio::test]
async fn a_schedule_and_its_draft_say_when_they_are_due_next() {
    let scene = Scene::new().await;
    let spec = json!({"name": "nightly", "cron": "30 2 * * *", "time_zone": "Europe/Berlin"});
    let place = scene.make("schedules", spec.clone()).await;
    let of_schedule = scene.get(&format!("{place}/upcoming?count=2")).await.json();
    assert_eq!(
        of_schedule["occurrences"],
        json!([
            {"due": "2026-11-25T01:30:00Z", "local": "2026-11-25T02:30:00+01:00", "clock_change": null},
            {"due": "2026-11-26T01:30:00Z", "local": "2026-11-26T02:30:00+01:00", "clock_change": null},
        ])
    );
    assert!(of_schedule["in_words"].as_str().unwrap().contains("02:30"), "{of_schedule}");
    let of_draft = scene.post("/api/v1/schedules/preview", json!({"spec": spec, "count": 2})).await.json();
    assert_eq!(of_draft, of_schedule);
    assert_eq!(scene.get(&format!("{place}/upcoming")).await.json()["occurrences"].as_array().unwrap().len(), 10);
}

#[tokio::test]
async fn a_change_of_the_clock_is_told_with_a_word() {
    let scene = Scene::new().await;
    // 2027-03-27T12:00:00Z: the day before clocks are put forward.
    scene.put_forward(123 * 86_400);
    let draft = json!({"spec": {"name": "n", "cron": "30 2 * * *", "time_zone": "Europe/Berlin"}, "count": 1});
    let answer = scene.post("/api/v1/schedules/preview", draft).await.json();
    assert_eq!(
        answer["occurrences"][0],
        json!({
            "due": "2027-03-28T01:00:00Z", "local": "2027-03-28T03:00:00+02:00", "clock_change": "moved",
        })
    );
}

#[tokio::test]
async fn what_is_never_due_and_what_cannot_be_asked_is_answered_at_once() {
    let scene = Scene::new().await;
    let preview = async |body| scene.post("/api/v1/schedules/preview", body).await;
    let never = preview(json!({"spec": {"name": "n", "cron": "0 0 30 2 *"}})).await.json();
    assert_eq!(never["occurrences"], json!([]));
    let rare = preview(json!({"spec": {"name": "n", "cron": "0 0 29 2 *"}, "count": 50})).await.json();
    assert_eq!(rare["occurrences"].as_array().unwrap().len(), 50);
    for count in [json!(0), json!(51), json!(-1), json!("x")] {
        let answer = preview(json!({"spec": {"name": "n", "cron": "@daily"}, "count": count})).await;
        assert_eq!(answer.json()["errors"][0]["field"], "count");
    }
    let place = scene.make("schedules", json!({"name": "n", "cron": "@daily"})).await;
    for count in ["0", "51", "x"] {
        let answer = scene.get(&format!("{place}/upcoming?count={count}")).await;
        assert_eq!(answer.code(), (400, "invalid_query".into()));
    }
}

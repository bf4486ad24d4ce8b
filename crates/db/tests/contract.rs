//! What a database promises, held against both: SQLite and a real PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod contract {
    pub(crate) mod answers;
    pub(crate) mod catalog;
    pub(crate) mod events;
    pub(crate) mod jobs;
    pub(crate) mod migrations;
    pub(crate) mod objects;
    pub(crate) mod repository_sizes;
    pub(crate) mod scene;
    pub(crate) mod snapshots;
    pub(crate) mod upkeep;
}

/// One test of each claim for each database.
macro_rules! claims {
    ($($file:ident: $($claim:ident)*;)*) => {
        mod sqlite {
            $($(
                #[tokio::test]
                async fn $claim() {
                    let scene = crate::contract::scene::Scene::sqlite().await;
                    crate::contract::$file::$claim(&scene).await;
                }
            )*)*
        }

        /// One server for all of them: starting one takes longer than all claims.
        #[tokio::test]
        async fn postgres_keeps_every_claim() {
            let Some(server) = holdfast_testkit::Postgres::start() else { return };
            $($(
                println!("{}", stringify!($claim));
                let scene = crate::contract::scene::Scene::postgres(&server, stringify!($claim)).await;
                crate::contract::$file::$claim(&scene).await;
                // It takes only so many connections.
                scene.db.close().await;
            )*)*
        }
    };
}

claims! {
    answers:
        of_two_that_take_a_key_at_once_one_has_it_until_it_is_forgotten;
    catalog:
        a_name_is_found_in_the_snapshots_that_have_it
        a_directory_whose_tree_is_the_same_is_not_asked_for
        what_could_not_be_read_is_asked_for_again
        one_job_at_a_time_works_on_a_chain
        what_goes_and_comes_back_is_as_it_was_whoever_dies_in_between
        what_no_snapshot_has_any_more_is_taken_out
        a_directory_that_loses_very_much_at_once_is_emptied;
    objects:
        an_object_is_read_back_as_it_was_kept
        a_name_is_given_once_within_a_tenant_and_a_kind
        of_two_that_give_a_name_at_once_one_is_told_that_it_is_taken
        a_change_counts_only_if_nobody_else_made_one
        what_is_named_stays_and_is_followed_to_its_new_name
        lists_are_filtered_sorted_and_go_on_where_they_ended
        what_was_found_out_is_no_change;
    jobs:
        a_job_is_read_back_as_it_was_kept
        the_queue_holds_what_can_go_on_and_hides_no_tenant
        a_lease_that_ran_out_shows_an_abandoned_job
        jobs_are_listed_by_what_they_are_and_where_they_stand
        two_that_lock_the_same_job_take_turns
        old_jobs_are_forgotten_with_their_logs
        log_lines_are_kept_once_and_in_order;
    events:
        events_are_numbered_without_gaps_in_the_order_in_which_they_are_seen
        whoever_waits_for_events_is_woken_when_they_are_there_to_be_read
        what_is_not_committed_did_not_happen;
    repository_sizes:
        of_a_day_the_last_size_is_kept_and_all_go_with_the_repository;
    snapshots:
        a_snapshot_is_noted_once_and_found_by_its_job
        the_newest_snapshot_of_each_client_and_policy_is_known
        how_a_client_stands_follows_what_comes_and_goes
        one_that_comes_while_another_goes_is_counted
        a_client_can_go_while_its_backup_ends;
    migrations:
        all_that_the_first_release_has_kept_is_read_by_this_one
        how_clients_stood_is_kept
        an_update_keeps_every_row_and_happens_once;
    upkeep:
        opening_again_changes_nothing
        a_database_of_an_older_release_is_brought_up_to_date
        a_database_of_a_newer_release_is_refused
        why_a_backup_failed_is_known_until_one_ends_well
        one_holds_a_lease_at_a_time
        secrets_and_settings_are_replaced_and_taken_back;
}

#[tokio::test]
async fn processes_that_share_a_database_hear_each_other() {
    let Some(server) = holdfast_testkit::Postgres::start() else { return };
    let scene = crate::contract::scene::Scene::postgres(&server, "hearing").await;
    let options = holdfast_db::Options { address: scene.address.clone(), connections: 2 };
    let other = holdfast_db::Database::open(&options).await.unwrap();
    let (mut words, events) = (other.listen(), other.watch_events());
    let hear = other.clone();
    let hearing = tokio::spawn(async move { hear.hear_others().await });
    let event = holdfast_db::NewEvent {
        at: crate::contract::scene::time(1),
        topic: "job".into(),
        tenant: scene.tenant,
        subject: "one".into(),
        body: serde_json::Value::Null,
    };
    // It may not be listening yet: what passes may get lost.
    while !events.has_changed().unwrap() || words.is_empty() {
        scene.db.say("half of it".into()).await.unwrap();
        let mut writer = scene.db.write().await.unwrap();
        writer.add_event(&event).await.unwrap();
        writer.commit().await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(words.recv().await.unwrap(), "half of it");
    hearing.abort();
}

#[tokio::test]
async fn an_object_that_cannot_be_read_keeps_nobody_from_the_others() {
    let scene = crate::contract::scene::Scene::sqlite().await;
    let (bad, good) = (scene.add_client("bad").await, scene.add_client("good").await);
    sqlx::any::install_default_drivers();
    let pool = sqlx::AnyPool::connect(&scene.address.replace(' ', "%20")).await.unwrap();
    let spoil = "UPDATE objects SET spec = '{\"hostname\": \"bad\", \"of_a_newer_release\": 1}' WHERE uid = $1";
    sqlx::query(spoil).bind(bad.to_string()).execute(&pool).await.unwrap();
    pool.close().await;
    let mut reader = scene.db.read_at_one_time().await.unwrap();
    let all = reader.all_objects::<holdfast_model::client::ClientSpec>(&Default::default()).await.unwrap();
    assert_eq!(all.objects.iter().map(|client| client.uid).collect::<Vec<_>>(), [good]);
    assert_eq!((all.unreadable.len(), all.unreadable[0].name.as_str()), (1, "bad"));
    assert!(all.unreadable[0].to_string().contains("takes no part"), "{}", all.unreadable[0]);
}

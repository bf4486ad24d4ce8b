//! The server from end to end: the real program, real hosts behind sshd, SQLite and a real PostgreSQL; asked over its API, and
//! with a clock that is put forward instead of waited for.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on has failed, and says why")]

mod documented;
mod enrolling;
mod failing;
mod finding;
mod keeping;
mod killing;
mod overlapping;
mod proving;
mod restoring;
mod scene;
mod sharing;
mod workers;

use scene::Databases;

#[test]
fn whatever_is_asked_of_the_api_is_answered_as_its_document_says() {
    documented::whatever_is_asked_is_answered_as_the_document_says(&Databases::Sqlite);
}

/// One test of each story for each database.
macro_rules! stories {
    ($($file:ident: $($story:ident)*;)*) => {
        mod sqlite {
            $($(
                #[test]
                fn $story() {
                    crate::$file::$story(&crate::Databases::Sqlite);
                }
            )*)*
        }

        mod postgres {
            $($(
                #[test]
                fn $story() {
                    if let Some(databases) = crate::Databases::postgres() {
                        crate::$file::$story(&databases);
                    }
                }
            )*)*
        }
    };
}

stories! {
    enrolling:
        hosts_are_enrolled_prepared_and_backed_up_when_it_is_time
        a_host_that_lets_nobody_in_is_told_with_the_line_that_it_needs
        a_repository_that_restic_has_written_is_adopted;
    overlapping:
        a_run_that_meets_the_one_before_is_skipped_and_no_other_tenant_is_touched
        what_was_missed_while_the_server_was_away_is_made_up_for_once
        a_job_waits_for_its_window;
    failing:
        what_may_pass_is_tried_again_until_it_works
        a_job_that_runs_is_cancelled_and_what_follows_it_too
        a_server_that_is_interrupted_goes_on_where_it_was;
    keeping:
        what_the_retention_does_not_keep_is_forgotten_and_pruned;
    restoring:
        a_snapshot_is_restored_to_another_client_and_to_the_server
        a_restore_that_ends_early_names_the_files_that_it_leaves_broken
        a_directory_and_a_file_are_downloaded;
    proving:
        what_can_be_restored_is_proven_and_what_is_damaged_is_found;
    finding:
        a_file_is_found_with_its_versions_until_no_snapshot_has_it;
    killing:
        whenever_a_server_is_killed_no_job_is_stuck_and_no_run_is_lost;
}

/// Workers of their own are for PostgreSQL alone.
mod shared {
    #[test]
    fn a_server_and_a_worker_each_do_as_much_as_they_have_places_for() {
        if let Some(databases) = crate::Databases::postgres() {
            crate::sharing::a_server_and_a_worker_each_do_as_much_as_they_have_places_for(&databases);
        }
    }

    #[test]
    fn when_a_worker_is_killed_the_others_finish_what_it_began() {
        if let Some(databases) = crate::Databases::postgres() {
            crate::sharing::when_a_worker_is_killed_the_others_finish_what_it_began(&databases);
        }
    }
}

//! One `#[test]` for each rule, in the implementer's own crate.

use std::path::PathBuf;

use crate::report;
use crate::rules;
use crate::runner::{Options, run};
use crate::subject::Subject;
use crate::verdict::ReplayWith;
use crate::verdict::Verdict;

/// Judges one rule in both worlds; this is what each test of [`suite!`](crate::suite!) calls.
///
/// `manifest` is the implementer's `CARGO_MANIFEST_DIR`: failures leave their scenario in its folder
/// `bgsession-regressions`, from which it is played first the next time.
///
/// # Panics
///
/// With the failure block, if the rule is not passed.
#[track_caller]
pub fn check(subject: &Subject, rule: &str, manifest: &str) {
    let rule = rules::find(rule).unwrap_or_else(|| panic!("there is no rule {rule:?}"));
    let options = Options {
        rules: vec![rule],
        regressions: Some(PathBuf::from(manifest).join("bgsession-regressions")),
        replay_with: ReplayWith::CargoTest,
        ..Options::default()
    };
    let outcome = run(subject, &options).unwrap_or_else(|error| panic!("{error}"));
    let bad = outcome.rows.iter().flat_map(|row| &row.verdicts).find(|(_, verdict)| !verdict.is_ok());
    match bad {
        None => {}
        Some((_, Verdict::Fail(failure))) => panic!("\n{failure}"),
        Some((world, Verdict::Vacuous { scenarios })) => {
            panic!("\n{}", report::vacuous(subject.role(), rule, &world.to_string(), *scenarios))
        }
        Some(_) => panic!("\n{}", report::report(&outcome)),
    }
}

/// Judges every rule that binds the subject and fails once, at the end, with the whole report.
///
/// ```no_run
/// # fn mine() -> bgsession_conformance::Subject { unimplemented!() }
/// #[test]
/// fn conformance() {
///     bgsession_conformance::check_all(&mine());
/// }
/// ```
///
/// # Panics
///
/// With the report, if anything is not passed.
#[track_caller]
pub fn check_all(subject: &Subject) {
    match run(subject, &Options::default()) {
        Ok(report) if report.passed() => {}
        Ok(report) => panic!("\n{report}"),
        Err(error) => panic!("{error}"),
    }
}

/// Makes one `#[test]` for each rule that binds the subject's role, named by id and sentence.
///
/// Say the role and an expression that makes the [`Subject`](crate::Subject):
///
/// ```
/// use bgsession_conformance::Subject;
/// use bgsession_conformance::contract::{Admission, Charge, Throttle, Time};
///
/// struct Mine;
/// impl Throttle for Mine {
///     fn admit(&mut self, _: Charge, _: u32, _: Time) -> Admission {
///         Admission::Admitted // too generous: SCH-13 says so
///     }
/// }
///
/// bgsession_conformance::suite!(throttle: Subject::throttle("mine", |_policy| Box::new(Mine)));
/// # fn main() {}
/// ```
///
/// Rules of the optional profile, which rest on reports or on the documents' silence, are ignored tests:
/// `cargo test -- --include-ignored` judges them too.
#[macro_export]
macro_rules! suite {
    (throttle: $subject:expr) => {
        $crate::__suite! { throttle $subject }
    };
    (scheduler: $subject:expr) => {
        $crate::__suite! { scheduler $subject }
    };
    (sessions: $subject:expr) => {
        $crate::__suite! { sessions $subject }
    };
    (system: $subject:expr) => {
        $crate::__suite! { system $subject }
    };
    (delegate: $subject:expr) => {
        $crate::__suite! { delegate $subject }
    };
    (actions: $subject:expr) => {
        $crate::__suite! { actions $subject }
    };
    ($($other:tt)*) => {
        compile_error!(
            "write suite!(throttle: …), (scheduler: …), (sessions: …), (system: …), (delegate: …) or (actions: …), then the \
             subject"
        );
    };
}

/// The list of tests: name, rule, and the roles that have it.
#[doc(hidden)]
#[macro_export]
macro_rules! __suite {
    ($role:ident $subject:expr) => {
        $crate::__rules! { $role $subject;
            sch_01_every_task_is_minted_and_fresh = "SCH-01": scheduler system;
            sch_02_handle_comes_before_the_messages_of_its_wake = "SCH-02": scheduler sessions system;
            sch_03_a_later_handle_leaves_open_tasks_open = "SCH-03": scheduler system;
            sch_04_the_app_runs_while_a_task_is_open_and_no_longer = "SCH-04": scheduler system;
            #[ignore = "optional: rests on reports; judged with --include-ignored"]
            sch_05_a_repeated_completion_completes_nothing_else = "SCH-05": scheduler system;
            #[ignore = "optional: rests on silence; judged with --include-ignored"]
            sch_06_no_task_is_delivered_twice = "SCH-06": scheduler system;
            sch_07_the_newest_refresh_request_wins = "SCH-07": scheduler system;
            sch_08_snapshots_have_a_slot_of_their_own = "SCH-08": scheduler system;
            sch_09_nothing_comes_before_its_preferred_date = "SCH-09": scheduler system;
            sch_10_user_info_comes_back_with_its_own_task = "SCH-10": scheduler system;
            sch_11_scheduling_returns_once_at_scheduling_time = "SCH-11": scheduler system;
            sch_12_a_refresh_due_in_front_is_disregarded = "SCH-12": scheduler system;
            sch_13_no_hour_holds_more_than_the_budget = "SCH-13": throttle scheduler system;
            sch_14_a_request_over_budget_is_deferred_not_discarded = "SCH-14": throttle scheduler system;
            sch_15_session_wakes_over_budget_are_delayed_never_lost = "SCH-15": throttle scheduler system;
            sch_16_conditions_hold_tasks_back_and_lose_none = "SCH-16": scheduler system;
            sch_17_an_overrun_ends_the_app_and_says_why = "SCH-17": scheduler system;
            sch_18_expiration_is_called_once_in_time_for_its_own_task = "SCH-18": scheduler system;
            sch_19_a_wake_has_one_of_the_documented_causes = "SCH-19": scheduler sessions system;
            sch_20_a_task_names_the_session_that_caused_it = "SCH-20": scheduler sessions system;
            sch_21_a_session_without_launch_events_does_not_wake = "SCH-21": sessions system;
            sch_22_a_running_app_is_not_woken_a_sleeping_one_is = "SCH-22": scheduler sessions system;
            sch_23_a_completion_says_what_snapshot_comes_next = "SCH-23": scheduler system;
            sch_24a_every_closure_that_matches_runs_and_no_other = "SCH-24a": actions;
            sch_24b_the_last_return_completes_the_task_once = "SCH-24b": actions;
            sch_24c_expiry_cancels_the_closures_of_its_task = "SCH-24c": actions;
            #[ignore = "optional: rests on silence; judged with --include-ignored"]
            sch_24d_a_task_that_no_closure_matches_is_completed = "SCH-24d": actions;
            #[ignore = "optional: rests on silence; judged with --include-ignored"]
            sch_24e_no_closure_holds_a_task_for_ever = "SCH-24e": actions;
            sch_25_cpu_time_used_up_ends_the_app = "SCH-25": scheduler system;
            sch_26_a_day_has_so_many_bluetooth_alerts = "SCH-26": scheduler system;
            sch_27_after_a_force_quit_nothing_launches_the_app = "SCH-27": scheduler system;
            ses_01_nothing_is_sent_for_a_suspended_transfer = "SES-01": sessions system;
            ses_02_a_cancelled_transfer_ends_at_once_and_once = "SES-02": sessions system;
            ses_03_did_complete_comes_once_and_last = "SES-03": sessions system;
            ses_04_a_finished_download_gives_its_file_first = "SES-04": sessions system;
            ses_05_a_file_is_there_in_its_callback_and_gone_after_it = "SES-05": sessions system;
            ses_06_an_http_error_status_is_no_error = "SES-06": sessions system;
            ses_07_lost_connections_are_retried_until_the_time_is_up = "SES-07": sessions system;
            ses_08_an_interrupted_download_yields_the_same_bytes = "SES-08": sessions system;
            ses_09_without_a_permitted_link_a_transfer_waits = "SES-09": sessions system;
            ses_10_redirects_are_followed_without_the_app = "SES-10": sessions system;
            ses_11_what_is_not_http_is_refused = "SES-11": sessions system;
            ses_12_a_data_transfer_ends_with_the_app_unless_it_becomes_a_download = "SES-12": sessions system;
            ses_13_nothing_is_sent_before_the_earliest_begin_date = "SES-13": sessions system;
            ses_14_a_delayed_request_is_the_delegates_to_decide = "SES-14": sessions system;
            ses_15_the_first_configuration_stays = "SES-15": sessions system;
            ses_16_each_message_goes_to_one_delegate = "SES-16": sessions system;
            ses_17_a_session_found_again_has_its_transfers = "SES-17": sessions system;
            ses_18_undelivered_messages_are_kept = "SES-18": sessions system;
            ses_19_did_finish_events_ends_every_drain_once = "SES-19": sessions system;
            ses_20_messages_of_a_session_come_one_by_one_in_order = "SES-20": sessions system;
            ses_21_an_invalidated_session_takes_nothing_and_says_so_last = "SES-21": sessions system;
            ses_22_what_is_created_behind_is_discretionary = "SES-22": sessions system;
            ses_23_a_force_quit_cancels_and_silences = "SES-23": sessions system;
            ses_24_the_limiter_delays_what_is_created_behind = "SES-24": sessions system;
            ses_25_the_limiter_holds_nothing_for_longer_than_it_must = "SES-25": sessions system;
            ses_26_a_challenge_goes_to_the_method_it_belongs_to = "SES-26": sessions system;
            ses_27_a_challenge_waits_for_its_answer_which_does_what_it_says = "SES-27": sessions system;
            ses_28_a_login_wakes_the_app_and_blocks_nothing_else = "SES-28": sessions system;
            ses_29_a_visit_begins_what_was_held_for_being_created_behind = "SES-29": sessions system;
            ses_30_only_a_background_session_goes_on_without_the_app = "SES-30": sessions system;
            ses_31_no_other_server_sees_a_credential = "SES-31": sessions system;
            ses_32_no_more_connections_than_allowed = "SES-32": sessions system;
            ses_33_progress_is_told_and_true = "SES-33": sessions system;
            ses_34_an_upload_sends_its_file = "SES-34": sessions system;
            del_01a_no_task_is_completed_twice = "DEL-01a": delegate;
            del_01b_every_task_is_completed = "DEL-01b": delegate;
            del_01c_a_task_does_not_wait_for_the_next_wake = "DEL-01c": delegate;
            del_02a_a_task_stays_open_while_messages_are_queued = "DEL-02a": delegate;
            del_02b_a_task_stays_open_until_the_drain_signal = "DEL-02b": delegate;
            del_02c_a_task_stays_open_while_work_goes_on = "DEL-02c": delegate;
            del_03a_the_session_of_a_task_is_opened = "DEL-03a": delegate;
            del_03b_every_launch_opens_the_sessions_again = "DEL-03b": delegate;
            del_03c_no_session_is_opened_twice = "DEL-03c": delegate;
            del_03d_a_drained_session_is_not_cancelled = "DEL-03d": delegate;
            #[ignore = "optional: rests on reports; judged with --include-ignored"]
            del_04_a_task_is_completed_though_its_messages_came_first = "DEL-04": delegate;
            del_05a_a_file_is_used_inside_its_callback = "DEL-05a": delegate;
            #[ignore = "optional: rests on reports; judged with --include-ignored"]
            del_05b_no_callback_holds_the_messages_up = "DEL-05b": delegate;
            del_06_what_comes_next_is_asked_for_first = "DEL-06": delegate;
            del_07a_every_question_is_answered = "DEL-07a": delegate;
            del_07c_refused_credentials_are_not_offered_for_ever = "DEL-07c": delegate;
            del_08a_a_task_is_completed_before_its_time_is_up = "DEL-08a": delegate;
            del_08b_no_task_waits_for_a_transfer_begun_in_it = "DEL-08b": delegate;
            del_08c_transfers_wanted_together_are_created_together = "DEL-08c": delegate;
            del_09_the_app_does_not_panic = "DEL-09": delegate;
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __rules {
    ($role:ident $subject:expr; $($(#[$attribute:meta])* $name:ident = $id:literal: $($bound:ident)*;)*) => {
        $($crate::__rule! { $role [$($bound)*] $subject, $name, $id $(#[$attribute])* })*
    };
}

/// Goes through the roles of a rule; makes its test when it meets the one that is asked for.
#[doc(hidden)]
#[macro_export]
macro_rules! __rule {
    (throttle [throttle $($more:ident)*] $($test:tt)*) => { $crate::__test! { $($test)* } };
    (scheduler [scheduler $($more:ident)*] $($test:tt)*) => { $crate::__test! { $($test)* } };
    (sessions [sessions $($more:ident)*] $($test:tt)*) => { $crate::__test! { $($test)* } };
    (system [system $($more:ident)*] $($test:tt)*) => { $crate::__test! { $($test)* } };
    (delegate [delegate $($more:ident)*] $($test:tt)*) => { $crate::__test! { $($test)* } };
    (actions [actions $($more:ident)*] $($test:tt)*) => { $crate::__test! { $($test)* } };
    ($role:ident [$other:ident $($more:ident)*] $($test:tt)*) => {
        $crate::__rule! { $role [$($more)*] $($test)* }
    };
    ($role:ident [] $($test:tt)*) => {};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __test {
    ($subject:expr, $name:ident, $id:literal $(#[$attribute:meta])*) => {
        #[test]
        $(#[$attribute])*
        fn $name() {
            $crate::check(&$subject, $id, env!("CARGO_MANIFEST_DIR"));
        }
    };
}

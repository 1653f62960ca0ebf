//! One suite for every door and every store.
//!
//! A case is a rule of the contract put to the proof. It speaks to
//! [`gaia_locks::Locks`] only, on a [`Stage`] of its own, with a clock that is
//! turned by hand, so that it holds for a store in memory, an embedded file, a
//! server's database, and for a client at the far end of a connection. What
//! not every door can do (sharing a transaction, opening the store again) is
//! asked of the stage; a case that cannot play says so loudly.
//!
//! A new store joins with one line per store: see
//! `crates/gaia-locks/tests/conformance.rs`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a case fails by panicking, as the test that it is"
)]

mod ask;
mod batch;
mod circle;
mod conflict;
mod history;
mod identity;
mod lease;
mod life;
mod line;
mod line_life;
mod refusal;
mod release;
mod request;
mod reserved;
mod same;
mod several;
mod stage;
mod tokens;
mod waiting;
mod would_grant;

pub use ask::{Ask, ask, folder, seconds, session};
pub use stage::{Reopen, Stage, StageWitness, service_on};

/// A rule put to the proof.
pub struct Case {
    /// Named after the rule.
    pub name: &'static str,
    play: fn(&Stage),
}

/// Plays the case of this name on a stage that nobody has used yet.
///
/// # Panics
/// When the rule does not hold, or there is no such case.
pub fn play(name: &str, stage: &Stage) {
    let case = CASES.iter().find(|case| case.name == name);
    (case.unwrap().play)(stage);
}

/// What is the assigner's alone, which works on the database.
const ASSIGNER: &str = "take the assigner's locks and places";

/// Tells that a case could not play at this door.
#[expect(
    clippy::print_stderr,
    reason = "whoever runs the tests must see what was left out"
)]
fn cannot(what: &str) {
    eprintln!("\n!!! NOT TESTED: this door cannot {what}\n");
}

/// Hands the list of all cases to a macro, behind whatever else it is given.
#[macro_export]
macro_rules! every_case {
    ($use:ident $($more:tt)*) => {
        $use! { $($more)*
            conflict::r01_equal_folders_conflict
            conflict::r01_an_ancestor_and_a_descendant_conflict
            conflict::r01_siblings_and_namesakes_do_not_conflict
            conflict::r01_the_root_overlaps_everything
            conflict::r01_shared_locks_stand_side_by_side
            conflict::r01_shared_and_exclusive_conflict_both_ways
            conflict::r01_two_tasks_of_one_session_exclude_each_other
            conflict::r01_no_task_and_a_task_of_one_session_are_one_worker
            conflict::r01_scopes_never_overlap
            conflict::r01_many_at_once_get_one_grant
            same::r02_asking_again_extends_the_same_lock
            same::r02_asking_again_never_shortens
            same::r02_another_task_or_folder_is_another_lock
            same::r02_a_scope_of_its_own_has_a_lock_beside
            same::r02_nobody_shares_a_lock_of_its_own
            same::r02_a_scope_of_its_own_ends_only_its_own
            same::r02_exclusive_beside_shared_is_the_upgrade
            same::r02_an_upgrade_waits_for_other_readers_and_gives_nothing_up
            same::r02_the_downgrade_lets_readers_in
            same::r02_nothing_held_is_given_up_while_waiting
            same::r02_parent_and_child_end_by_themselves
            lease::r03_a_lease_is_two_hours_by_default
            lease::r03_from_that_instant_the_folder_is_free
            lease::r03_the_history_says_when_it_lapsed
            lease::r03_a_waiter_gets_it_without_any_cleanup
            lease::r03_a_lease_lasts_from_one_second_to_thirty_days
            lease::r03_a_sweep_ends_what_lapsed_and_grants_to_the_line
            lease::r05_a_renewal_runs_from_its_own_moment
            lease::r05_a_shorter_renewal_shortens_neither_the_lease_nor_later_ones
            lease::r05_only_the_holder_renews
            lease::r05_a_lapsed_lease_is_acquired_anew_with_a_new_token
            lease::r05_a_released_one_cannot_be_renewed
            lease::r05_a_renewal_names_its_own_folder
            tokens::r04_tokens_rise_in_the_order_of_grants
            tokens::r04_a_grant_at_ones_turn_gets_the_highest_token
            tokens::r04_a_request_that_came_to_nothing_breaks_no_order
            tokens::r04_tokens_rise_over_pruning
            tokens::r04_tokens_rise_over_a_restart
            tokens::r04_verify_says_whether_that_very_lock_is_active
            tokens::r14_what_was_granted_survives_a_crash
            tokens::r14_the_line_survives_a_crash
            release::r06_releasing_is_the_holders_right_alone
            release::r06_a_token_ends_that_very_lock
            release::r06_without_token_or_task_every_lock_of_the_session_ends
            release::r06_with_a_task_only_that_tasks_lock_ends
            release::r06_only_exactly_that_folder
            release::r06_a_second_release_answers_not_held
            release::r06_a_stale_token_frees_no_later_lock
            release::r06_the_assigners_lock_is_not_the_holders_to_end
            release::r06_a_release_names_a_folder_or_a_token
            release::r07_an_admin_ends_any_lock_and_says_why
            release::r07_unknown_and_ended_ones_are_told_apart
            release::r07_a_reason_is_asked_for
            release::r07_the_next_in_line_gets_it
            line::r08_waiters_are_served_in_order
            line::r08_a_later_request_does_not_overtake
            line::r08_the_whole_repository_is_not_starved_by_its_parts
            line::r08_others_pass_beside_the_line
            line::r08_readers_behind_a_writer_wait
            line::r08_readers_are_granted_together
            line::r08_who_is_waited_for_is_not_held_back
            line::r08_inside_ones_own_lock_all_is_granted_at_once
            line::r08_inside_ones_own_shared_lock_only_shared_is_granted_at_once
            line::r08_a_waiter_that_gives_up_leaves_the_line
            line::r08_giving_up_lets_those_behind_through
            line::r08_a_new_lock_lets_ones_own_waiter_pass
            line::r08_a_pause_holds_back_and_a_resume_grants
            line_life::r08_a_dead_process_leaves_the_line
            line_life::r08_nobody_dead_is_granted
            line_life::r08_one_elsewhere_lives_while_it_was_heard
            line_life::r08_one_elsewhere_is_dead_after_thirty_seconds_of_silence
            line_life::r08_asking_again_is_being_heard
            line_life::r08_a_grant_elsewhere_is_taken_up_within_thirty_seconds
            line_life::r08_a_grant_taken_up_has_its_whole_lease
            line_life::r08_a_grant_to_a_process_that_died_goes_on_to_the_next
            line_life::r08_a_grant_given_back_goes_on_to_the_next
            line_life::r08_patience_that_is_over_is_over_for_those_behind
            line_life::r08_patience_that_was_over_before_it_was_waited_for_is_a_refusal
            line_life::r08_a_grant_is_the_waiters_though_its_session_asks_again
            waiting::r08_a_waiter_is_woken_by_the_release
            waiting::r08_a_limit_ends_the_wait
            waiting::r08_a_wait_can_be_called_off
            waiting::r08_a_place_that_is_gone_is_told
            waiting::r03_a_waiter_is_granted_when_the_lease_ends
            waiting::r11_a_waiter_is_granted_when_the_holder_dies
            waiting::r08_one_behind_a_dead_waiter_is_granted
            waiting::r08_one_behind_patience_that_is_over_is_granted
            reserved::t07_a_reserved_place_holds_others_back_and_is_not_granted
            several::r09_all_together_or_none
            several::r09_nothing_is_held_while_waiting
            several::r09_it_stands_in_line_on_all_from_one_moment
            several::r09_all_are_granted_at_one_turn
            several::r09_one_folder_named_twice_is_one_lock
            several::r09_a_folder_and_one_inside_it_are_two_locks
            several::r09_held_before_only_when_all_were
            several::r09_who_is_behind_with_one_folder_is_not_served_for_the_other
            several::r09_at_least_one_folder
            several::r09_a_grant_that_lost_a_part_is_given_back
            circle::r10_two_who_wait_for_each_other_are_refused
            circle::r10_a_longer_circle_names_everyone
            circle::r10_two_readers_who_both_upgrade_are_a_circle
            circle::r10_waiting_behind_an_earlier_waiter_counts
            circle::r10_a_refused_wait_leaves_no_place_behind
            circle::r10_a_chain_is_no_circle
            circle::r10_asking_without_waiting_closes_no_circle
            circle::r10_the_dead_close_no_circle
            circle::r10_tasks_of_one_session_can_close_a_circle
            circle::r10_a_circle_without_a_new_wait_refuses_its_youngest
            circle::r10_asked_again_by_its_request_id_the_youngest_is_told
            life::r11_a_living_process_keeps_its_lock_past_the_lease
            life::r11_a_dead_process_frees_at_the_next_request
            life::r11_who_waits_gives_a_release_on_its_way_a_moment
            life::r11_nobody_is_left_to_release_it
            life::r11_a_dead_process_is_swept
            life::r11_the_history_says_that_the_holder_died
            life::r11_who_cannot_tell_goes_by_the_lease
            life::r11_a_lock_can_be_bound_later
            life::r11_a_dead_process_cannot_renew
            life::r13_setting_the_wall_clock_back_holds_nothing_longer
            life::r13_setting_the_wall_clock_forward_frees_nothing
            life::r13_expires_at_is_computed_when_asked
            life::r13_after_a_reboot_process_bound_locks_are_over
            life::r13_after_a_reboot_leases_start_anew_once
            life::r13_after_a_reboot_looking_is_first_sight
            life::r13_after_a_reboot_waiting_processes_are_gone
            life::r13_after_a_reboot_a_grant_is_still_to_be_taken_up_in_time
            identity::r12_spellings_of_a_folder_meet
            identity::r12_a_link_turned_later_opens_no_second_door
            identity::r12_a_link_made_later_opens_no_second_door
            identity::r12_waiters_meet_under_both_names
            identity::r12_a_release_under_the_other_name_counts
            identity::r12_renaming_moves_no_lock
            identity::r12_status_says_when_a_folder_is_gone
            identity::r12_status_says_when_another_folder_has_the_name
            identity::r12_names_with_wildcards_are_names
            history::r15_every_grant_leaves_one_row
            history::r15_a_refusal_leaves_none
            history::r15_it_says_who_what_when_until_when_and_how
            history::r15_each_way_of_ending_has_its_word
            history::r15_a_lapse_is_dated_when_it_was
            history::r15_it_can_be_asked_by_folder_session_task_and_time
            history::r15_a_folder_is_asked_about_in_its_own_scope
            history::r15_it_can_be_asked_who_held_what_in_a_stretch_of_time
            history::r15_it_comes_in_pages_newest_first
            history::r15_pruning_takes_what_ended_before_and_nothing_active
            history::r15_nothing_is_pruned_by_itself
            history::r15_a_retention_prunes_at_a_sweep
            request::r16_the_same_again_takes_no_second_lock
            request::r16_it_gives_the_lock_with_its_state_now
            request::r16_it_gives_the_same_place_in_line
            request::r16_it_takes_up_a_grant
            request::r16_a_refusal_is_not_remembered
            request::r16_a_circle_is_not_remembered
            request::r16_other_content_is_an_error
            request::r16_ids_are_the_sessions_own
            request::r16_it_is_kept_for_a_day
            request::r16_a_place_that_was_left_is_asked_for_anew
            request::r16_a_scope_of_its_own_repeats_without_a_second_lock
            refusal::r17_who_holds_what_since_when_until_when
            refusal::r17_which_folder_overlaps
            refusal::r17_whether_the_holder_lives_and_when_last
            refusal::r17_signs_of_life_are_never_of_the_future
            refusal::r17_how_many_wait
            refusal::r17_the_earlier_waiter_is_named
            refusal::r17_the_pause_is_named
            refusal::r17_everything_in_the_way_is_named
            refusal::r17_of_very_many_fifty_are_told_and_the_rest_counted
            refusal::r17_status_shows_holders_and_waiters
            batch::r01_requests_in_one_transaction_see_each_other
            batch::r14_an_error_in_a_batch_rolls_all_back
            batch::r08_a_batch_hands_off_inside_itself
            batch::r04_tokens_of_a_batch_rise
            batch::t03_a_tasks_locks_end_in_one_transaction
            would_grant::t07_a_look_says_what_acquire_would_answer
            would_grant::t07_a_look_names_what_is_in_the_way
            life::t03_a_tasks_lock_stands_while_anything_of_the_task_lives
        }
    };
}

macro_rules! list {
    ($($room:ident :: $name:ident)*) => {
        /// Every case.
        pub const CASES: &[Case] = &[$(Case {
            name: stringify!($name),
            play: $room::$name,
        }),*];
    };
}

every_case!(list);

//! The example services under hostile requests: as processes, on sockets, with files that nobody else has.
//!
//! One table of threats for all three. Requests are written as bytes, because a client would mend or refuse most of them, and
//! signed by another implementation of HMAC. Answers are held to the letter; what came of a request is read from the databases,
//! under a key that is computed here; and after each threat the service has to handle an honest delivery, and to have said
//! nothing in its log that is nobody's business. `docs/threat-model.md` names every test.
//!
//! `SEED=` gives the test with random requests other ones.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod anything;
mod bodies;
mod books;
mod differences;
mod event;
mod handlers;
mod leaks;
mod lengths;
mod place;
#[allow(dead_code, reason = "others use more of it")]
#[path = "../fire/random.rs"]
mod random;
mod replays;
mod request;
mod service;
mod signatures;
mod starts;
mod stores;
mod times;
mod wire;

use place::Kind;
use service::Service;

/// A module for each service, with a test for each threat: on the one service that all of them share, or on some that it starts
/// itself.
macro_rules! threats {
    (shared { $($theme:ident::$threat:ident,)* } own { $($own:ident::$apart:ident,)* }) => {
        threats! { @kind axum Axum { $($theme::$threat,)* } { $($own::$apart,)* } }
        threats! { @kind actix Actix { $($theme::$threat,)* } { $($own::$apart,)* } }
        threats! { @kind fastapi Fastapi { $($theme::$threat,)* } { $($own::$apart,)* } }
    };
    (@kind $name:ident $kind:ident { $($theme:ident::$threat:ident,)* } { $($own:ident::$apart:ident,)* }) => {
        mod $name {
            use super::*;
            $(
                #[test]
                fn $threat() {
                    $theme::$threat(&Service::shared(Kind::$kind));
                }
            )*
            $(
                #[test]
                fn $apart() {
                    $own::$apart(Kind::$kind);
                }
            )*
        }
    };
}

threats! {
    shared {
        anything::t2_any_bytes_anywhere_are_a_typed_refusal_and_nothing_else,
        bodies::t28_one_byte_more_or_less_or_other_breaks_the_signature,
        bodies::t28_t48_what_is_not_one_object_is_400_however_well_it_is_signed,
        bodies::t29_bytes_do_not_move_between_time_and_body,
        bodies::t30_t31_unsigned_headers_name_no_event,
        bodies::t46_depth_costs_no_more_than_length,
        bodies::t46_nothing_is_unpacked,
        lengths::t11_an_endless_body_is_given_up,
        lengths::t11_chunks_are_counted_as_they_come,
        lengths::t11_what_the_head_refuses_is_answered_without_its_body,
        lengths::t46_a_declared_length_is_believed_by_nobody,
        lengths::t46_two_framings_make_no_second_request,
        lengths::t47_one_byte_over_the_limit_is_413_and_not_401,
        replays::t9_the_key_is_the_one_of_the_documented_rule,
        replays::t37_one_secret_at_two_routes_keeps_events_apart,
        replays::t49_a_completed_event_is_no_duplicate_to_who_cannot_sign_it,
        replays::t50_a_stale_copy_is_a_duplicate_if_its_event_is_done_and_refused_if_not,
        signatures::t1_signatures_of_a_wrong_length_are_refused,
        signatures::t6_blank_equals_nothing_and_no_weaker_proof_takes_over,
        signatures::t13_where_a_request_says_it_comes_from_proves_nothing,
        signatures::t23_unknown_versions_senders_and_methods_are_refused,
        signatures::t27_a_list_where_one_signature_is_due_is_refused_whole,
        signatures::t32_names_are_of_any_case_and_of_one_sender,
        signatures::t32_repeated_signatures_and_times_are_refused,
        signatures::t32_t34_folded_and_foreign_characters_are_refused,
        signatures::t33_nothing_looser_than_hex_is_a_signature_and_the_key_is_the_same,
        signatures::t35_t36_the_sender_of_a_request_does_not_choose_its_algorithm,
        times::t24_hostile_timestamps_are_refused_however_well_they_are_signed,
        times::t24_times_outside_of_the_window_are_refused,
        times::t25_a_changed_time_breaks_the_signature,
        times::t26_a_time_that_is_missing_or_elsewhere_is_refused,
    }
    own {
        handlers::t16_t39_an_event_whose_handler_fails_is_handled_by_its_retry,
        handlers::t40_a_copy_of_a_first_that_runs_is_told_to_come_again,
        handlers::t40_t43_the_event_of_a_service_that_is_killed_is_handled_by_a_retry,
        handlers::t41_a_holder_that_wakes_too_late_changes_nothing,
        handlers::t42_a_sender_that_hangs_up_does_not_cancel_its_event,
        handlers::t45_nothing_is_acknowledged_before_it_is_durable,
        leaks::t14_no_answer_and_no_log_holds_a_secret_or_a_part_of_an_expected_signature,
        leaks::t14_what_a_stranger_writes_forges_no_line_of_the_log,
        replays::t8_a_replay_after_a_crash_or_at_another_replica_is_a_duplicate,
        replays::t8_copies_in_parallel_at_two_replicas_are_handled_once,
        replays::t10_t21_t38_a_revoked_secret_proves_nothing_whatever_it_signs,
        replays::t15_a_flood_that_proves_nothing_changes_no_row,
        starts::t4_t5_t18_without_a_secret_of_its_own_it_does_not_start,
        starts::t5_t7_where_a_sender_has_no_secret_there_is_no_route,
        starts::t12_a_short_secret_is_warned_of_and_never_shown,
        starts::t22_a_sender_that_is_asked_is_asked_for_a_verdict_and_nothing_else,
        starts::t22_only_this_machine_can_stand_in_for_a_sender_that_is_asked,
        stores::t44_without_its_store_nothing_is_handled_and_nothing_lost,
    }
}

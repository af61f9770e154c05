//! What every catalog does, as tests.
//!
//! [`contract_suite!`](crate::contract_suite) turns a way to make an empty catalog into one test
//! per sentence below. The suite knows the trait alone, and [`Subject::dump`] to compare two
//! catalogs; it runs on a clock that stands still and on randomness from a seed.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "this is a test suite: what does not hold fails where it is seen"
)]

pub mod make;
pub mod world;

pub mod adoption;
pub mod compact;
pub mod deciding;
pub mod listing;
pub mod people;
pub mod proofs;
pub mod random;
pub mod replay;
pub mod segments;
pub mod settings;
pub mod showing;
pub mod uploads;
pub mod versions;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use model::outside::{Blocking, Clock, Entropy};
use model::{Outside, Timestamp};

use crate::interface::Catalog;

/// A catalog under test.
#[async_trait]
pub trait Subject: Catalog {
    /// All that is shown, as text, such that two catalogs that were shown the same journal are
    /// equal in it.
    async fn dump(&self) -> String;
}

/// Time stands still, randomness follows from the seed, and blocking work runs at once: the same
/// seed gives the same run.
pub fn outside(seed: u64) -> Outside {
    Outside { clock: Arc::new(Still), entropy: Arc::new(Seeded(AtomicU64::new(seed))), blocking: Arc::new(Inline) }
}

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        make::NOW
    }
    fn monotonic_ms(&self) -> u64 {
        0
    }
}

/// SplitMix64.
struct Seeded(AtomicU64);

impl Entropy for Seeded {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            let state = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let bytes = (mixed ^ (mixed >> 31)).to_le_bytes();
            chunk.iter_mut().zip(bytes).for_each(|(out, byte)| *out = byte);
        }
    }
}

struct Inline;

impl Blocking for Inline {
    fn spawn(&self, job: Box<dyn FnOnce() + Send>) {
        job();
    }
}

/// One test per sentence of the contract, for the catalogs that `$fresh` makes: an expression that
/// is an async closure without arguments, each call giving an empty [`Subject`] that holds
/// [`make::keys`](crate::contract::make::keys).
#[macro_export]
macro_rules! contract_suite {
    ($fresh:expr) => {
        $crate::contract_suite! { $fresh;
            deciding {
                records_are_numbered_over_all_streams_and_chained_within_one,
                a_refusal_changes_nothing,
                each_proposal_meets_what_those_before_it_decided,
                a_decided_change_is_not_seen_before_it_is_shown,
                an_unknown_stream_is_an_error,
                another_policy_epoch_is_refused,
                a_bucket_that_is_gone_or_has_another_label_is_refused,
                a_condition_waits_for_an_unshown_change_of_its_key,
                unconditional_puts_and_deletes_never_wait,
                conditions_are_judged_on_the_object_that_is_there,
                everything_in_a_bucket_waits_for_its_unshown_deletion,
                a_deletion_of_a_bucket_waits_for_anything_unshown_in_it,
                a_bucket_with_objects_stays,
                a_bucket_name_is_unique_at_its_label,
                a_bucket_name_waits_for_its_unshown_changes,
                segments_of_closed_or_unopened_epochs_are_refused,
            }
            uploads {
                a_part_needs_its_upload,
                an_upload_that_ends_holds_back_all_that_would_change_it,
                completing_waits_for_unshown_parts,
                only_current_parts_complete_an_upload,
                a_completed_upload_becomes_the_object_and_drops_unused_parts,
                an_aborted_upload_leaves_nothing,
                a_bucket_takes_its_uploads_along,
                parts_are_listed_in_order_of_their_numbers,
            }
            people {
                principals_have_names_of_their_own,
                principals_change_and_their_policy_epoch_rises,
                groups_have_names_of_their_own_and_their_members_policy_epochs_rise,
                releases_go_step_by_step,
                a_key_needs_its_principal,
                a_revocation_counts_once_it_is_decided,
                changes_of_one_name_or_key_wait_for_each_other,
                label_keys_sites_and_streams_are_kept,
                label_keys_come_by_label_and_epoch,
            }
            showing {
                an_object_is_read_back_with_its_segments,
                a_small_body_lies_where_it_was_shipped,
                a_put_replaces_the_object_and_frees_its_segment,
                shared_segments_stay_until_their_last_use,
                a_delete_removes_the_object,
                showing_again_changes_nothing,
                a_gap_or_a_fork_is_refused_whole,
                a_fork_of_what_is_decided_is_refused,
                unshown_records_are_kept_with_their_bodies,
                only_an_enclave_founded_once_is_served,
                what_stands_of_a_shredded_label_is_passed_over,
            }
            segments {
                the_most_endangered_segments_come_first,
                pages_of_endangered_segments_join_without_gap_or_repetition,
                added_and_dropped_pieces_count,
                a_segment_coded_anew_has_the_new_pieces_alone,
                what_was_made_from_an_old_reading_is_refused,
                the_last_placing_counts_in_whatever_order_it_is_shown,
                pieces_of_a_compacted_segment_may_be_shown_before_it,
                segments_are_found_by_their_site,
                what_was_brought_away_from_a_site_adds_up,
                pieces_of_one_index_count_once,
                epochs_only_rise,
                running_time_adds_up,
                pieces_that_no_record_names_are_noted_since_first_seen,
                decided_and_shown_pieces_are_named,
                pieces_of_freed_segments_are_unnamed,
                counts_follow_what_is_shown,
            }
            compact {
                one_segment_takes_the_place_of_several,
                what_cannot_take_their_place_changes_nothing,
                a_segment_that_goes_on_where_the_catalog_is_takes_the_place_of_the_past,
                who_shares_a_body_keeps_it,
            }
            proofs {
                pieces_of_a_site_come_by_name,
                the_oldest_proof_comes_first,
                what_was_decided_here_was_proven_here,
                observations_are_no_part_of_what_is_shown,
                objects_are_proven_as_their_segments_are,
                what_is_spent_adds_up_until_the_day_is_over,
                walks_go_on_where_they_were,
                a_finding_is_kept_once_until_it_is_over,
                findings_are_bounded,
                a_piece_that_is_decided_lies_nowhere_yet,
            }
            settings {
                a_setting_is_what_it_was_last_told,
                versions_once_kept_are_kept_or_suspended,
                settings_wait_for_those_before_them,
                a_bucket_has_the_settings_it_is_made_with_and_takes_them_along,
                a_late_setting_does_not_undo_a_newer_one,
                a_bucket_has_the_profile_it_was_told_last,
            }
            adoption {
                keys_stand_as_they_were_written_deleted_or_brought,
                marks_go_when_the_adoption_is_closed,
                what_would_forget_the_origin_is_refused,
                a_condition_is_judged_over_what_lies_beneath_unless_it_is_hidden,
                what_is_brought_takes_the_place_of_nothing_but_what_was_brought,
            }
            listing {
                keys_and_prefixes_come_in_byte_order,
                pages_join_without_gap_or_repetition,
                a_limit_of_nothing_is_an_empty_page,
                random_listings_agree_with_a_naive_one,
                uploads_of_one_key_come_by_time,
                uploads_go_on_behind_one_that_is_gone,
            }
            replay {
                showing_alone_gives_the_same_catalog,
                a_catalog_that_replayed_goes_on_numbering,
                a_late_record_does_not_undo_a_newer_one,
                a_segment_that_is_freed_stays_for_a_use_shown_late,
                pieces_may_be_replayed_before_their_segment,
                a_completed_upload_lies_where_its_parts_were_replayed_from,
                numbers_that_were_lost_hold_nothing_back,
            }
            versions {
                what_a_put_replaces_follows_from_its_bucket,
                what_a_deletion_leaves_follows_from_its_bucket,
                a_version_that_goes_brings_the_one_before_it_back,
                a_bucket_with_nothing_but_a_marker_stays,
                conditions_take_a_marker_for_nothing,
                puts_wait_for_unshown_settings_of_their_bucket,
                what_is_said_of_a_version_stays_with_it,
                a_lock_is_judged_when_it_is_decided,
                a_copy_holds_what_it_shares,
                a_copy_lies_where_its_source_was_replayed_from,
                pages_of_versions_join_without_gap_or_repetition,
                random_version_histories_follow_the_model_and_replay_in_any_order,
            }
            random {
                random_histories_follow_the_model_and_replay_in_any_order,
            }
        }
    };
    ($fresh:expr; $($module:ident { $($name:ident),+ $(,)? })+) => {
        $($(
            #[tokio::test]
            async fn $name() {
                $crate::contract::$module::$name($fresh).await;
            }
        )+)+
    };
}

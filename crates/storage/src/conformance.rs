//! The suite that every engine and every layer over an engine passes: named cases, one macro line to run them.
//!
//! ```text
//! storage::conformance_suite!(my_engine::open_for_test());
//! ```
//! The expression is evaluated for each case; its future gives a [`Subject`] whose stores hold nothing yet.
//! Cases compare what rows join to, so an engine that folds by itself passes the same suite; the few cases about
//! unfolded deltas and several owners say aloud when they do not apply to it.

#![expect(clippy::panic, clippy::expect_used, reason = "a test suite: a case fails by panicking")]

pub mod carts;
pub mod catalog;
pub mod eventual;
pub mod linear;
pub mod rows;
pub mod sample;
pub mod sku_index;

use crate::Stores;
use std::any::Any;

/// Fresh stores, and whatever must stay alive while they are used.
pub struct Subject {
    /// What is tested.
    pub stores: Stores,
    /// A server, a folder: dropped after the case.
    pub keep_alive: Box<dyn Any + Send>,
}

impl Subject {
    /// Stores that need nothing beside them.
    pub fn of(stores: Stores) -> Self {
        Self { stores, keep_alive: Box::new(()) }
    }
}

/// Expands to one test for each case.
#[macro_export]
macro_rules! conformance_suite {
    ($open:expr) => {
        $crate::cart_conformance_suite!($open);
        $crate::conformance_suite! { @cases $open;
            linear {
                an_absent_record_reads_as_none,
                an_insert_happens_once,
                a_stale_version_conflicts_and_shows_the_record,
                concurrent_increments_all_count,
                of_concurrent_inserts_one_wins,
                a_removed_record_can_be_inserted_again,
                tables_and_keys_are_apart,
                due_records_come_in_order_and_pages,
                a_changed_due_moment_moves_the_record,
            }
            catalog {
                items_come_back_in_the_order_asked,
                an_older_revision_does_not_win,
                an_equal_revision_may_be_stored_again,
                changes_are_paged_by_revision,
                all_items_are_paged_from_the_first_revision,
                thousands_of_items_are_kept,
            }
        }
    };
    (@cases $open:expr; $($topic:ident { $($case:ident),* $(,)? })*) => {
        $(mod $topic {
            #[allow(unused_imports)]
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let subject: $crate::conformance::Subject = $open.await;
                let outcome = $crate::conformance::$topic::$case(&subject.stores).await;
                outcome.expect("the store answers");
            })*
        })*
    };
}

/// Expands to one test for each case about carts and their rows: for a layer that hands all else on, over an engine on which
/// the whole suite was seen to pass.
#[macro_export]
macro_rules! cart_conformance_suite {
    ($open:expr) => {
        $crate::conformance_suite! { @cases $open;
            carts {
                an_unknown_cart_has_no_rows,
                a_written_row_is_loaded,
                a_stale_version_conflicts_and_shows_the_row,
                a_version_of_an_absent_row_conflicts_with_none,
                of_concurrent_writers_of_a_version_one_wins,
                a_removed_row_is_gone,
                a_row_at_the_size_limit_is_kept,
                scan_pages_through_all_carts_in_order,
                owners_are_remembered,
            }
            rows {
                an_appended_delta_is_loaded_at_once,
                deltas_taken_in_are_loaded_once_the_last_is_durable,
                a_glance_covers_all_that_was_taken_in,
                what_is_at_hand_is_what_a_load_shows,
                an_edition_is_of_the_same_rows_for_ever,
                an_append_repeated_changes_nothing,
                deltas_join_in_any_order,
                concurrent_appends_are_all_kept,
                an_append_joins_the_row_that_is_there,
                two_owners_do_not_overwrite_each_other,
                folded_deltas_leave_and_later_ones_stay,
                unfolded_carts_are_found,
            }
        }
    };
}

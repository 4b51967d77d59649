//! Each error of a write answers one question: can it have been applied?

use super::*;
use scylla::{
    errors::WriteType,
    statement::Consistency::{LocalQuorum, LocalSerial},
};
use std::time::Duration;

fn answered(error: DbError) -> ExecutionError {
    ExecutionError::LastAttemptError(RequestAttemptError::DbError(error, String::new()))
}

fn timed_out(write_type: WriteType) -> ExecutionError {
    answered(DbError::WriteTimeout { consistency: LocalQuorum, received: 1, required: 2, write_type })
}

#[test]
fn an_insert_that_no_replica_was_told_of_is_refused() {
    let unavailable = DbError::Unavailable { consistency: LocalQuorum, required: 2, alive: 1 };
    for error in [answered(unavailable), answered(DbError::IsBootstrapping), ExecutionError::EmptyPlan] {
        assert!(!of_insert(error.clone()).may_be_applied(), "{error}");
    }
    assert!(matches!(of_insert(answered(DbError::Overloaded)), StoreError::Overloaded));
}

#[test]
fn a_write_that_was_under_way_may_be_applied() {
    let late = ExecutionError::RequestTimeout(Duration::from_secs(3));
    for error in [late, timed_out(WriteType::Simple), answered(DbError::ServerError)] {
        assert!(of_insert(error.clone()).may_be_applied(), "{error}");
        assert!(of_conditional(error.clone()).may_be_applied(), "{error}");
        assert!(!of_read(error).may_be_applied());
    }
}

#[test]
fn a_conditional_write_is_refused_at_the_door_alone() {
    let unavailable = DbError::Unavailable { consistency: LocalSerial, required: 2, alive: 1 };
    let unknown = DbError::Other(0x1700);
    for error in [answered(unavailable), answered(unknown), timed_out(WriteType::Cas)] {
        assert!(of_conditional(error.clone()).may_be_applied(), "{error}");
    }
    assert!(!of_conditional(answered(DbError::Unauthorized)).may_be_applied());
}

#[test]
fn a_guard_of_the_disk_says_that_there_is_no_room() {
    let message = "Guardrail data_disk_usage violated: Write request failed because disk usage exceeds failure threshold";
    let error = RequestAttemptError::DbError(DbError::Invalid, message.to_owned());
    assert!(matches!(of_insert(ExecutionError::LastAttemptError(error)), StoreError::Full));
}

#[test]
fn a_question_is_asked_again_unless_it_is_refused_for_what_it_is() {
    let late = ExecutionError::RequestTimeout(Duration::from_secs(3));
    let unavailable = DbError::Unavailable { consistency: LocalQuorum, required: 2, alive: 1 };
    for error in
        [late, answered(unavailable), answered(DbError::Overloaded), answered(DbError::IsBootstrapping)]
    {
        assert!(may_pass(&error), "{error}");
    }
    for error in [answered(DbError::Unauthorized), answered(DbError::Invalid), ExecutionError::EmptyPlan] {
        assert!(!may_pass(&error), "{error}");
    }
}

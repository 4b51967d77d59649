//! Checkout in the replay: sums of orders, returns and stock agree at a shop that keeps its promises, whatever the
//! network does, and each broken promise of an order is seen.

use super::*;

/// The slice, and cancellations of customer 31002: of two orders, of more than was bought, and of nobody.
fn slice_and_returns() -> String {
    SLICE.to_owned()
        + "C700020,10006,OAK FRAME,-1,2010-12-01T09:00:00,12.75,31002,Netherlands\n\
           C700020,10002,TIN DRUM,-11,2010-12-01T09:00:00,4.5,31002,Netherlands\n\
           C700021,10002,TIN DRUM,-9,2010-12-01T09:05:00,4.5,31002,Netherlands\n\
           C700022,10002,TIN DRUM,-1,2010-12-01T09:06:00,4.5,,United Kingdom\n"
}

async fn replay_returns(url: &Url, concurrency: usize) -> ReplayReport {
    let arguments = format!("--url {url} --concurrency {concurrency}");
    replay_text(&slice_and_returns(), &arguments, PATIENCE).await
}

#[tokio::test]
async fn orders_returns_and_stock_agree_at_a_shop_that_keeps_its_promises() {
    for concurrency in [1, 16] {
        let url = stub::start(Planted::Nothing, Faults::default()).await;
        let report = replay_returns(&url, concurrency).await;
        assert!(report.passed, "{report}");
        let json: serde_json::Value = serde_json::to_value(&report).unwrap();
        let orders = &json["orders"];
        assert_eq!(
            (&orders["planned"], &orders["placed"], &orders["listed"]),
            (&12.into(), &12.into(), &12.into())
        );
        assert_eq!(orders["total"]["orders"]["pence"], 65_020_584);
        assert_eq!(orders["by_country"]["France"]["orders"], serde_json::json!({"units": 1, "pence": 1275}));
        assert_eq!(orders["returns"]["file"]["matched"], serde_json::json!({"lines": 4, "units": 14}));
        assert_eq!(orders["returns"]["units_taken_back"], 14);
        assert_eq!(
            orders["returns"]["file"]["unmatched"],
            serde_json::json!({
                "no_customer": {"lines": 1, "units": 1},
                "never_bought": {"lines": 1, "units": 1},
                "more_than_bought": {"lines": 1, "units": 8},
            })
        );
        assert_eq!(orders["stock_right"], orders["items"]);
    }
}

#[tokio::test]
async fn refused_checkouts_and_lost_orders_have_one_effect() {
    for concurrency in [1, 8] {
        let url = stub::start(Planted::Nothing, Faults { refuse_each: 3, lose_answer_each: 4 }).await;
        let report = replay_returns(&url, concurrency).await;
        assert!(report.passed, "{report}");
        assert!(report.latency_ms["checkout"].retries > 0, "{report}");
    }
}

#[tokio::test]
async fn a_server_that_was_replayed_to_before_is_replayed_to_again() {
    let url = stub::start(Planted::Nothing, Faults::default()).await;
    for run in 1..=2 {
        let report = replay_returns(&url, 4).await;
        assert!(report.passed, "run {run}: {report}");
    }
}

#[tokio::test]
async fn a_checkout_that_a_crash_left_is_cancelled_and_begun_anew() {
    let url = stub::start(Planted::LeavesCheckouts, Faults::default()).await;
    let report = replay_returns(&url, 16).await;
    assert!(report.passed, "{report}");
    // The first of each of four accounts and of four guests.
    let json: serde_json::Value = serde_json::to_value(&report).unwrap();
    assert_eq!((&json["orders"]["cancelled"], &json["orders"]["new_keys"]), (&8.into(), &8.into()));
}

#[tokio::test]
async fn each_broken_promise_of_orders_fails_the_replay() {
    let check = async |planted, told| {
        // One at a time, so that the same answers are lost in every run.
        let url = stub::start(planted, Faults { refuse_each: 0, lose_answer_each: 3 }).await;
        let report = replay_returns(&url, 1).await;
        assert!(!report.passed && report.ended_early.is_none(), "{planted:?}: {report}");
        assert!(report.to_string().contains(told), "{planted:?}: `{told}` is not in:\n{report}");
    };
    let all = [
        (Planted::SellsTwice, "there are two"),
        (Planted::HidesOrders, "is not listed"),
        (Planted::ForgetsSales, "sold +0, expected"),
        (Planted::KeepsReturns, "available +0, expected"),
        (Planted::Overcharges, "its lines come to"),
        (Planted::ForgetsFields, "orders to `Utopia`"),
        (Planted::KeepsCarts, "is not in the file"),
        (Planted::IgnoresKeys, "available +"),
    ];
    futures::future::join_all(all.map(|(planted, told)| check(planted, told))).await;
}

#[tokio::test]
async fn without_checkout_nothing_is_sold() {
    let report = replay_text(SLICE, "--no-checkout", PATIENCE).await;
    assert!(report.passed && report.orders.is_none(), "{report}");
    for operation in ["stock", "fields", "checkout", "cancel", "return", "orders"] {
        assert_eq!(report.latency_ms[operation].count, 0, "{operation}");
    }
    assert_eq!(report.latency_ms["clear"].count, 8);
}

#[tokio::test]
async fn the_first_invoices_alone_bring_back_only_what_they_sold() {
    let text = slice_and_returns();
    let report = replay_text(&text, "--invoices 3", PATIENCE).await;
    assert!(report.passed, "{report}");
    let json: serde_json::Value = serde_json::to_value(&report).unwrap();
    assert_eq!(json["orders"]["listed"], 3);
    assert_eq!(json["orders"]["returns"]["units_taken_back"], 1);
}

//! The whole replay on a small file written by hand, against a shop in memory: what is counted, that nothing differs
//! when the shop keeps its promises, whatever the network does, and that each broken promise is seen.

use std::io::Write;

use futures::FutureExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::census::Odd;
use super::stub::{self, Faults, Planted};
use super::*;

mod selling;

const SLICE: &str = include_str!("../../../test-data/online-retail-slice.csv");

/// Stands for the program around: believed tokens, and the stub as the own server.
struct StubSurroundings;

impl Surroundings for StubSurroundings {
    fn shopper_token(&self, _data: &Path, subject: &str) -> anyhow::Result<String> {
        Ok(format!("shopper-{subject}"))
    }

    fn service_token(&self, _data: &Path, _scopes: &[&str]) -> anyhow::Result<String> {
        Ok("service".to_owned())
    }

    async fn start_server(&self, data: &Path) -> anyhow::Result<OwnServer> {
        anyhow::ensure!(data.is_dir());
        let url = stub::start(Planted::Nothing, Faults::default()).await;
        Ok(OwnServer { url, stop: std::future::ready(()).boxed() })
    }
}

/// Short pauses, and an end of patience that only a dead server reaches.
const PATIENCE: Patience = Patience {
    first_pause: std::time::Duration::from_millis(1),
    longest_pause: std::time::Duration::from_millis(5),
    give_up_after: std::time::Duration::from_secs(30),
    lateness: std::time::Duration::from_millis(200),
    sweep: std::time::Duration::from_millis(600),
};

/// Replays a text, with the arguments of a command line.
async fn replay_text(text: &str, arguments: &str, patience: Patience) -> ReplayReport {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let args = parse(&format!("online-retail {} {arguments}", file.path().display())).unwrap();
    replay(args, Arc::new(StubSurroundings), patience, std::future::pending()).await.unwrap()
}

async fn replay_slice(url: &Url, concurrency: usize) -> ReplayReport {
    replay_text(SLICE, &format!("--url {url} --concurrency {concurrency}"), PATIENCE).await
}

#[derive(clap::Parser)]
struct Cli {
    #[command(flatten)]
    replay: ReplayArgs,
}

fn parse(line: &str) -> Result<OnlineRetailArgs, clap::Error> {
    let words = std::iter::once("replay").chain(line.split(' ').filter(|word| !word.is_empty()));
    let cli: Cli = clap::Parser::try_parse_from(words)?;
    let Source::OnlineRetail(args) = cli.replay.source;
    Ok(args)
}

/// The slice and an invoice of so many different codes, for customer 31009.
fn slice_and_long_invoice(codes: u32) -> String {
    let row =
        |code| format!("700099,2{code:04},THING {code},1,2010-12-01T09:00:00,0.1,31009,United Kingdom\n");
    SLICE.to_owned() + &(1..=codes).map(row).collect::<String>()
}

#[test]
fn every_odd_kind_of_the_slice_is_counted() {
    let invoices = invoice::parse(slice_and_long_invoice(301).as_bytes()).unwrap();
    let census = census::of(&invoices);
    let counted: Vec<_> = Odd::ALL.into_iter().map(|odd| (odd, census.odd[&odd])).collect();
    let expected = [
        (Odd::Cancellation, 1),
        (Odd::Adjustment, 2),
        (Odd::UnknownInvoice, 1),
        (Odd::NothingBought, 2),
        (Odd::Anonymous, 4),
        (Odd::RepeatedCode, 4),
        (Odd::SeveralPrices, 1),
        (Odd::TooManyCodes, 1),
        (Odd::SeveralTimes, 2),
        (Odd::Apart, 1),
        (Odd::SeveralCountries, 0),
        (Odd::NegativeQuantity, 4),
        (Odd::ZeroQuantity, 1),
        (Odd::QuantityAboveLimit, 1),
        (Odd::NegativePrice, 2),
        (Odd::Free, 4),
        (Odd::FractionOfPenny, 4),
        (Odd::NoDescription, 2),
        (Odd::Remark, 3),
        (Odd::BeyondAscii, 2),
        (Odd::SpacedCode, 1),
        (Odd::NotAnArticle, 6),
        (Odd::CodesByCase, 2),
        (Odd::CodesAtSeveralPrices, 5),
        (Odd::CodesOfSeveralTitles, 2),
    ];
    assert_eq!(counted, expected);
}

#[test]
fn every_row_of_the_slice_is_accounted_for() {
    let census = census::of(&invoice::parse(SLICE.as_bytes()).unwrap());
    assert_eq!(census.fates.values().sum::<u64>(), census.rows);
    assert_eq!(
        serde_json::to_value(&census.fates).unwrap(),
        serde_json::json!({
            "added": 27, "in_cancellation": 2, "in_adjustment": 2, "in_unknown_invoice": 1,
            "nothing_bought": 3, "negative_price": 1, "quantity_above_limit": 1,
        })
    );
}

#[tokio::test]
async fn nothing_differs_at_a_shop_that_keeps_its_promises() {
    let text = slice_and_long_invoice(601);
    for concurrency in ["1", "64"] {
        let report = replay_text(&text, &format!("--concurrency {concurrency}"), PATIENCE).await;
        assert!(report.passed, "{report}");
        assert_eq!((report.replay.invoices, report.replay.carts), (13, 15));
        assert_eq!((report.replay.guest_carts_at_the_end, report.replay.accounts_at_the_end), (4, 5));
        assert_eq!(report.totals.carts_pence_shown, report.totals.file_pence_by_line);
        assert_eq!(report.latency_ms["add"].count, report.replay.adds_planned);
        let late = (report.replay.late_claims, report.replay.late_items);
        assert_eq!((report.replay.retries, late), (0, (0, 0)));
    }
}

#[tokio::test]
async fn refused_requests_and_lost_answers_have_one_effect() {
    // One at a time, the n-th request is always the same one, so how often faults struck is known. Several at once
    // decide among themselves whom they strike: there only the outcome is.
    for (concurrency, lost_adds_min) in [(1, 6), (8, 1)] {
        let url = stub::start(Planted::Nothing, Faults { refuse_each: 3, lose_answer_each: 4 }).await;
        let report = replay_slice(&url, concurrency).await;
        assert!(report.passed, "{report}");
        assert!(report.replay.retries > 20, "{report}");
        assert!(report.replay.replayed_answers >= lost_adds_min, "{report}");
    }
}

#[tokio::test]
async fn connections_cut_at_any_byte_lose_and_double_nothing() {
    let shop = stub::start(Planted::Nothing, Faults::default()).await;
    let url = cutting_proxy(&shop).await;
    let report = replay_slice(&url, 4).await;
    assert!(report.passed, "{report}");
    assert!(report.replay.retries > 10, "{report}");
}

#[tokio::test]
async fn each_broken_promise_of_carts_fails_the_replay() {
    for planted in [
        Planted::IgnoresKeys,
        Planted::LosesAdds,
        Planted::ClaimsOneOfEach,
        Planted::ClearsNothing,
        Planted::ForgetsLater,
        Planted::RoundsUp,
    ] {
        let url = stub::start(planted, Faults { refuse_each: 0, lose_answer_each: 5 }).await;
        let report =
            replay_text(SLICE, &format!("--url {url} --concurrency 2 --no-checkout"), PATIENCE).await;
        assert!(!report.passed && report.differing_carts > 0, "{planted:?}: {report}");
        assert!(report.ended_early.is_none(), "{planted:?}: {report}");
    }
}

#[tokio::test]
async fn a_claim_that_completes_behind_the_login_is_waited_for_and_counted() {
    let url = stub::start(Planted::ClaimsLate, Faults::default()).await;
    let report = replay_slice(&url, 2).await;
    assert!(report.passed, "{report}");
    assert_eq!(report.replay.late_claims, 8);
}

#[tokio::test]
async fn items_that_are_filled_in_later_are_waited_for_and_counted() {
    let url = stub::start(Planted::ItemsLate, Faults::default()).await;
    let report = replay_slice(&url, 2).await;
    assert!(report.passed, "{report}");
    assert_eq!(report.replay.late_items, report.replay.carts);
}

#[tokio::test]
async fn an_item_that_is_not_stored_fails_the_replay() {
    let url = stub::start(Planted::RefusesAnItem, Faults::default()).await;
    let report = replay_slice(&url, 2).await;
    assert!(!report.passed);
    assert_eq!(report.catalogue_failures, ["item `10001A` rejected: invalid"]);
}

#[tokio::test]
async fn what_an_earlier_run_left_in_an_account_is_cleared_first() {
    let url = stub::start(Planted::Nothing, Faults::default()).await;
    let http = reqwest::Client::new();
    let send = |path: &str, token: &'static str, body: serde_json::Value| {
        let request =
            http.post(url.join(path).unwrap()).bearer_auth(token).header("Idempotency-Key", "earlier");
        let request = request.json(&body);
        async move { request.send().await.unwrap().error_for_status().unwrap() }
    };
    let stored = http.put(url.join("/v1/catalog/items").unwrap()).body("{\"sku\":\"OLD\",\"title\":\"OLD\"}");
    stored.send().await.unwrap();
    send("/v1/sessions", "none", serde_json::json!({})).await;
    let price = serde_json::json!({"amount": 1, "currency": "GBP"});
    let line =
        serde_json::json!({"sku": "OLD", "quantity": 1, "options": {}, "attributes": {}, "price": price});
    send("/v1/carts/guest-0/lines", "service", line).await;
    let claim = serde_json::json!({"guest_token": "guest-0"});
    send("/v1/sessions/claim", "shopper-online-retail-31001", claim).await;
    let report = replay_slice(&url, 2).await;
    assert!(report.passed, "{report}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_ends_the_replay_with_a_report() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let patience = Patience { give_up_after: std::time::Duration::from_millis(20), ..PATIENCE };
    let report = replay_text(SLICE, &format!("--url http://{nobody}"), patience).await;
    assert!(!report.passed);
    assert_eq!(report.ended_early.as_deref(), Some("the catalogue was not stored"));
    assert!(report.latency_ms["catalogue"].retries > 0, "{report}");
}

#[tokio::test]
async fn an_interrupt_ends_the_replay_with_a_report_of_what_was_done() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(SLICE.as_bytes()).unwrap();
    let args = parse(&format!("online-retail {}", file.path().display())).unwrap();
    let interrupt = std::future::ready(());
    let report = replay(args, Arc::new(StubSurroundings), PATIENCE, interrupt).await.unwrap();
    assert!(!report.passed);
    assert_eq!(report.ended_early.as_deref(), Some("interrupted"));
    assert_eq!((report.replay.carts, report.replay.carts_planned), (0, 12));
    assert_eq!(report.latency_ms["catalogue"].count, 1);
    assert!(
        report.to_string().contains("\nNOT FINISHED (interrupted): 0 carts differ, 0 differences of"),
        "{report}"
    );
}

#[tokio::test]
async fn the_first_invoices_alone_can_be_replayed() {
    let report = replay_text(SLICE, "--invoices 3", PATIENCE).await;
    assert!(report.passed, "{report}");
    assert_eq!((report.replay.invoices, report.replay.carts), (3, 3));
    assert_eq!(
        report.totals.carts_pence_shown,
        4 * 215 + 450 + 12 * 65 + 215 + 2 * 195 + 5 * 450 + 7 * 395 + 1_800
    );
}

#[tokio::test]
async fn the_report_reads_as_a_table_and_as_json() {
    let report = replay_text(SLICE, "--concurrency 1", PATIENCE).await;
    let table = report.to_string();
    for line in [
        "file      37 rows, 18 invoices (14 ordinary, 12 of them with something bought), 4 customers, 17 codes",
        "replay    12 of 12 invoices, 12 of 12 carts, 17 items in the catalogue, concurrency 1",
        "650205.84 expected of the carts, 650205.84 shown by the server: agrees",
        "passed: 0 carts differ, 0 differences of orders, returns and stock",
    ] {
        assert!(table.contains(line), "`{line}` is not in:\n{table}");
    }
    let json: serde_json::Value = serde_json::to_value(&report).unwrap();
    assert_eq!(json["passed"], true);
    assert_eq!(json["totals"]["carts_pence_shown"], 65_020_584);
    assert_eq!(json["latency_ms"]["claim"]["count"], 8);
    assert_eq!(json["odd"].as_array().unwrap().len(), Odd::ALL.len());
}

#[test]
fn wrong_arguments_are_refused() {
    for line in [
        "",
        "online-retail",
        "online-retail f --concurrency 0",
        "online-retail f --speed 0",
        "online-retail f --speed inf",
        "online-retail f --invoices 0",
        "online-retail f --data d",
        "online-retail f --url nowhere",
    ] {
        assert!(parse(line).is_err(), "`{line}` was taken");
    }
    assert_eq!(parse("online-retail f").unwrap().concurrency, 64);
    assert!(parse("online-retail f --data d --url http://localhost").is_ok());
}

/// Passes connections on to a shop, and cuts each one after some bytes in both directions: between requests, within
/// one, and within an answer.
async fn cutting_proxy(shop: &Url) -> Url {
    let shop = format!("127.0.0.1:{}", shop.port().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        // A multiplicative generator is random enough, and the same in every run.
        let mut state: u64 = 0x5eed;
        while let Ok((client, _)) = listener.accept().await {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let bytes = 300 + usize::try_from(state >> 33).unwrap() % 9_000;
            let server = TcpStream::connect(&shop).await.unwrap();
            tokio::spawn(pass_on(client, server, bytes));
        }
    });
    url
}

/// Passes so many bytes on, whichever way, then drops both connections.
async fn pass_on(mut client: TcpStream, mut server: TcpStream, mut bytes: usize) -> std::io::Result<()> {
    let (mut up, mut down) = (vec![0; 512], vec![0; 512]);
    while bytes > 0 {
        let (read, to, buffer) = tokio::select! {
            read = client.read(&mut up) => (read?, &mut server, &up),
            read = server.read(&mut down) => (read?, &mut client, &down),
        };
        if read == 0 {
            return Ok(());
        }
        let passed = read.min(bytes);
        to.write_all(&buffer[..passed]).await?;
        bytes -= passed;
    }
    Ok(())
}

//! A shop's own program to try checkouts with: it authorises by rules, and names tax and shipping.
//!
//! ```text
//! cargo run -p testkit --features hooks --example hooks -- --listen 127.0.0.1:8090 --tax-percent 20 --shipping 495
//! ```
//! The options are `--listen`, `--secret`, `--decline-above`, `--action-above`, `--tax-percent` and `--shipping`; amounts
//! are in minor units. `POST /acted/{checkout}` says that a shopper did what a payment required.
#![expect(clippy::print_stdout, reason = "a program for a terminal")]

use std::{error::Error, net::SocketAddr};
use testkit::hooks::{HookServer, Rules, SECRET};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (mut listen, mut secret) = (SocketAddr::from(([127, 0, 0, 1], 8090)), SECRET.to_owned());
    let mut rules = Rules::default();
    let mut words = std::env::args().skip(1);
    while let Some(option) = words.next() {
        let value = words.next().ok_or_else(|| format!("`{option}` wants a value"))?;
        match option.as_str() {
            "--listen" => listen = value.parse()?,
            "--secret" => secret = value,
            "--decline-above" => rules.decline_above = Some(value.parse()?),
            "--action-above" => rules.action_above = Some(value.parse()?),
            "--tax-percent" => rules.tax_percent = value.parse()?,
            "--shipping" => rules.shipping = value.parse()?,
            _ => return Err(format!("`{option}` is no option").into()),
        }
    }
    let server = HookServer::start(listen, &secret, rules).await?;
    let url = server.url();
    println!("answers at {url}; tell evercart so:\n\n[checkout]");
    for hook in ["payment", "price"] {
        println!("{hook}_url = {url:?}\n{hook}_secret = {secret:?}");
    }
    server.wait().await;
    Ok(())
}

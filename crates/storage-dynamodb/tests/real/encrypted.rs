//! TLS to an endpoint of one's own, and nothing said to one that proves nothing.

use std::sync::Arc;
use std::time::Duration;

use rcgen::CertifiedKey;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivatePkcs8KeyDer;
use storage::conformance::sample::{cart_id, load};
use storage_dynamodb::{DynamoDb, DynamoDbOptions};

use crate::local;
use crate::messages::told;
use crate::relay::Relay;

/// What a server shows that signed for itself under this name, and what vouches for it.
fn shown_as(host: &str) -> (ServerConfig, Vec<u8>) {
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(vec![host.to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der()).into();
    let provider = Arc::new(ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap();
    (config, cert.pem().into_bytes())
}

async fn relay(server: &str, host: &str) -> (Relay, DynamoDbOptions) {
    let (shown, pem) = shown_as(host);
    let relay = Relay::encrypted(server, shown).await;
    let options = DynamoDbOptions {
        endpoint_url: Some(relay.url().to_owned()),
        authorities_pem: Some(pem),
        ..local::options(server)
    };
    (relay, options)
}

#[tokio::test]
async fn an_endpoint_is_believed_if_an_authority_vouches_for_its_address() {
    let Some(url) = local::shared().await else { return };
    let (relay, options) = relay(&url, "127.0.0.1").await;
    assert_eq!(DynamoDb::init(options.clone()).await.unwrap().len(), 3);
    let stores = DynamoDb::open(options).await.unwrap().stores();
    load(&*stores.carts, cart_id(1)).await.unwrap();
    assert_eq!((relay.seen("CreateTable"), relay.seen("Query")), (3, 1));
}

#[tokio::test]
async fn one_that_is_another_or_that_nobody_knows_hears_nothing() {
    let Some(url) = local::shared().await else { return };
    let (another, of_another) = relay(&url, "shop.example").await;
    let (stranger, of_stranger) = relay(&url, "127.0.0.1").await;
    let of_stranger = DynamoDbOptions { authorities_pem: of_another.authorities_pem.clone(), ..of_stranger };
    for (relay, options) in [(another, of_another), (stranger, of_stranger)] {
        let impatient = DynamoDbOptions {
            attempt_timeout: Duration::from_secs(2),
            operation_timeout: Duration::from_secs(5),
            ..options
        };
        let error = DynamoDb::open(impatient).await.unwrap_err();
        let told = told(&error);
        assert!(told.contains("no connection to the endpoint") && told.contains("certificate"), "{told}");
        assert_eq!(relay.seen_in_all(), 0);
    }
}

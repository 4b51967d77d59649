//! What a configuration may say, and what is said about one that may not be.

use super::*;

fn parse(text: &str) -> Result<Config, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    Config::load(Some(file.path())).map_err(|error| error.to_string())
}

#[test]
fn an_empty_file_is_the_defaults() {
    let config = parse("").unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert!(!config.auth.local_issuer);
    assert_eq!(config.settings().unwrap().limits, Limits::default());
}

#[test]
fn unknown_keys_and_wrong_values_are_named() {
    assert!(parse("listen = \"x\"").unwrap_err().contains("listen"));
    assert!(parse("[limits]\nlines_max = 0").unwrap_err().contains("limits.lines_max"));
    assert!(parse("currency = \"pounds\"").unwrap_err().contains("currency"));
    assert!(parse("listen = 5").unwrap_err().contains("listen"));
    let unknown = parse("[limits]\nline_max = 7").unwrap_err();
    assert!(unknown.contains("`limits.line_max`") && unknown.contains("`limits.lines_max`?"), "{unknown}");
    let negative = parse("[limits]\nlines_max = -1").unwrap_err();
    assert!(negative.contains("lines_max"), "{negative}");
}

#[test]
fn the_source_of_each_value_is_shown() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "region = \"north\"").unwrap();
    let (_, settings) = Config::load_shown(Some(file.path())).unwrap();
    let source = |key: &str| settings.iter().find(|setting| setting.key == key).unwrap().source.clone();
    assert!(source("region").contains(file.path().file_name().unwrap().to_str().unwrap()));
    assert_eq!(source("currency"), "default");
    assert_eq!(settings.len(), keys().count());
}

#[test]
fn the_journal_is_whole_segments() {
    let store = Store { journal_bytes_max: (100 << 20) + 5, ..Store::default() };
    assert_eq!(store.options().journal.segments_max, 3);
    let store =
        Store { journal_bytes_max: 8 << 20, journal_segment_bytes: (1 << 20) + 5, ..Store::default() };
    let journal = store.options().journal;
    assert_eq!((journal.segments_max, journal.segment_bytes), (8, 1 << 20));
    assert_eq!(Store::default().options(), storage_embedded::EmbeddedOptions::default());
}

#[test]
fn a_journal_has_room_for_two_files_and_for_the_largest_change() {
    let one = parse("[store]\njournal_bytes_max = 60000000").unwrap_err();
    assert!(one.contains("`store.journal_bytes_max`") && one.contains("twice"), "{one}");
    let small = "[store]\njournal_segment_bytes = 1048576\n[limits]\nentry_bytes_max = 1048576";
    assert!(parse(small).unwrap_err().contains("`store.journal_segment_bytes`"));
    parse("[store]\njournal_segment_bytes = 1048576\njournal_bytes_max = 2097152").unwrap();
}

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

#[test]
fn a_hook_needs_a_url_and_a_secret_and_both_are_checked() {
    let hook = |url: &str, more: &str| parse(&format!("[checkout]\npayment_url = \"{url}\"\n{more}"));
    let secret = format!("payment_secret = \"{SECRET}\"");
    for right in ["https://pay.example/hook", "http://127.0.0.1:8090"] {
        hook(right, &secret).unwrap();
        hook(right, "payment_secret_file = \"/run/secrets/pay\"").unwrap();
    }
    for wrong in ["pay.example", "ftp://pay.example", "https://", "https://me:pw@pay.example", "https://x/#y"]
    {
        let refused = hook(wrong, &secret).unwrap_err();
        assert!(refused.contains("`checkout.payment_url`") && !refused.contains("pw"), "{refused}");
    }
    let missing = hook("https://pay.example", "").unwrap_err();
    assert!(missing.contains("`checkout.payment_secret`"), "{missing}");
    let both = format!("{secret}\npayment_secret_file = \"x\"");
    assert!(hook("https://pay.example", &both).unwrap_err().contains("`checkout.payment_secret_file`"));
}

#[test]
fn a_claim_lasts_longer_than_hooks_may_take() {
    let slow = "[checkout]\nhook_timeout_ms = 10000\nhook_attempts = 3\n";
    assert!(parse(slow).unwrap_err().contains("`checkout.claim_seconds`"));
    let config = parse(&format!("{slow}claim_seconds = 90")).unwrap();
    assert_eq!(config.settings().unwrap().checkout.protocol.claim_ms, 90_000);
    let (defaults, settings) = (service::Settings::new(Currency::parse("GBP").unwrap()), Config::default());
    assert_eq!(settings.settings().unwrap().checkout.protocol, defaults.checkout.protocol);
    assert_eq!(settings.settings().unwrap().sweep_every_ms, defaults.sweep_every_ms);
}

#[test]
fn a_secret_is_used_and_never_shown() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("[checkout]\nprice_secret = \"{SECRET}\"")).unwrap();
    let (config, settings) = Config::load_shown(Some(file.path())).unwrap();
    assert!(config.checkout.price().keys().is_ok());
    let shown = shown::to_toml(&settings);
    assert!(shown.contains("# price_secret = \"hidden\"  # "), "{shown}");
    assert!(shown.contains("\npayment_secret = \"\"  # default"), "{shown}");
    for text in [shown, format!("{config:?}"), serde_json::to_string(&config).unwrap()] {
        assert!(!text.contains(&SECRET[6..]), "{text}");
    }
    let wrong = parse("[checkout]\nprice_secret = \"hunter2\"").unwrap_err();
    assert!(wrong.contains("`checkout.price_secret`") && !wrong.contains("hunter2"), "{wrong}");
}

#[test]
fn a_file_of_authorities_is_looked_at_before_the_start() {
    let made = rcgen::generate_simple_self_signed(vec!["pay.example".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let right = write("right.pem", &made.cert.pem().repeat(2));
    let damaged = made.cert.pem().replacen("MII", "MIJ", 1); // its length is wrong
    let wrong = [
        write("empty.pem", ""),
        write("key.pem", &made.signing_key.serialize_pem()),
        write("damaged.pem", &(made.cert.pem() + &damaged)),
    ];
    let missing = folder.path().join("missing.pem").display().to_string();
    const POSTGRES: &str = "engine = \"postgres\"\npostgres.url = \"postgres://me@db.example/shop\"\n";
    for (key, more) in [
        ("checkout.hook_ca_file", String::new()),
        ("postgres.ca_file", format!("{POSTGRES}postgres.tls = true")),
        ("cassandra.ca_file", "engine = \"cassandra\"\ncassandra.tls = true".to_owned()),
        (
            "cache.redis_ca_file",
            format!(
                "{POSTGRES}cache.policy = \"write-around\"\ncache.redis_url = \"rediss://cache.example\""
            ),
        ),
    ] {
        let check = |path: &str| parse(&format!("{more}\n{key} = \"{path}\""));
        check(&right).unwrap();
        check("").unwrap();
        for path in &wrong {
            let refused = check(path).unwrap_err();
            assert!(refused.contains(&format!("`{key}`, `{path}`")) && refused.contains("PEM"), "{refused}");
        }
        let refused = check(&missing).unwrap_err();
        assert!(refused.contains(&format!("`{key}`, `{missing}`, cannot be read")), "{refused}");
    }
}

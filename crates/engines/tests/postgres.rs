//! PostgreSQL as its clients find it: what it keeps, who gets in, and what a replica shows.

use engines::postgres::{Options, Postgres};
use engines::{Faults, or_skip};

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let Some(postgres) = or_skip(Postgres::start()) else { return };
    postgres.query("CREATE TABLE t (n int); INSERT INTO t VALUES (7)").unwrap();
    postgres.kill().unwrap();
    assert!(postgres.query("SELECT 1").is_err());
    postgres.restart().unwrap();
    assert_eq!(postgres.query("SELECT n FROM t").unwrap(), "7");
    assert!(postgres.log().contains("automatic recovery"), "{}", postgres.log());
}

#[test]
fn nobody_gets_in_without_the_password_or_without_tls() {
    let options = Options { password: Some("Swordfish".to_owned()), tls: true };
    let Some(postgres) = or_skip(Postgres::start_with(&options)) else { return };
    assert_eq!(postgres.query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").unwrap(), "t");
    let certificate = std::fs::read_to_string(postgres.certificate().unwrap()).unwrap();
    assert!(certificate.starts_with("-----BEGIN CERTIFICATE-----"));

    let refused = |url: String| postgres.query_at(&url, "SELECT 1").unwrap_err().to_string();
    let wrong = refused(postgres.url().replace("Swordfish", "Guess"));
    assert!(wrong.contains("password authentication failed"), "{wrong}");
    let plain = refused(postgres.url().replace("sslmode=require", "sslmode=disable"));
    assert!(plain.contains("no encryption"), "{plain}");
    let known = format!("{}&sslrootcert=", postgres.url().replace("=require", "=verify-full"));
    let known = known + &postgres.certificate().unwrap().display().to_string();
    assert_eq!(postgres.query_at(&known, "SELECT 1").unwrap(), "1");
}

#[test]
fn a_replica_shows_the_past_while_its_replay_is_paused() {
    let options = Options { password: Some("Swordfish".to_owned()), tls: true };
    let Some(postgres) = or_skip(Postgres::start_with(&options)) else { return };
    postgres.query("CREATE TABLE t (n int); INSERT INTO t VALUES (1)").unwrap();
    let replica = postgres.replica().unwrap();
    assert_eq!(replica.query("SELECT n FROM t").unwrap(), "1");
    assert!(replica.query("UPDATE t SET n = 9").unwrap_err().to_string().contains("read-only"));

    replica.pause_replay().unwrap();
    postgres.query("UPDATE t SET n = 2").unwrap();
    assert_eq!(replica.query("SELECT n FROM t").unwrap(), "1");
    replica.resume_replay().unwrap();
    replica.catch_up(&postgres).unwrap();
    assert_eq!(replica.query("SELECT n FROM t").unwrap(), "2");

    postgres.kill().unwrap();
    replica.restart().unwrap();
    assert_eq!(replica.query("SELECT n FROM t").unwrap(), "2");
    postgres.restart().unwrap();
    postgres.query("UPDATE t SET n = 3").unwrap();
    replica.catch_up(&postgres).unwrap();
    assert_eq!(replica.query("SELECT n FROM t").unwrap(), "3");
}

#[test]
fn none_of_its_processes_answers_while_it_is_paused() {
    let Some(postgres) = or_skip(Postgres::start()) else { return };
    let asking = std::thread::scope(|scope| {
        postgres.pause().unwrap();
        let asking = scope.spawn(|| postgres.query("SELECT 1"));
        assert!(!postgres.answers(), "a process of it went on");
        postgres.resume().unwrap();
        asking.join().unwrap()
    });
    assert_eq!(asking.unwrap(), "1");
}

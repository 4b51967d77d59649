//! The other servers as their clients find them, and what all have in common: they end with whoever started them.

#![expect(clippy::unwrap_used, reason = "a test, also outside of `#[test]` functions")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, process, thread};

use engines::cassandra::{self, Cassandra};
use engines::dynamodb::{self, DynamoDb};
use engines::postgres::Postgres;
use engines::redis::{self, Redis};
use engines::{Faults, or_skip, shared, wait_until};

/// What a server sends back before it ends the connection, or falls silent.
fn asked(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(1_500))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // Redis keeps the connection, so silence is the end of its answer.
    drop(stream.read_to_end(&mut answer));
    String::from_utf8(answer).unwrap()
}

#[test]
fn redis_keeps_what_it_acknowledged_through_a_kill_where_it_is_durable() {
    let durable = redis::Options { durable: true, ..redis::Options::default() };
    let Some(redis) = or_skip(Redis::start_with(durable)) else { return };
    assert_eq!(asked(redis.address(), "SET a 7\r\nQUIT\r\n"), "+OK\r\n+OK\r\n");
    redis.kill().unwrap();
    assert!(TcpStream::connect(redis.address()).is_err());
    redis.restart().unwrap();
    assert_eq!(asked(redis.address(), "GET a\r\nQUIT\r\n"), "$1\r\n7\r\n+OK\r\n");
}

#[test]
fn redis_asks_for_its_password_and_is_ready_without_it() {
    let options = redis::Options { password: true, ..redis::Options::default() };
    let Some(redis) = or_skip(Redis::start_with(options)) else { return };
    assert!(asked(redis.address(), "SET a 7\r\nQUIT\r\n").starts_with("-NOAUTH"));
    let login = format!("AUTH {}\r\nSET a 7\r\nQUIT\r\n", redis::PASSWORD);
    assert_eq!(asked(redis.address(), &login), "+OK\r\n+OK\r\n+OK\r\n");
    assert!(redis.secure_url().is_none() && redis.certificate().is_none());
}

#[test]
fn a_server_that_is_paused_says_nothing_until_it_goes_on() {
    let Some(redis) = or_skip(Redis::start()) else { return };
    redis.pause().unwrap();
    assert_eq!(asked(redis.address(), "PING\r\n"), "");
    redis.resume().unwrap();
    assert_eq!(asked(redis.address(), "PING\r\nQUIT\r\n"), "+PONG\r\n+OK\r\n");
}

/// A call of DynamoDB's API.
fn called(dynamodb: &DynamoDb, operation: &str, body: &str) -> String {
    let credential = "AWS4-HMAC-SHA256 Credential=any/20200101/us-east-1/dynamodb/aws4_request";
    let request = format!(
        "POST / HTTP/1.1\r\nhost: any\r\nconnection: close\r\ncontent-length: {}\r\n\
         content-type: application/x-amz-json-1.0\r\nx-amz-target: DynamoDB_20120810.{operation}\r\n\
         authorization: {credential}, SignedHeaders=host, Signature=none\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(dynamodb.address()).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{operation}: {answer}");
    answer
}

#[test]
fn dynamodb_keeps_what_it_acknowledged_through_a_kill_where_it_is_on_disk() {
    let Some(dynamodb) = or_skip(DynamoDb::start_with(dynamodb::Options { on_disk: true })) else { return };
    let table = r#"{"TableName": "carts", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]}"#;
    called(&dynamodb, "CreateTable", table);
    called(&dynamodb, "PutItem", r#"{"TableName": "carts", "Item": {"id": {"S": "one"}}}"#);
    dynamodb.kill().unwrap();
    dynamodb.restart().unwrap();
    let found = called(&dynamodb, "GetItem", r#"{"TableName": "carts", "Key": {"id": {"S": "one"}}}"#);
    assert!(found.contains(r#"{"Item":{"id":{"S":"one"}}}"#), "{found}");
}

/// One frame of Cassandra's protocol, and the kind and the body of the answer.
fn framed(stream: &mut TcpStream, opcode: u8, body: &[u8]) -> (u8, Vec<u8>) {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    stream.write_all(&[&[4, 0, 0, 1, opcode], &length[..], body].concat()).unwrap();
    let mut head = [0; 9];
    stream.read_exact(&mut head).unwrap();
    let length = u32::from_be_bytes(head[5..].try_into().unwrap());
    let mut body = vec![0; usize::try_from(length).unwrap()];
    stream.read_exact(&mut body).unwrap();
    (head[4], body)
}

/// The bytes of the result of a statement, for somebody who says this password where the node asks for one; what the node
/// says where it refuses.
fn executed(cassandra: &Cassandra, password: &str, statement: &str) -> Result<Vec<u8>, String> {
    const ERROR: u8 = 0x00;
    const AUTHENTICATE: u8 = 0x03;
    const RESULT: u8 = 0x08;
    let mut stream = TcpStream::connect(cassandra.address()).unwrap();
    let text = |text: &str| [&u32::try_from(text.len()).unwrap().to_be_bytes(), text.as_bytes()].concat();
    let refused = |body: Vec<u8>| String::from_utf8_lossy(&body).into_owned();
    let (greeting, _) = framed(&mut stream, 0x01, b"\x00\x01\x00\x0bCQL_VERSION\x00\x053.0.0");
    let login = text(&format!("\0{}\0{password}", cassandra::CREDENTIALS.0));
    if greeting == AUTHENTICATE
        && let (ERROR, body) = framed(&mut stream, 0x0f, &login)
    {
        return Err(refused(body));
    }
    // At consistency ONE, without flags.
    match framed(&mut stream, 0x07, &[&text(statement)[..], &[0, 1, 0]].concat()) {
        (RESULT, body) => Ok(body),
        (_, body) => Err(refused(body)),
    }
}

#[test]
fn cassandra_asks_for_its_password_and_keeps_its_rows_through_a_kill() {
    let options = cassandra::Options { datacenter: "eu_west".to_owned(), password: true, tls: false };
    let Some(cassandra) = or_skip(Cassandra::start_with(&options)) else { return };
    let keyspace = "CREATE KEYSPACE k WITH replication = \
                    {'class': 'NetworkTopologyStrategy', 'eu_west': 1}";
    let refused = executed(&cassandra, "guess", keyspace).unwrap_err();
    assert!(refused.contains("incorrect"), "{refused}");
    let (_, password) = cassandra::CREDENTIALS;
    executed(&cassandra, password, keyspace).unwrap();
    executed(&cassandra, password, "CREATE TABLE k.t (id int PRIMARY KEY, name text)").unwrap();
    executed(&cassandra, password, "INSERT INTO k.t (id, name) VALUES (1, 'the first')").unwrap();
    cassandra.kill().unwrap();
    cassandra.restart().unwrap();
    let found = executed(&cassandra, password, "SELECT name FROM k.t WHERE id = 1").unwrap();
    assert!(found.ends_with(b"the first"), "{found:?}");
}

#[test]
fn nodes_of_two_data_centres_are_one_cluster_and_again_when_one_was_killed() {
    let Some(cluster) = or_skip(cassandra::Cluster::start(&[("eu", 1), ("us", 1)])) else { return };
    let (eu, us) = (cluster.nodes("eu")[0], cluster.nodes("us")[0]);
    let keyspace = "CREATE KEYSPACE k WITH replication = \
                    {'class': 'NetworkTopologyStrategy', 'eu': 1, 'us': 1}";
    executed(eu, "", keyspace).unwrap();
    executed(eu, "", "CREATE TABLE k.t (id int PRIMARY KEY, name text)").unwrap();
    let arrives = |id: u32, name: &str| {
        executed(eu, "", &format!("INSERT INTO k.t (id, name) VALUES ({id}, '{name}')")).unwrap();
        let select = format!("SELECT name FROM k.t WHERE id = {id}");
        let is_there = || executed(us, "", &select).is_ok_and(|found| found.ends_with(name.as_bytes()));
        assert!(wait_until(Duration::from_secs(30), is_there), "`{name}` does not arrive");
    };
    arrives(1, "the first");
    us.kill().unwrap();
    cluster.mend().unwrap();
    arrives(2, "the second");
}

#[test]
fn a_shared_server_is_one_for_all_threads_and_outlives_the_first_that_asked() {
    let ask = || thread::spawn(shared::redis).join().unwrap();
    let (Some(first), Some(second)) = (or_skip(ask()), or_skip(ask())) else { return };
    assert_eq!(first, second);
    let address = first.trim_start_matches("redis://").parse().unwrap();
    assert_eq!(asked(address, "PING\r\nQUIT\r\n"), "+PONG\r\n+OK\r\n");
}

const CRASHING: &str = "EVERCART_TEST_CRASHES";

/// A process that crashes while its servers run; nothing when it is run as one test among others.
#[test]
fn a_process_with_servers_crashes() {
    if env::var_os(CRASHING).is_none() {
        return;
    }
    // PostgreSQL changes its account on the way where root starts it, which could undo what ties it to this process.
    let (redis, postgres) = (Redis::start().unwrap(), Postgres::start().unwrap());
    println!("\nstarted {} {}", redis.address(), postgres.address());
    process::abort();
}

#[test]
fn a_server_ends_with_the_process_that_started_it() {
    let (Some(_), Some(_)) = (or_skip(Redis::start()), or_skip(Postgres::start())) else { return };
    let mut crashing = Command::new(env::current_exe().unwrap())
        .args(["--exact", "a_process_with_servers_crashes", "--nocapture"])
        .env(CRASHING, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(crashing.stdout.take().unwrap()).lines().map_while(std::io::Result::ok);
    let started = lines.filter_map(|line| line.strip_prefix("started ").map(str::to_owned)).next().unwrap();
    assert!(!crashing.wait().unwrap().success());
    for address in started.split(' ').map(|address| address.parse::<SocketAddr>().unwrap()) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(address).is_ok() {
            assert!(Instant::now() < deadline, "{address} still answers");
            thread::yield_now();
        }
    }
}

//! Keys of the engines that are servers of their own.

use super::{CA_FILE_BOUND, Declared, GIB, SWITCH, range, words};

pub(super) const KEYS: &[Declared] = &[
    words("cache.policy", "What a write does to copies of carts, once the engine has it.", POLICY),
    range("cache.local_bytes", "Bytes of memory for copies in this process; 0 keeps none.", 0, 256 * GIB),
    words("cache.redis_url", "A Redis of version 6 or newer for copies that nodes share.", REDIS_URL),
    words("cache.redis_ca_file", CA_FILE, CA_FILE_BOUND),
    words("cache.key_prefix", "What all keys in Redis begin with; one for each deployment.", "a text"),
    words("cache.coherence", COHERENCE, "`aged`, `published` or `published-else-aged`"),
    range("cache.max_age_seconds", "Seconds that a copy is served at most.", 1, 86_400),
    range("cache.local_max_age_seconds", "Seconds that a copy in this process is served at most.", 1, 86_400),
    range("cache.replica_lag_ms", REPLICA_LAG, 0, 600_000),
    range("cache.redis_timeout_ms", "Milliseconds that an operation waits for Redis.", 1, 10_000),
    words("postgres.url", "The server that takes writes, with its credentials.", POSTGRES_URL),
    words("postgres.replicas", REPLICAS, "a list of addresses as in `postgres.url`"),
    words("postgres.shards", SHARDS, "a list of lists of addresses as in `postgres.url`"),
    words(
        "postgres.schema",
        "The schema that holds the tables.",
        "lower case letters, digits and `_`, 63 at most",
    ),
    Declared { key: "postgres.tls", meaning: TLS, bound: SWITCH },
    words("postgres.ca_file", CA_FILE, CA_FILE_BOUND),
    range("postgres.connections_max", "Connections to each server.", 1, 1_000),
    range("postgres.pool_wait_ms", "Milliseconds to be given a connection when all are in use.", 1, 60_000),
    range("postgres.connect_ms", "Milliseconds to connect and log in.", 1, 60_000),
    range("postgres.statement_ms", "Milliseconds of a statement.", 1, 60_000),
    range(
        "postgres.replica_ms",
        "Milliseconds of a read at a replica; then the primary is asked.",
        1,
        60_000,
    ),
    range("postgres.replica_lag_seconds", "A replica that is further behind is not read.", 1, 3_600),
    Declared { key: "postgres.accept_loss", meaning: ACCEPT_LOSS, bound: SWITCH },
    words("dynamodb.region", "The AWS region whose tables are used.", "a region such as `eu-west-1`"),
    words("dynamodb.endpoint_url", ENDPOINT, "a URL, or empty"),
    words("dynamodb.records_region", RECORDS_REGION, "a region, or empty: where carts are"),
    words("dynamodb.records_endpoint_url", "Another address than that region's own.", "a URL, or empty"),
    words(
        "dynamodb.table_prefix",
        "What the names of the tables begin with.",
        "letters, digits, `_`, `-` and `.`, 200 at most",
    ),
    words(
        "dynamodb.access_key_id",
        "The public half of a key.",
        "a key, or empty: the usual chain of credentials",
    ),
    words("dynamodb.secret_access_key", "The secret half of that key.", SECRET),
    words("dynamodb.session_token", "The token of a temporary key.", SECRET),
    words("dynamodb.ca_file", DYNAMODB_CA_FILE, CA_FILE_BOUND),
    range("dynamodb.connect_ms", "Milliseconds to connect.", 1, 60_000),
    range("dynamodb.attempt_ms", "Milliseconds of one attempt of a request.", 1, 60_000),
    range("dynamodb.operation_ms", "Milliseconds of a request with all its attempts.", 1, 60_000),
    range("dynamodb.attempts_max", "Attempts of a request.", 1, 10),
    Declared { key: "dynamodb.deletion_protection", meaning: PROTECTION, bound: SWITCH },
    words("cassandra.contact_points", "Some nodes, those of this region first.", "a list of `host:port`"),
    words("cassandra.local_datacenter", "The data centre of this region, as the cluster calls it.", "a name"),
    words("cassandra.keyspace", "The keyspace.", "a lower case letter and up to 47 letters, digits or `_`"),
    words("cassandra.replication", REPLICATION, "a list such as `dc1=3`; empty: three in the local one"),
    words("cassandra.user", "Who asks.", "a role, or empty: anybody is let in"),
    words("cassandra.password", "The password of that role.", SECRET),
    Declared { key: "cassandra.tls", meaning: TLS, bound: SWITCH },
    words("cassandra.ca_file", CA_FILE, CA_FILE_BOUND),
    words("cassandra.eventual_reads", EVENTUAL, "`local_quorum` or `local_one`"),
    words("cassandra.records_datacenter", RECORDS_DC, "a name, `everywhere`, or empty: the local one"),
    range("cassandra.connect_ms", "Milliseconds to connect.", 1, 60_000),
    range("cassandra.request_ms", "Milliseconds of a read or a blind insert.", 1, 60_000),
    range("cassandra.conditional_ms", "Milliseconds of a conditional write.", 1, 60_000),
];

const POLICY: &str = "`none`, `write-through` (the copy is changed) or `write-around` (the copy is dropped)";
const REDIS_URL: &str = "`redis://user:password@host:port/database`, `rediss://` for TLS, `file:` and a path, or empty; never shown";
const COHERENCE: &str = "How copies in this process learn of what other nodes write: not at all, so that age bounds them; \
    by Redis, and not served without it; or by Redis, and bounded by age without it. Without a Redis: `aged`.";
const REPLICA_LAG: &str = "Milliseconds that ordinary reads of the engine may be behind its writes: some seconds with read \
    replicas or DynamoDB. For so long after a write a cart is not copied.";
const POSTGRES_URL: &str = "`postgres://user:password@host:5432/database`, or `file:` and the path of a file that says it; never shown";
const SECRET: &str = "a secret, or `file:` and the path of a file that holds it; never shown";
const REPLICAS: &str = "Streaming replicas of it, for reads that may be a little old.";
const SHARDS: &str =
    "Further clusters, always in the same order: of each the server that takes writes, then its replicas.";
const TLS: &str = "Connect under TLS, and only to servers whose certificate is valid for their address.";
const DYNAMODB_CA_FILE: &str = "Certificates that are trusted in place of the system's, or besides them where credentials \
    come from the usual chain.";
const CA_FILE: &str = "Certificates that are trusted in place of the system's.";
const ACCEPT_LOSS: &str = "Use a server that may forget what it acknowledged, because `fsync`, `full_page_writes` or \
    `synchronous_commit` is off; for tests and trials.";
const ENDPOINT: &str = "Another address than the region's own: DynamoDB Local, a VPC endpoint, Alternator.";
const RECORDS_REGION: &str = "The home of the table of records, the same for all regions; needed with global tables that \
    are not strongly consistent.";
const PROTECTION: &str =
    "Tables that `evercart engine init` makes refuse to be deleted until that is switched off.";
const REPLICATION: &str = "Copies in each data centre, for a keyspace that `evercart engine init` makes.";
const EVENTUAL: &str = "How new ordinary reads are: as new as what was acknowledged in this data centre, or one replica's answer.";
const RECORDS_DC: &str = "Where ledgers and stock are decided: in one data centre, the same for all regions, or by a \
    majority of all.";

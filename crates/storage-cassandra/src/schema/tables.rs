//! The tables, each with the reason for its key and for how long its tombstones stay.

/// How the server puts its files together.
#[derive(Clone, Copy, Debug)]
pub(super) enum Compaction {
    /// Cassandra 5: levels, put together in parallel.
    Unified,
    /// What came before it.
    Leveled,
}

/// Ten days: longer than a node may be away before it is repaired. Also how long the state of Paxos is kept.
const TEN_DAYS: u32 = 864_000;
/// As long as hints are kept. For lists in which an entry that comes back is looked at, found stale and removed again.
const THREE_HOURS: u32 = 10_800;

pub(super) struct Table {
    pub(super) name: &'static str,
    columns: &'static str,
    order: Option<&'static str>,
    tombstones_seconds: u32,
}

impl Table {
    pub(super) fn statement(&self, keyspace: &str, compaction: Compaction) -> String {
        let Self { name, columns, tombstones_seconds, .. } = self;
        let order = self.order.map(|order| format!("CLUSTERING ORDER BY ({order}) AND ")).unwrap_or_default();
        let compaction = match compaction {
            Compaction::Unified => "{'class': 'UnifiedCompactionStrategy', 'scaling_parameters': 'L4'}",
            Compaction::Leveled => "{'class': 'LeveledCompactionStrategy'}",
        };
        format!(
            "CREATE TABLE IF NOT EXISTS {keyspace}.{name} ({columns}) \
             WITH {order}compaction = {compaction} AND gc_grace_seconds = {tombstones_seconds}"
        )
    }
}

pub(super) const TABLES: [Table; 10] = [
    // One partition for a cart and an owner: its row first (in the greatest bucket), then its deltas, the newest first.
    Table {
        name: "carts",
        columns: "cart blob, owner text, bucket bigint, writer bigint, seq bigint, value_hash bigint, \
                  version bigint, folded_through bigint, bytes blob, \
                  PRIMARY KEY ((cart, owner), bucket, writer, seq, value_hash)",
        order: Some("bucket DESC, writer ASC, seq ASC, value_hash ASC"),
        tombstones_seconds: TEN_DAYS,
    },
    Table {
        name: "owners",
        columns: "list int, owner text, PRIMARY KEY ((list), owner)",
        order: None,
        tombstones_seconds: TEN_DAYS,
    },
    // Carts with a row of an owner, by the first byte of the id.
    Table {
        name: "directory",
        columns: "owner text, shard int, cart blob, PRIMARY KEY ((owner, shard), cart)",
        order: None,
        tombstones_seconds: TEN_DAYS,
    },
    // Carts with deltas that an owner has perhaps not folded, stamped with the bucket up to which that is said.
    Table {
        name: "unfolded",
        columns: "owner text, shard int, cart blob, until_bucket bigint, PRIMARY KEY ((owner, shard), cart)",
        order: None,
        tombstones_seconds: THREE_HOURS,
    },
    Table {
        name: "records",
        columns: "kind text, key blob, version bigint, bytes blob, due bigint, PRIMARY KEY ((kind, key))",
        order: None,
        tombstones_seconds: TEN_DAYS,
    },
    // By the minute of the due moment, so that what is past is left behind and not walked over again.
    Table {
        name: "due",
        columns: "kind text, minute bigint, due bigint, key blob, stamp bigint, \
                  PRIMARY KEY ((kind, minute), due, key)",
        order: None,
        tombstones_seconds: THREE_HOURS,
    },
    // The minutes in which something may be due.
    Table {
        name: "due_minutes",
        columns: "kind text, minute bigint, stamp bigint, PRIMARY KEY ((kind), minute)",
        order: None,
        tombstones_seconds: THREE_HOURS,
    },
    // The revision and the item in one cell: the greater revision wins as a whole.
    Table {
        name: "items",
        columns: "sku text, item blob, PRIMARY KEY (sku)",
        order: None,
        tombstones_seconds: TEN_DAYS,
    },
    Table {
        name: "items_by_revision",
        columns: "shard int, revision blob, sku text, PRIMARY KEY ((shard), revision, sku)",
        order: None,
        tombstones_seconds: THREE_HOURS,
    },
    Table {
        name: "meta",
        columns: "name text, value text, PRIMARY KEY (name)",
        order: None,
        tombstones_seconds: TEN_DAYS,
    },
];

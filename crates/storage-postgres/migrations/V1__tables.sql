-- Rows of carts, records, items, and which slots are served here.
-- Bytes are in the stored format of the core; nothing here reads them. Unsigned numbers of 64 bits whose order does not
-- matter are kept as the signed number of the same bits.

-- Which shard of which cluster this is: one row.
CREATE TABLE shard (
    one_row  boolean  PRIMARY KEY DEFAULT true CHECK (one_row),
    cluster  uuid     NOT NULL,
    number   smallint NOT NULL CHECK (number >= 0),
    founders smallint NOT NULL CHECK (founders > 0)
);
COMMENT ON COLUMN shard.founders IS 'among how many shards the slots were spread in the beginning';

-- Every slot, and whether it is served here. A statement touches rows of a slot only where it is here.
CREATE TABLE slots (
    slot  smallint PRIMARY KEY CHECK (slot BETWEEN 0 AND 1023),
    state text     NOT NULL CHECK (state IN ('here', 'away', 'leaving', 'arriving'))
);

CREATE TABLE owners (
    owner text COLLATE "C" PRIMARY KEY
);

-- One row for each owner of a cart, replaced on condition of its version. Room on each page keeps updates beside it.
CREATE TABLE snapshots (
    cart           uuid     NOT NULL,
    owner          text     COLLATE "C" NOT NULL,
    slot           smallint NOT NULL,
    version        bigint   NOT NULL,
    folded_through bigint   NOT NULL,
    bytes          bytea    NOT NULL,
    PRIMARY KEY (cart, owner)
) WITH (fillfactor = 75, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX snapshots_by_slot ON snapshots (slot);

-- Immutable: what waits to be folded into the owner's row.
CREATE TABLE deltas (
    cart       uuid     NOT NULL,
    owner      text     COLLATE "C" NOT NULL,
    bucket     bigint   NOT NULL,
    writer     bigint   NOT NULL,
    seq        bigint   NOT NULL,
    value_hash bigint   NOT NULL,
    slot       smallint NOT NULL,
    bytes      bytea    NOT NULL,
    PRIMARY KEY (cart, owner, bucket, writer, seq, value_hash)
);
CREATE INDEX deltas_by_slot ON deltas (slot);

-- Ledgers, stock, orders and the other records that are changed by a conditional write of one key.
CREATE TABLE records (
    kind    text     COLLATE "C" NOT NULL,
    key     bytea    NOT NULL,
    slot    smallint NOT NULL,
    version bigint   NOT NULL,
    due     bigint,
    bytes   bytea    NOT NULL,
    PRIMARY KEY (kind, key)
) WITH (fillfactor = 75, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX records_by_slot ON records (slot);
CREATE INDEX records_due ON records (kind, due, key) WHERE due IS NOT NULL;
COMMENT ON COLUMN records.due IS 'milliseconds since 1970 at which the sweeper looks at it';

-- The shop's items, on the first shard alone.
CREATE TABLE items (
    sku      text   COLLATE "C" PRIMARY KEY,
    revision bigint NOT NULL,
    bytes    bytea  NOT NULL
);
CREATE INDEX items_by_revision ON items (revision, sku);
COMMENT ON COLUMN items.revision IS 'the revision less 2^63, so that 64 unsigned bits keep their order';

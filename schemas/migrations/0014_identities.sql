-- Rows of order_attributed that take back another, and shares of money that was converted.
ALTER TABLE events_v1
    ADD COLUMN IF NOT EXISTS reverses String CODEC(ZSTD(1)) COMMENT 'event_id of the row of the same group that is taken back',
    ADD COLUMN IF NOT EXISTS paid_amount Int64 CODEC(ZSTD(1)) COMMENT 'the share as paid in paid_currency, 0 if not converted',
    ADD COLUMN IF NOT EXISTS paid_currency LowCardinality(String) COMMENT 'empty: not converted';

-- A refund that is told as a total says what was given back so far: of several of one order the largest counts.
ALTER TABLE purchases_v1
    ADD COLUMN IF NOT EXISTS is_total Bool DEFAULT false;

-- Which customer a member was said to be, is no more, or cannot be. All three ids are pseudonyms.
CREATE TABLE IF NOT EXISTS identity_links_v1
(
    brand_id LowCardinality(String),
    member_id String CODEC(ZSTD(1)),
    known_by LowCardinality(String) COMMENT 'what customer_id is a pseudonym of: customer, phone or mail',
    customer_id String CODEC(ZSTD(1)),
    platform LowCardinality(String) COMMENT 'of the member',
    outcome LowCardinality(String) COMMENT 'linked, unlinked, or refused: the member is held_by another customer',
    held_by String CODEC(ZSTD(1)),
    event_id String CODEC(ZSTD(1)),
    occurred_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    source LowCardinality(String),
    source_seq Int64 CODEC(Delta, ZSTD(1)),
    ingested_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(ingested_at)
ORDER BY (brand_id, member_id, known_by, occurred_at, customer_id, outcome);

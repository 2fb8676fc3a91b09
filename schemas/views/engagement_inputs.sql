-- What the engagement score is made of: one row per group and input, with the input's weight and, where it has a
-- value, the share of its peers that the group beats. A peer is another group of the size band, not ended, that has
-- the input too. `scale` is the fixed table for a band with fewer than 20 peers: the values that score 0, 25, 50, 75
-- and 100, straight lines between them. Of speakers a week, below 10 % of the members is a dead board and 15 % is
-- healthy; the other scales are first settings of the same form, not fitted to anything yet.
WITH
    inputs AS
    (
        SELECT
            latest.group_id AS group_id,
            groups.size_band AS size_band,
            arrayJoin([
                ('speakers_7d', 0.25, speakers_7d / nullIf(latest.members, 0), [0, 0.05, 0.1, 0.15, 0.3]),
                ('active_days', 0.2, toNullable(active_days_28d), [0, 5, 12, 20, 28]),
                ('speakers_28d', 0.1, speakers_28d / nullIf(latest.members, 0), [0, 0.1, 0.2, 0.3, 0.6]),
                ('breadth', 0.1, breadth_28d, [0, 0.25, 0.5, 0.75, 1]),
                ('messages', 0.1, capped_messages_28d / nullIf(latest.members, 0), [0, 0.5, 2, 5, 20]),
                ('answered', 0.1, answered_share_28d, [0, 0.25, 0.5, 0.75, 1]),
                ('buyers', 0.1, buyers_28d / nullIf(latest.members, 0), [0, 0.01, 0.03, 0.06, 0.15]),
                ('newcomers', 0.05, newcomer_spoke_share, [0, 0.1, 0.25, 0.4, 0.7])
            ]::Array(Tuple(String, Float64, Nullable(Float64), Array(Float64)))) AS one
        FROM latest_vitals AS latest
        INNER JOIN groups ON groups.group_id = latest.group_id
        WHERE latest.verdict != 'ended'
    ),
    ranked AS
    (
        SELECT
            group_id,
            one.1 AS input,
            one.2 AS weight,
            one.3 AS value,
            one.4 AS scale,
            count(value) OVER (PARTITION BY size_band, input) - 1 AS peers,
            rank() OVER (PARTITION BY size_band, input ORDER BY value ASC NULLS LAST) - 1 AS beaten
        FROM inputs
    )
SELECT
    group_id,
    input,
    weight,
    value,
    peers,
    multiIf(
        value IS NULL, NULL,
        peers >= 20, beaten / peers,
        arraySum(arrayMap((low, high) -> 0.25 * least(1, greatest(0, (assumeNotNull(value) - low) / (high - low))),
            arrayPopBack(scale), arrayPopFront(scale)))) AS share
FROM ranked

-- The parts that told of themselves within two weeks, a row for each: when it did last, since when it runs, how often it was
-- started, its version, its memory then, and for which servers it waited.
SELECT
    part,
    argMax(agent, at) AS agent,
    max(at) AS heard_at,
    max(started_at) AS runs_since,
    uniqExact(started_at) AS starts,
    argMaxIf(JSONExtractString(labels, 'version'), at, name = 'vitals_build_info') AS version,
    argMaxIf(value, at, name = 'process_resident_memory_bytes') AS memory_bytes,
    arraySort(groupUniqArrayIf(
        JSONExtractString(labels, 'server'), name = 'vitals_waiting' AND value = 1 AND is_latest)) AS waits_for
FROM
(
    SELECT *, at = max(at) OVER (PARTITION BY part) AS is_latest
    FROM part_metrics_v1
    WHERE name IN ('vitals_build_info', 'process_resident_memory_bytes', 'vitals_waiting') AND agent != 'import'
)
GROUP BY part

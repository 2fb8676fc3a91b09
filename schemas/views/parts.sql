-- The parts that told of themselves within two weeks, a row for each: when it did last, since when it runs, how often it was
-- started, its version, its memory then, and for which servers it waited.
SELECT
    part,
    argMax(whom, told_at) AS agent,
    max(told_at) AS heard_at,
    max(begun_at) AS runs_since,
    uniqExactMerge(begins) AS starts,
    argMaxIf(JSONExtractString(labels, 'version'), told_at, name = 'vitals_build_info') AS version,
    argMaxIf(latest, told_at, name = 'process_resident_memory_bytes') AS memory_bytes,
    arraySort(groupArrayIf(JSONExtractString(labels, 'server'), name = 'vitals_waiting' AND latest = 1)) AS waits_for
FROM
(
    SELECT
        part, name, labels, any(agent) AS whom, argMax(value, at) AS latest, max(at) AS told_at,
        max(started_at) AS begun_at, uniqExactState(started_at) AS begins
    FROM part_metrics_v1
    WHERE name IN ('vitals_build_info', 'process_resident_memory_bytes', 'vitals_waiting') AND agent != 'import'
    GROUP BY part, name, labels
)
GROUP BY part

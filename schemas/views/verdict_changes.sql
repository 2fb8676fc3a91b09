-- Every change of a verdict at the close of a UTC day, with what it was before; a group's first verdict is none.
SELECT
    groups.group_id AS group_id,
    groups.brand_id AS brand_id,
    groups.platform AS platform,
    groups.name AS name,
    groups.owner AS owner,
    changes.at AS at,
    changes.was AS was,
    changes.verdict AS verdict,
    changes.risk AS risk,
    changes.reasons AS reasons,
    changes.reasons_zh AS reasons_zh
FROM
(
    SELECT group_id, at, verdict, risk, reasons, reasons_zh, lagInFrame(verdict) OVER history AS was
    FROM group_vitals_v1 FINAL
    WHERE is_day_close
    WINDOW history AS (PARTITION BY group_id ORDER BY at ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
) AS changes
INNER JOIN groups ON groups.group_id = changes.group_id
WHERE changes.was != '' AND changes.was != changes.verdict

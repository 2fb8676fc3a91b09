-- Each group's latest row of vital signs; a group that has none is not here.
SELECT *
FROM group_vitals_v1 FINAL
WHERE (group_id, at) IN (SELECT group_id, max(at) FROM group_vitals_v1 GROUP BY group_id)

SELECT episode_id, name, owner, alert, state, severity, opened_at, recovered_at, acknowledged_by, verdict
FROM alerts ORDER BY episode_id

SELECT episode_id, alert, state, severity, toString(opened_at) AS opened, is_open, verdict FROM alerts ORDER BY episode_id

SELECT episode_id, state, is_open, is_told, is_history, verdict, cause_id, acknowledged_by, group_ids, known_groups
FROM alerts ORDER BY episode_id

SELECT name, agent, part, label, le, value, seconds, since = started_at AS is_first FROM part_history ORDER BY name, le

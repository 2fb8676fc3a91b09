SELECT part, agent, heard_at, runs_since, starts, version, memory_bytes, waits_for FROM parts ORDER BY part

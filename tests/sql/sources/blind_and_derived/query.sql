SELECT brand_id, platform, source, is_live, complete_at, heard_at, last_event_at, events, groups, stale_groups FROM sources ORDER BY source

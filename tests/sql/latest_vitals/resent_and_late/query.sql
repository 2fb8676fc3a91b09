SELECT group_id, at, messages_7d FROM latest_vitals ORDER BY group_id

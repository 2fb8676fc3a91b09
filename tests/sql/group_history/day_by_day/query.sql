SELECT group_id, day, messages, verdict FROM group_history ORDER BY group_id, day

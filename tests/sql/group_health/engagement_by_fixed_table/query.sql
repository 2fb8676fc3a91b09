SELECT group_id, engagement FROM group_health ORDER BY group_id

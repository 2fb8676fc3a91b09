SELECT group_id, name, members, size_band FROM groups ORDER BY group_id

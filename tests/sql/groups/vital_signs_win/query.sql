SELECT group_id, name, owner, members, size_band, created_at FROM groups

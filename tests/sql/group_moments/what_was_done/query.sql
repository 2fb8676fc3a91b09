SELECT name, at, type, detail FROM group_moments ORDER BY at

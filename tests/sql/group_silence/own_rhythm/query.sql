SELECT group_id, silent_days, longest_pause_days, shorter_share FROM group_silence ORDER BY group_id

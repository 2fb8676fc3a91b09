SELECT group_id, is_own, start_day, days_after, is_seen, is_comparable, days_before, unseen_days, verdict, band, currency, earlier, before, lately, after, usual, ebb, settled
FROM playbook_windows WHERE playbook_id = 'p1' ORDER BY group_id

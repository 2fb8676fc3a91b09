SELECT group_id, is_seen, days_after, earlier[1] AS earlier, before[1] AS before, lately[1] AS lately, after[1] AS after, usual, ebb, settled
FROM playbook_windows WHERE playbook_id = 'p1' ORDER BY group_id

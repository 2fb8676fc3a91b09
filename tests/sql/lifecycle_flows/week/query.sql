SELECT group_id, toString(week) AS week, was, stage, members, days_before FROM lifecycle_flows ORDER BY group_id, week, was

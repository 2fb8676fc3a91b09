SELECT group_id, name, at, verdict, risk, reasons, members, silent_hours, speakers_28d, revenue_28d
FROM group_health ORDER BY group_id

SELECT group_id, name, verdict, risk, reasons, since, owner, round(worth) AS worth, advice, revenue_at_risk, priority
FROM dying_groups

SELECT group_id, member_id, is_present, left_at, active_days_28d, active_days_90d, messages_28d, messages_all, silent_days,
    orders, revenue
FROM member_activity ORDER BY group_id, member_id

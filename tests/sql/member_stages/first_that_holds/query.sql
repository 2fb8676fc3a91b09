SELECT member_id, stage, tenure_days, last_act_at, orders_365d, revenue FROM member_stages ORDER BY member_id

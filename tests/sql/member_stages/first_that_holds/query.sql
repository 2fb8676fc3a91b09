SELECT member_id, stage, orders_365d, revenue FROM member_stages ORDER BY member_id

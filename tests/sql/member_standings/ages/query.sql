SELECT member_id, name, stage, tenure_days, score, active_days_28d, active_days_90d, listed_since FROM member_standings ORDER BY member_id

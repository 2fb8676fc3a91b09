SELECT member_id, was, stage, days_before FROM member_stage_changes ORDER BY at

SELECT group_id, toString(cohort_week) AS cohort_week, week, joined, present, active, present_share FROM member_retention
ORDER BY group_id, cohort_week, week

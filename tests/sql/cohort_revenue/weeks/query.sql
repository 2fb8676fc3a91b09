SELECT group_id, toString(cohort_week) AS cohort_week, week, joined, buyers, orders, revenue, revenue_so_far, revenue_per_member
FROM cohort_revenue ORDER BY group_id, cohort_week, week

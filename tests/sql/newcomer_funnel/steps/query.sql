SELECT group_id, toString(cohort_week) AS cohort_week, joined, present, welcomed, spoke, claimed, bought, bought_again,
    hours_to_welcome, hours_to_word, hours_to_order
FROM newcomer_funnel ORDER BY group_id, cohort_week

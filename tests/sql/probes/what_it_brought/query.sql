SELECT name, benefit_id, is_final, claim_rate_24h, woken_share, talk_lift_48h, persistence_d3_9, leave_share_72h, cost,
    cost_per_woken, strangers, unprobed
FROM probes ORDER BY sent_at

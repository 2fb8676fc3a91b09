-- What each red packet or coupon did to its group. A NULL is not complete yet, cannot be known, or is a share of nothing;
-- `is_final` after ten days. All but the claims themselves is before and after, not cause and effect.
--   claim_rate_24h: of the members who were there when it was sent; woken_share: of those silent for 28 days, who claimed
--   talk_lift_48h, persistence_d3_9: member messages ÷ those of the same hours of the four weeks before (the median)
--   cost: a red packet's amount, or the coupon's value for each claimer; leave_share_72h: of the claimers, gone by then
SELECT
    probes.group_id AS group_id,
    probes.brand_id AS brand_id,
    groups.name AS name,
    benefit_id,
    kind,
    sent_at,
    at,
    toBool(windows = 4) AS is_final,
    exposed,
    claimers,
    claimers_24h / nullIf(exposed, 0) AS claim_rate_24h,
    strangers,
    silent,
    woken,
    woken / nullIf(silent, 0) AS woken_share,
    talk_48h,
    usual_48h,
    talk_48h / nullIf(usual_48h, 0) AS talk_lift_48h,
    talk_d3_9,
    usual_d3_9,
    talk_d3_9 / nullIf(usual_d3_9, 0) AS persistence_d3_9,
    left_72h,
    left_72h / nullIf(claimers, 0) AS leave_share_72h,
    nullIf(if(probes.kind = 'coupon', amount * claimers, amount), 0) AS cost,
    cost / nullIf(woken, 0) AS cost_per_woken,
    probes.currency AS currency,
    unprobed
FROM probe_reports_v1 AS probes FINAL
INNER JOIN groups ON groups.group_id = probes.group_id

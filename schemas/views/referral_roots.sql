-- Who brought members to a group, at the root of each tree of invitations: what became of those who came, and `flags` of
-- those whose invitees are worth a look (early_leaves, burst). Shares are null where nobody could be counted yet. Money is
-- in minor units of `currency`.
SELECT
    roots.group_id AS group_id,
    roots.brand_id AS brand_id,
    groups.name AS name,
    roots.member_id AS member_id,
    roots.role AS role,
    roots.invitees AS invitees,
    roots.width AS width,
    roots.depth AS depth,
    roots.retained_30d AS retained_30d,
    roots.due_30d AS due_30d,
    if(roots.due_30d = 0, NULL, roots.retained_30d / roots.due_30d) AS retained_share,
    roots.buyers AS buyers,
    roots.revenue AS revenue,
    roots.currency AS currency,
    roots.left_72h AS left_72h,
    roots.left_72h / roots.invitees AS left_72h_share,
    roots.most_joins_10min AS most_joins_10min,
    roots.flags AS flags,
    roots.at AS at
FROM (SELECT * FROM referral_roots_v1 FINAL WHERE invitees > 0) AS roots
LEFT JOIN groups ON groups.group_id = roots.group_id
ORDER BY length(flags) > 0 DESC, invitees DESC, group_id, member_id
SETTINGS join_use_nulls = 1

SELECT group_id, input, peers, share
FROM engagement_inputs
WHERE input IN ('active_days', 'answered') AND group_id IN ('g0', 'g3', 'g4', 'g20', 'other band')
ORDER BY input, group_id

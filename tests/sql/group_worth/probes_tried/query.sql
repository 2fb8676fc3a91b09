SELECT group_id, advice, unanswered_probes, advice_reasons, advice_reasons_zh
FROM group_worth ORDER BY group_id

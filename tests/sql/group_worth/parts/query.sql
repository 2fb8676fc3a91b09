SELECT group_id, worth, advice, revenue_at_risk, known, conversion, residue, network, reach, care,
    freebie, codes, numbers, advice_reasons, advice_reasons_zh
FROM group_worth ORDER BY group_id

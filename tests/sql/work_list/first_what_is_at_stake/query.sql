SELECT group_id, owner, advice, advice_reasons, why, at_stake, currency, priority FROM work_list

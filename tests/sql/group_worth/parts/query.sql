SELECT group_id, worth, advice, conversion, residue, network, reach, care, freebie FROM group_worth ORDER BY group_id

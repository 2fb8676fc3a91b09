SELECT group_id, name, members, takers_364d, active_364d, freebie_share, fled_share FROM freebie_groups

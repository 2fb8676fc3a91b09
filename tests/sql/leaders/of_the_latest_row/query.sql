SELECT group_id, name, member_id, place, score, answers, repliers, lift, is_silent, is_present, basis FROM leaders

SELECT group_id, member_id, place, step, write_on, remove_from FROM cleanup_list ORDER BY group_id, place

SELECT group_id, toString(day) AS day, speakers_1d, speakers_28d, speakers_a_day, stickiness FROM group_stickiness
ORDER BY group_id, day

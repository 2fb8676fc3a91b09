SELECT * FROM points_leaderboard ORDER BY period, start, place, member_id

SELECT day, verdict, groups FROM fleet_history WHERE brand_id = 'a' AND platform = 'irc' ORDER BY day, verdict

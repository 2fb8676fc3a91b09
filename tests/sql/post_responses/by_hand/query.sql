SELECT content_class, slot, weekday, quarter, posts, responses, expected, lift, low, high, group_lift
FROM post_responses WHERE name = 'Tea' ORDER BY content_class, weekday

SELECT name, content_class, posts, is_known, why, slot, slot_posts, lift FROM best_slots
WHERE content_class IS NULL OR content_class = 'all' ORDER BY name

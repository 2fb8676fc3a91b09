SELECT * EXCEPT (group_id, brand_id) FROM group_care ORDER BY group_id

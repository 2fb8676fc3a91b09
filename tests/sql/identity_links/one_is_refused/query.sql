SELECT member_id, customer_id, outcome, held_by FROM identity_links ORDER BY member_id, customer_id

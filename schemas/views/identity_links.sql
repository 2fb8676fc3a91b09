-- Which customer each member is, was, or was said to be, by what the customer is known by; one row for each pair, as it
-- stands. `refused`: the member is `held_by` another customer until that link is ended.
SELECT
    brand_id,
    member_id,
    argMax(links.platform, tuple(occurred_at, source_seq)) AS platform,
    known_by,
    customer_id,
    argMax(links.outcome, tuple(occurred_at, source_seq)) AS outcome,
    argMax(links.held_by, tuple(occurred_at, source_seq)) AS held_by,
    max(occurred_at) AS at
FROM identity_links_v1 AS links FINAL
GROUP BY brand_id, member_id, known_by, customer_id

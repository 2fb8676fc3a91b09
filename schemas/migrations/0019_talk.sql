-- What talk says of a group: whether staff speaks to itself or all is advertising, how newcomers are greeted, how soon
-- those who write are answered. Of 28 days; medians are NULL of nothing, ad_share_28d where no connector sees texts.
ALTER TABLE group_vitals_v1
    ADD COLUMN IF NOT EXISTS is_monologue Bool AFTER unseen_days_56d,
    ADD COLUMN IF NOT EXISTS is_ad_only Bool AFTER is_monologue,
    ADD COLUMN IF NOT EXISTS ad_messages_28d UInt32 AFTER is_ad_only,
    ADD COLUMN IF NOT EXISTS ad_share_28d Nullable(Float64) AFTER ad_messages_28d,
    ADD COLUMN IF NOT EXISTS ad_senders_28d UInt32 AFTER ad_share_28d,
    ADD COLUMN IF NOT EXISTS newcomers_28d UInt32 AFTER ad_senders_28d,
    ADD COLUMN IF NOT EXISTS welcomes_28d UInt32 AFTER newcomers_28d,
    ADD COLUMN IF NOT EXISTS welcome_minutes_28d Nullable(Float64) AFTER welcomes_28d,
    ADD COLUMN IF NOT EXISTS staff_responses_28d UInt32 AFTER welcome_minutes_28d,
    ADD COLUMN IF NOT EXISTS staff_response_minutes_28d Nullable(Float64) AFTER staff_responses_28d,
    ADD COLUMN IF NOT EXISTS member_responses_28d UInt32 AFTER staff_response_minutes_28d,
    ADD COLUMN IF NOT EXISTS member_response_minutes_28d Nullable(Float64) AFTER member_responses_28d;

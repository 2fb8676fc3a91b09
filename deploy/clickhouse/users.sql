-- The two users on a ClickHouse elsewhere, one statement after the other as an administrator. Put in the passwords first, and
-- give them to `vitals` as VITALS_CLICKHOUSE_PASSWORD and VITALS_BI_PASSWORD or as secrets/clickhouse and secrets/bi.
CREATE DATABASE IF NOT EXISTS vitals;

CREATE SETTINGS PROFILE IF NOT EXISTS vitals_bi SETTINGS
    readonly = 2,
    max_memory_usage = 2000000000 MIN 1 MAX 2000000000,
    max_execution_time = 60 MIN 1 MAX 600;

CREATE USER IF NOT EXISTS vitals IDENTIFIED WITH sha256_password BY '…';

CREATE USER IF NOT EXISTS bi IDENTIFIED WITH sha256_password BY '…' SETTINGS PROFILE vitals_bi;

GRANT ALL ON vitals.* TO vitals;

GRANT SELECT ON system.* TO vitals;

-- What an insert of columns asks for; it makes no table.
GRANT CREATE TEMPORARY TABLE ON *.* TO vitals;

GRANT TABLE ENGINE ON MergeTree, TABLE ENGINE ON ReplacingMergeTree TO vitals;

-- By name, so that raw ids, names and the bytes of dead letters stay unread. Run these again after an upgrade.
GRANT SELECT ON vitals.events_v1 TO bi;
GRANT SELECT ON vitals.purchases_v1 TO bi;
GRANT SELECT ON vitals.identity_links_v1 TO bi;
GRANT SELECT ON vitals.group_vitals_v1 TO bi;
GRANT SELECT ON vitals.member_vitals_v1 TO bi;
GRANT SELECT ON vitals.member_standings_v1 TO bi;
GRANT SELECT ON vitals.member_stage_changes_v1 TO bi;
GRANT SELECT ON vitals.probe_reports_v1 TO bi;
GRANT SELECT ON vitals.post_responses_v1 TO bi;
GRANT SELECT ON vitals.group_people_v1 TO bi;
GRANT SELECT ON vitals.opinion_leaders_v1 TO bi;
GRANT SELECT ON vitals.referral_roots_v1 TO bi;
GRANT SELECT ON vitals.points_entries_v1 TO bi;
GRANT SELECT ON vitals.group_alerts_v1 TO bi;
GRANT SELECT ON vitals.groups_v1 TO bi;
GRANT SELECT ON vitals.part_metrics_v1 TO bi;
GRANT SELECT(origin, reason, detail, sha256, partition, position, size, at, ingested_at) ON vitals.dead_letters_v1 TO bi;
GRANT SELECT ON vitals.schema_migrations TO bi;
GRANT SELECT ON vitals.alerts TO bi;
GRANT SELECT ON vitals.arrivals TO bi;
GRANT SELECT ON vitals.attributions TO bi;
GRANT SELECT ON vitals.best_slots TO bi;
GRANT SELECT ON vitals.calibration TO bi;
GRANT SELECT ON vitals.cleanup_list TO bi;
GRANT SELECT ON vitals.cohort_revenue TO bi;
GRANT SELECT ON vitals.conversion_funnel TO bi;
GRANT SELECT ON vitals.dead_letters TO bi;
GRANT SELECT ON vitals.dying_groups TO bi;
GRANT SELECT ON vitals.engagement_inputs TO bi;
GRANT SELECT ON vitals.fleet_history TO bi;
GRANT SELECT ON vitals.freebie_groups TO bi;
GRANT SELECT ON vitals.group_care TO bi;
GRANT SELECT ON vitals.group_carriers TO bi;
GRANT SELECT ON vitals.group_health TO bi;
GRANT SELECT ON vitals.group_history TO bi;
GRANT SELECT ON vitals.group_moments TO bi;
GRANT SELECT ON vitals.group_revenue TO bi;
GRANT SELECT ON vitals.group_silence TO bi;
GRANT SELECT ON vitals.group_stickiness TO bi;
GRANT SELECT ON vitals.group_worth TO bi;
GRANT SELECT ON vitals.groups TO bi;
GRANT SELECT ON vitals.identity_links TO bi;
GRANT SELECT ON vitals.latest_vitals TO bi;
GRANT SELECT ON vitals.leaders TO bi;
GRANT SELECT ON vitals.lifecycle_flows TO bi;
GRANT SELECT ON vitals.member_activity TO bi;
GRANT SELECT ON vitals.member_retention TO bi;
GRANT SELECT ON vitals.member_stage_changes TO bi;
GRANT SELECT ON vitals.member_stages TO bi;
GRANT SELECT ON vitals.member_standings TO bi;
GRANT SELECT ON vitals.newcomer_funnel TO bi;
GRANT SELECT ON vitals.part_history TO bi;
GRANT SELECT ON vitals.parts TO bi;
GRANT SELECT ON vitals.pipeline TO bi;
GRANT SELECT ON vitals.playbook_windows TO bi;
GRANT SELECT ON vitals.playbooks TO bi;
GRANT SELECT ON vitals.points_balances TO bi;
GRANT SELECT ON vitals.points_leaderboard TO bi;
GRANT SELECT ON vitals.post_responses TO bi;
GRANT SELECT ON vitals.probes TO bi;
GRANT SELECT ON vitals.referral_roots TO bi;
GRANT SELECT ON vitals.revenue TO bi;
GRANT SELECT ON vitals.sources TO bi;
GRANT SELECT ON vitals.unattributed TO bi;
GRANT SELECT ON vitals.verdict_changes TO bi;
GRANT SELECT ON vitals.work_list TO bi;

-- What the new columns mean, for whoever reads the tables by themselves.
ALTER TABLE group_vitals_v1
    COMMENT COLUMN IF EXISTS purpose 'customer, industry, alliance, ads, relay, other; empty: not said',
    COMMENT COLUMN IF EXISTS worth '0..100, is the group worth saving; NULL: nothing is known',
    COMMENT COLUMN IF EXISTS advice_reasons 'why to do that; as the parts, only where a day closed or none will';

ALTER TABLE groups_v1
    COMMENT COLUMN IF EXISTS purpose 'customer, industry, alliance, ads, relay, other; empty: not said';

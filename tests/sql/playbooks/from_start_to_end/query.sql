SELECT group_name, playbook_id, name, goal, budget, currency, started_at, ended_at, state, end_note, steps, step_notes
FROM playbooks ORDER BY group_id, playbook_id

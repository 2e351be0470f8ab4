-- Incidents, the latest first: what opened them, how long they lasted, how many messages they took.
-- :since day = last 28 days, first day (UTC) on which they were opened
select incident_id, state, opened_at, recovered_at, score, features, messages
from incident_files
where dt >= :since
order by opened_at desc, incident_id

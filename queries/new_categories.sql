-- The values of a categorical feature by when they were first seen, the newest first.
-- :feature name, a categorical feature of the model
-- :since day = last 90 days, first day (UTC) of the windows; what was seen before it is not known here
select cast(features.:feature as varchar) as value,
       min(event_time) as first_seen, max(event_time) as last_seen, count(*) as row_count
from predictions
where dt >= :since
group by cast(features.:feature as varchar)
order by first_seen desc, value

-- Events that lie in the files more than once; other queries count each once.
-- :since day = last 7 days, first day (UTC) of the windows
select dt, deliveries, count(*) as events, min(event_id) as example
from (
    select dt, hour, event_id, count(*) as deliveries
    from prediction_files where dt >= :since group by dt, hour, event_id
) as counted
where deliveries > 1
group by dt, deliveries
order by dt, deliveries

-- Why records were refused, the most frequent reason first.
-- :since day = last 7 days, first day (UTC) of their arrival
select reason, count(*) as records, min(arrival_time) as first_seen, max(arrival_time) as last_seen
from quarantine
where dt >= :since
group by reason
order by records desc, reason

-- What was captured, archived and counted in each hour, and how many records are unaccounted for.
-- :since day = last 7 days, first day (UTC) of the windows
select dt, substr(cast(window_start as varchar), 12, 2) as hour, kind, model_version,
       count(*) as windows,
       sum(captured) as captured,
       sum(archived) as archived,
       sum(folded) as folded,
       sum(waiting) as waiting,
       sum(unaccounted) as unaccounted,
       max(reconciled_at) as reconciled_at
from reconciled_files
where dt >= :since
group by dt, substr(cast(window_start as varchar), 12, 2), kind, model_version
order by dt, 2, kind, model_version

-- How often drift was told, by month: to compare with the budget of false alarms.
-- :since day = last 365 days, first day (UTC) of the spans
with drifted as (
    select model_version, window_seconds, "start", "end", guilty, drift_score,
           cast(replace(substr(cast("start" as varchar), 1, 19), 'T', ' ') as timestamp) as begins,
           cast(replace(substr(cast("end" as varchar), 1, 19), 'T', ' ') as timestamp) as ends
    from verdicts
    where dt >= :since and span = 'window' and drift
),
marked as (
    select d.*,
           case when date_diff('second', lag(ends) over (partition by model_version, window_seconds order by begins), begins)
               < 3600 then 0 else 1 end as opens
    from drifted as d
),
numbered as (
    select m.*,
           sum(opens) over (partition by model_version, window_seconds order by begins rows unbounded preceding) as run
    from marked as m
),
runs as (
    select substr(cast("start" as varchar), 1, 7) as month, model_version, sum(opens) as runs
    from numbered
    group by substr(cast("start" as varchar), 1, 7), model_version
),
told as (
    select substr(cast("start" as varchar), 1, 7) as month, model_version,
           count_if(span = 'window') as windows,
           count_if(span = 'window' and drift) as drifted_windows,
           count_if(span = 'hour' and drift) as drifted_hours,
           count_if(span = 'day' and drift) as drifted_days,
           count_if(span = 'window' and calibrating) as calibrating_windows
    from verdicts
    where dt >= :since
    group by substr(cast("start" as varchar), 1, 7), model_version
)
select t.month, t.model_version, t.windows, t.drifted_windows, coalesce(r.runs, 0) as runs_of_drift,
       t.drifted_hours, t.drifted_days, t.calibrating_windows
from told as t
left join runs as r on r.month = t.month and r.model_version = t.model_version
order by t.month, t.model_version

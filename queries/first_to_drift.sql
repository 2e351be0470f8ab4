-- Within each run of drift: which feature drifted first, and how long after it the others followed.
-- :since day = last 7 days, first day (UTC) of the windows; an hour without drift ends a run
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
named as (
    select model_version, window_seconds, run, feature, min(begins) as first_drifted, count(*) as windows
    from numbered cross join unnest(guilty) as t (feature)
    group by model_version, window_seconds, run, feature
)
select min(first_drifted) over (partition by model_version, window_seconds, run) as run_began,
       model_version, feature, first_drifted,
       date_diff('minute', min(first_drifted) over (partition by model_version, window_seconds, run), first_drifted)
           as minutes_after_the_first,
       windows
from named
order by run_began, model_version, window_seconds, first_drifted, windows desc, feature

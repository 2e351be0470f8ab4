-- Each run of drift: when it began and was last seen, what drifted first, how strong it became.
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
)
select min("start") as began, max("end") as last_seen, model_version, count(*) as windows,
       round(max(drift_score), 3) as highest_score,
       min_by(guilty[1], begins) as first_feature,
       max_by(guilty[1], drift_score) as strongest_feature
from numbered
group by model_version, window_seconds, run
order by began, model_version, window_seconds

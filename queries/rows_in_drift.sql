-- The archived rows behind drift: inputs and predictions of the windows that drifted, some of each.
-- :since day = last 7 days, first day (UTC) of the windows
-- :rows number = 20, rows of each window
with drifted as (
    select model_version, window_seconds, "start", guilty, drift_score,
           cast(replace(substr(cast("start" as varchar), 1, 19), 'T', ' ') as timestamp) as begins,
           cast(replace(substr(cast("end" as varchar), 1, 19), 'T', ' ') as timestamp) as ends
    from verdicts
    where dt >= :since and span = 'window' and drift
),
behind as (
    select d."start", d.window_seconds, d.guilty, d.drift_score, p.event_time, p.event_id, p.model_version, p.source, p.prediction,
           p.interval_lower, p.interval_upper, p.features,
           row_number() over (partition by d.model_version, d.window_seconds, d."start" order by p.event_id) as place
    from drifted as d
    join predictions as p
        on p.model_version = d.model_version and p.window_start >= d.begins and p.window_start < d.ends
    where p.dt >= :since
)
select "start", guilty, round(drift_score, 3) as drift_score, event_time, event_id, model_version, source,
       prediction, interval_lower, interval_upper, features
from behind
where place <= :rows
order by "start", model_version, window_seconds, event_id

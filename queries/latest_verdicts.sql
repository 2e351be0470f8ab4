-- The latest verdict of each model version and span.
-- :since day = last 7 days, first day (UTC) of the spans
select model_name, model_version, span, "start", "end", n as row_count, drift,
       round(drift_score, 3) as drift_score, guilty, since, calibrating
from (
    select v.*, row_number() over (
               partition by model_name, model_version, span order by "start" desc, window_seconds desc
           ) as recency
    from verdicts as v
    where dt >= :since
) as ranked
where recency = 1
order by model_name, model_version desc, span

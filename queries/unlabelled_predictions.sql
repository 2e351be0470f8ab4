-- Predictions that still have no label, by day, and an example of them.
-- :since day = last 28 days, first day (UTC) of the predictions
with labelled as (
    select distinct prediction_id from labels where dt >= :since and label is not null
)
select p.dt, p.model_version,
       count(*) as predictions,
       count(l.prediction_id) as labelled,
       count(*) - count(l.prediction_id) as without_label,
       round(100.0 * count(l.prediction_id) / count(*), 1) as labelled_percent,
       min(case when l.prediction_id is null then p.event_id end) as oldest_without_label
from predictions as p
left join labelled as l on l.prediction_id = p.event_id
where p.dt >= :since
group by p.dt, p.model_version
order by p.dt, p.model_version

-- The predictions that were most wrong, with their inputs.
-- :since day = last 7 days, first day (UTC) of the predictions
-- :rows number = 50, rows to show
with ranked as (
    select p.event_time, p.event_id, p.model_version, p.source, p.prediction, l.label,
           p.prediction - l.label as error, p.interval_lower, p.interval_upper, p.features,
           row_number() over (order by abs(p.prediction - l.label) desc, p.event_id) as place
    from predictions as p
    join last_labels as l on l.prediction_id = p.event_id
    where p.dt >= :since and l.dt >= :since
)
select event_time, event_id, model_version, source, prediction, label, error, interval_lower, interval_upper, features
from ranked
where place <= :rows
order by place

-- The predictions with the widest intervals for their size, with their inputs.
-- :since day = last 7 days, first day (UTC) of the predictions
-- :rows number = 50, rows to show
select event_time, event_id, model_version, source, prediction, interval_lower, interval_upper,
       round(width, 4) as width, round(width / nullif(abs(prediction), 0), 4) as relative_width,
       confidence, features
from (
    select p.*, interval_upper - interval_lower as width,
           row_number() over (
               order by (interval_upper - interval_lower) / nullif(abs(prediction), 0) desc nulls last, event_id
           ) as place
    from predictions as p
    where dt >= :since and interval_lower is not null
) as ranked
where place <= :rows
order by place

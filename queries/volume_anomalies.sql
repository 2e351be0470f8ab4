-- Hours with far more or far fewer predictions than the same hour of other days, and silence before an hour.
-- :since day = last 28 days, first day (UTC) of the windows
-- :least number = 4, robust standard deviations from the median that are told
with hours as (
    select dt, hour, count(*) as predictions,
           date_trunc('hour', min(window_start)) as begins
    from predictions
    where dt >= :since
    group by dt, hour
),
usual as (
    select h.*, lag(begins) over (order by begins) as before,
           row_number() over (partition by hour order by predictions) as place,
           count(*) over (partition by hour) as days
    from hours as h
),
centred as (
    select u.*, min(case when place >= 0.5 * days then predictions end) over (partition by hour) as median
    from usual as u
),
spread as (
    select c.*, row_number() over (partition by hour order by abs(predictions - median)) as distance_place
    from centred as c
),
scaled as (
    select s.*,
           greatest(
               1.4826 * min(case when distance_place >= 0.5 * days then abs(predictions - median) end)
                   over (partition by hour),
               sqrt(cast(median as double)), 1
           ) as scale,
           coalesce(date_diff('hour', before, begins) - 1, 0) as silent_hours_before
    from spread as s
)
select dt, hour, predictions, median as usual, days,
       round((predictions - median) / scale, 1) as robust_z, silent_hours_before
from scaled
where (days >= 3 and abs(predictions - median) / scale >= :least) or silent_hours_before > 0
order by dt, hour

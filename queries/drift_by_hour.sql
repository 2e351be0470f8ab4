-- Whether drift has a season: windows and drift by hour of the day, on working days and at weekends.
-- :since day = last 28 days, first day (UTC) of the windows
select hour_of_day, weekend, count(*) as windows, count_if(drift) as drifted,
       round(100.0 * count_if(drift) / count(*), 1) as drifted_percent,
       round(avg(drift_score), 3) as mean_score, round(max(drift_score), 3) as highest_score
from (
    select substr(cast("start" as varchar), 12, 2) as hour_of_day, drift, drift_score,
           date_diff('day', date_trunc('week', begins), begins) >= 5 as weekend
    from (
        select v.*, cast(replace(substr(cast("start" as varchar), 1, 19), 'T', ' ') as timestamp) as begins
        from verdicts as v
        where dt >= :since and span = 'window'
    ) as dated
) as placed
group by hour_of_day, weekend
order by weekend, hour_of_day

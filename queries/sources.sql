-- Who sends: predictions, their mean and their missing intervals by source and version.
-- :since day = last 7 days, first day (UTC) of the windows
select source, model_version, count(*) as predictions,
       round(100.0 * count(*) / sum(count(*)) over (), 2) as percent,
       round(avg(prediction), 4) as mean_prediction,
       count(*) - count(interval_lower) as without_interval,
       min(event_time) as first_seen, max(event_time) as last_seen
from predictions
where dt >= :since
group by source, model_version
order by predictions desc, source, model_version

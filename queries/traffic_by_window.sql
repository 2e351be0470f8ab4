-- Traffic of each window: rows, mean prediction, interval, confidence.
-- :since day = last 7 days, first day (UTC) of the windows
select window_start, model_version, source,
       count(*) as row_count,
       round(avg(prediction), 2) as mean_prediction,
       round(avg(interval_upper - interval_lower), 2) as mean_interval_width,
       round(avg(confidence), 3) as mean_confidence
from predictions
where dt >= :since
group by window_start, model_version, source
order by window_start, model_version, source

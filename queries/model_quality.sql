-- How wrong the model was, by window of predictions, beside training and the error that was estimated without labels.
-- :since day = last 7 days, first day (UTC) of the windows; a score above 1 is an alarm
select "start", model_version, predictions, labelled,
       round(cast(mae as double), 4) as mean_absolute_error,
       round(cast(training_mae as double), 4) as in_training,
       round(cast(estimated_mae as double), 4) as estimated,
       round(cast(bias as double), 4) as bias,
       round(cast(r2 as double), 3) as r2,
       round(100 * cast(interval_coverage as double), 1) as in_interval_percent,
       round(100 * cast(label_share as double), 1) as labelled_percent,
       round(cast(score as double), 3) as score,
       degraded, since, judged_at
from quality_files
where dt >= :since and segment = '(all)'
order by "start", model_version

-- Where the model is wrong: error, bias and intervals by segment, the largest error first.
-- :since day = last 7 days, first day (UTC) of the windows
select model_version, segment, sum(predictions) as predictions, sum(labelled) as labelled,
       round(sum(labelled * cast(mae as double)) / sum(case when mae is not null then labelled end), 4)
           as mean_absolute_error,
       round(sum(labelled * cast(bias as double)) / sum(case when bias is not null then labelled end), 4) as bias,
       round(
           100 * sum(labelled * cast(interval_coverage as double))
           / sum(case when interval_coverage is not null then labelled end), 1
       ) as in_interval_percent,
       round(max(score), 2) as highest_score
from quality_files
where dt >= :since
group by model_version, segment
having sum(labelled) > 0
order by model_version, mean_absolute_error desc, segment

-- The error estimated without labels, beside the real one once labels came; it cannot see concept drift.
-- :since day = last 7 days, first day (UTC) of the hours; a score above 1 is an alarm
select e."start", e."end", e.model_version, e.predictions,
       round(cast(e.estimated_mae as double), 4) as estimated,
       round(cast(e.training_estimated_mae as double), 4) as in_training,
       round(cast(e.estimated_error_score as double), 3) as score,
       e.estimated_error_since as since,
       round(sum(q.labelled * cast(q.mae as double)) / sum(q.labelled), 4) as real_error,
       sum(q.labelled) as labelled
from explained_files as e
left join quality_files as q
    on q.model_name = e.model_name and q.model_version = e.model_version and q.segment = '(all)'
    and q."start" < e."end" and q."end" > e."start" and q.labelled > 0
where e.dt >= :since and e.feature = '(all)' and e.estimated_mae is not null
group by e."start", e."end", e.model_version, e.predictions, e.estimated_mae, e.training_estimated_mae,
         e.estimated_error_score, e.estimated_error_since
order by e."start", e.model_version

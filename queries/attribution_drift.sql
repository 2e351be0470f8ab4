-- What predictions are made of, by feature: mean effect now and in training, and how well the order of features holds.
-- :since day = last 7 days, first day (UTC) of the hours; a score above 1 is an alarm, and so is an ndcg below 0.9
select each."start", each.model_version, each.feature,
       round(cast(each.importance as double), 4) as importance,
       round(cast(each.training_importance as double), 4) as in_training,
       round(cast(each.score as double), 3) as score,
       each.guilty,
       round(cast(whole.ndcg as double), 3) as ndcg
from explained_files as each
join explained_files as whole
    on whole.model_name = each.model_name and whole.model_version = each.model_version
    and whole."start" = each."start" and whole.feature = '(all)'
where each.dt >= :since and whole.dt >= :since and each.feature <> '(all)'
order by each."start", each.model_version, importance desc, each.feature

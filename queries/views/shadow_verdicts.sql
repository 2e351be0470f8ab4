-- The last word on each span of a challenger in shadow; verdicts on what was served are in the other relation.
select model_name, model_version, window_seconds, span, "start", "end", n, drift, drift_score, calibrating,
       guilty, since, gross_shift, mean_shift_sigma, smallest_detectable_sigma, smallest_lasting_sigma, dt
from (
    select f.*, row_number() over (
        partition by dt, model_name, model_version, window_seconds, span, "start" order by revision desc
    ) as nth_newest
    from verdict_files as f
    where f.shadow
) as ranked
where nth_newest = 1

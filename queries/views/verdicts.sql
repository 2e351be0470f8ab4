-- The last word on each span: a verdict that was revised after late records covers more rows.
select model_name, model_version, span, "start", "end", n, drift, drift_score, guilty, gross_shift,
       mean_shift_sigma, smallest_detectable_sigma, dt
from (
    select f.*, row_number() over (partition by dt, model_name, model_version, span, "start" order by n desc) as nth_newest
    from verdict_files as f
) as ranked
where nth_newest = 1

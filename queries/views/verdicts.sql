-- The last word on each span: a verdict is revised when late records have come. Windows of two lengths are two spans.
select model_name, model_version, window_seconds, span, "start", "end", n, drift, drift_score, calibrating,
       guilty, guilty_segments, in_segments_only, since, gross_shift, mean_shift_sigma,
       smallest_detectable_sigma, smallest_lasting_sigma, judged_at, revision, late_records, dt
from (
    select f.*, row_number() over (
        partition by dt, model_name, model_version, window_seconds, span, "start" order by revision desc
    ) as nth_newest
    from verdict_files as f
    where not coalesce(f.shadow, false)
) as ranked
where nth_newest = 1

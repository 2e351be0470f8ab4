-- Rows that came after the verdict on their window, by day, and how often that changed a verdict.
-- :since day = last 7 days, first day (UTC) of the windows
select dt, model_version, count(*) as windows, count_if(revision > 0) as revised_windows,
       sum(n) as row_count, sum(late_records) as late_rows,
       round(100.0 * sum(late_records) / sum(n), 2) as late_percent,
       max(late_records) as most_in_a_window
from verdicts
where dt >= :since and span = 'window'
group by dt, model_version
order by dt, model_version

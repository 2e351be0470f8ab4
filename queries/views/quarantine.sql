-- Each refused record once; its place in the stream is its identity, as it may have no readable id.
select reason, shard_id, sequence_number, arrival_time, payload, dt, hour
from (
    select f.*, row_number() over (partition by dt, hour, shard_id, sequence_number order by arrival_time) as copy_number
    from quarantine_files as f
) as copies
where copy_number = 1

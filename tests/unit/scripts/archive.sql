-- Two windows; e2 lies in two files, a record was quarantined twice, the second verdict was revised.
create table prediction_files as select * from (values
    ('e1', timestamp '2026-01-02 10:00:10', 'v1', 10.0,  {'rooms': 3.0,  'area': 'coast'}, 8.0,  12.0, 's-0', '1'),
    ('e2', timestamp '2026-01-02 10:00:20', 'v1', 20.0,  {'rooms': null, 'area': 'coast'}, 18.0, 22.0, 's-0', '2'),
    ('e2', timestamp '2026-01-02 10:00:20', 'v1', 20.0,  {'rooms': null, 'area': 'coast'}, 18.0, 22.0, 's-0', '7'),
    ('e3', timestamp '2026-01-02 10:05:10', 'v1', 30.0,  {'rooms': 90.0, 'area': 'hills'}, 28.0, 32.0, 's-1', '3'),
    ('old', timestamp '2025-12-01 10:05:10', 'v1', 99.0, {'rooms': 1.0, 'area': 'hills'}, 28.0, 32.0, 's-1', '4')
) as t(event_id, event_time, model_version, prediction, features, interval_lower, interval_upper, shard_id,
       sequence_number);
alter table prediction_files add column model_name varchar default 'm';
alter table prediction_files add column source varchar default 'api';
alter table prediction_files add column predicted_class varchar;
alter table prediction_files add column interval_coverage double default 0.9;
alter table prediction_files add column confidence double default 0.5;
alter table prediction_files add column window_start timestamp;
alter table prediction_files add column dt varchar;
alter table prediction_files add column hour integer default 10;
update prediction_files set window_start = time_bucket(interval '5' minute, event_time),
                            dt = strftime(event_time, '%Y-%m-%d');
create table label_files as select *, timestamp '2026-01-02 10:00:00' as window_start, null::varchar as label_class,
       'api' as source, 'm' as model_name, 's-0' as shard_id, '2026-01-02' as dt, 10 as hour from (values
    ('l1', timestamp '2026-01-03 00:00:00', 'e1', 11.0, '1'),
    ('l2', timestamp '2026-01-03 00:00:00', 'e2', 50.0, '2'),
    ('l3', timestamp '2026-01-04 00:00:00', 'e2', 23.0, '3'),
    ('l3', timestamp '2026-01-04 00:00:00', 'e2', 23.0, '4'),
    ('l4', timestamp '2026-01-04 00:00:00', 'nobody', 1.0, '5')
) as t(event_id, event_time, prediction_id, label, sequence_number);
create table shadow_files as select *, timestamp '2026-01-02 10:00:10' as event_time, 'm' as model_name, 'api' as source,
       null::varchar as predicted_class, 0.9 as interval_coverage, 0.5 as confidence, {'rooms': 3.0, 'area': 'coast'} as features,
       timestamp '2026-01-02 10:00:00' as window_start, '2026-01-02' as dt, 10 as hour from (values
    ('s1', 'e1', 'v2', 11.5, 11.2, 13.0, 's-0', '8'),
    ('s2', 'e2', 'v2', 22.0, 20.0, 24.0, 's-0', '9'),
    ('s2', 'e2', 'v2', 22.0, 20.0, 24.0, 's-1', '9'),
    ('s3', 'e3', 'v2', 33.0, 30.0, 36.0, 's-0', '10')
) as t(event_id, prediction_id, model_version, prediction, interval_lower, interval_upper, shard_id, sequence_number);
create table quarantine_files as select *, '2026-01-02' as dt, 11 as hour from (values
    ('not JSON', 's-0', '11', timestamp '2026-01-02 11:00:00', 'eA=='),
    ('not JSON', 's-0', '11', timestamp '2026-01-02 11:00:00', 'eA=='),
    ('not JSON', 's-1', '11', timestamp '2026-01-02 11:00:05', 'eQ=='),
    ('event_time is absent', 's-1', '12', timestamp '2026-01-02 11:00:06', 'eg==')
) as t(reason, shard_id, sequence_number, arrival_time, payload);
create table verdict_files as select *, 'm' as model_name, 'v1' as model_version, 'window' as span,
       false as calibrating, case when drift then '2026-01-02T10:00:00+00:00' end as since, false as gross_shift,
       0.5 as mean_shift_sigma, 0.3 as smallest_detectable_sigma, 0.05 as smallest_lasting_sigma,
       '2026-01-02' as dt
from (values
    ('2026-01-02T10:00:00+00:00', '2026-01-02T10:05:00+00:00', 2, false, 0.4::double, []::varchar[],
     null::varchar[], null::boolean, 0, 300),
    ('2026-01-02T10:05:00+00:00', '2026-01-02T10:10:00+00:00', 1, false, 0.9, [], [], false, 0, 300),
    ('2026-01-02T10:05:00+00:00', '2026-01-02T10:10:00+00:00', 3, true, 4.0, ['rooms', 'prediction'],
     ['area=coast', 'area=hills'], false, 1, 300),
    ('2026-01-02T10:10:00+00:00', '2026-01-02T10:15:00+00:00', 3, true, 2.0, ['rooms'], ['area=hills'], true, 0, 300)
) as t("start", "end", n, drift, drift_score, guilty, guilty_segments, in_segments_only, revision, window_seconds);
alter table verdict_files add column judged_at varchar default '2026-01-02T10:20:00+00:00';
alter table verdict_files add column late_records bigint default 0;
alter table verdict_files add column shadow boolean; -- absent in what was served
insert into verdict_files by name
    select * replace (true as shadow, 'v2' as model_version, 9.0 as drift_score, 3 + revision as revision) from verdict_files where drift;

create table reconciled_files (
    kind varchar, model_name varchar, model_version varchar, window_seconds integer, window_start varchar, shard_id varchar,
    captured bigint, archived bigint, folded bigint, waiting bigint, unaccounted bigint, orphans bigint,
    reconciled_at varchar, dt varchar
);
insert into reconciled_files values
    ('prediction', 'm', 'v1', 300, '2026-01-02T10:00:00+00:00', 's0', 5, 4, 5, 0, 0, 0, '2026-01-03T11:00:00+00:00', '2026-01-02'),
    ('prediction', 'm', 'v1', 300, '2026-01-02T10:55:00+00:00', 's1', 7, 6, 6, 0, 1, 1, '2026-01-03T12:00:00+00:00', '2026-01-02'),
    ('prediction', 'm', 'v1', 300, '2026-01-02T11:00:00+00:00', 's0', 2, 2, 2, 0, 0, 0, '2026-01-03T12:00:00+00:00', '2026-01-02'),
    ('prediction', 'm', 'v1', 300, '2020-01-01T10:00:00+00:00', 's0', 9, 9, 9, 0, 0, 0, '2020-01-02T11:00:00+00:00', '2020-01-01');
create table quality_files as select *, 'm' as model_name, 'v1' as model_version, 1 as window_hours,
       case when score > 1 then ['area=coast'] end as guilty_segments, null::double as training_mae, null::double as estimated_mae, 0.5 as r2, 1.0 as label_share,
       case when score > 1 then '2026-01-02T09:00:00+00:00' end as since, score > 1 as degraded,
       '2026-01-03T00:00:00+00:00' as judged_at, '2026-01-02' as dt
from (values
    ('2026-01-02T10:00:00+00:00', '(all)',      4, 3, 2.0::double, 1.0::double,  1.0::double, 0.4::double),
    ('2026-01-02T10:00:00+00:00', 'area=coast', 3, 2, 2.5,         1.5,          1.0,         null),
    ('2026-01-02T10:00:00+00:00', 'area=hills', 1, 1, 1.0,         0.0,          1.0,         null),
    ('2026-01-02T11:00:00+00:00', '(all)',      2, 2, 8.0,         -8.0,         0.5,         3.0),
    ('2026-01-02T11:00:00+00:00', 'area=coast', 1, 1, 8.5,         -8.5,         0.0,         2.5),
    ('2026-01-02T11:00:00+00:00', 'area=hills', 1, 0, null,        null,         null,        null)
) as t("start", segment, predictions, labelled, mae, bias, interval_coverage, score);
alter table quality_files add column "end" varchar;
update quality_files set "end" = case when "start" like '%T10:%' then '2026-01-02T11:00:00+00:00' else '2026-01-02T12:00:00+00:00' end;
create table explained_files as select *, 'm' as model_name, 'v1' as model_version, 300 as predictions, 256 as rows,
       null as since, null as estimated_error_since, '2026-01-02T12:00:00+00:00' as judged_at, '2026-01-02' as dt
from (values
    ('2026-01-02T10:00:00+00:00', '2026-01-02T11:00:00+00:00', '(all)', null::double, null::double, 0.2::double, false, 0.99::double, 2.1::double, 2.0::double, 0.1::double),
    ('2026-01-02T10:00:00+00:00', '2026-01-02T11:00:00+00:00', 'area',  3.0,          3.5,          0.1,         false, null,         null,        null,        null),
    ('2026-01-02T10:00:00+00:00', '2026-01-02T11:00:00+00:00', 'rooms', 5.0,          6.0,          0.2,         false, null,         null,        null,        null),
    ('2026-01-02T11:00:00+00:00', '2026-01-02T13:00:00+00:00', '(all)', null,         null,         1.2,         true,  0.85,         2.5,         2.0,         0.9),
    ('2026-01-02T11:00:00+00:00', '2026-01-02T13:00:00+00:00', 'area',  9.0,          3.5,          1.2,         true,  null,         null,        null,        null),
    ('2026-01-02T11:00:00+00:00', '2026-01-02T13:00:00+00:00', 'rooms', 5.5,          6.0,          0.0,         false, null,         null,        null,        null),
    ('2026-01-02T13:00:00+00:00', '2026-01-02T14:00:00+00:00', '(all)', null,         null,         0.0,         false, 0.99,         2.2,         2.0,         0.2)
) as t("start", "end", feature, importance, training_importance, score, guilty, ndcg, estimated_mae, training_estimated_mae,
       estimated_error_score);
create table incident_files (
    incident_id varchar, cause varchar, state varchar, opened_at varchar, recovered_at varchar, score double,
    features varchar[], alarms varchar[], reopened integer, messages integer, acknowledged_by varchar, report varchar, dt varchar
);

"""Odd values: what stands in hostile records, by the field that it is meant for."""

from __future__ import annotations

import json

from drift_core.event import FUTURE_LIMIT_MS
from tests.unit.drift_consumer.fixture_traffic import MODEL, NOON, VERSION, event_id

ARRIVAL = NOON + 10_000
"""UTC milliseconds at which Kinesis took the batch."""

MARK = 987_654_321
"""Every good event's feature `size` begins with these digits: a text which repeats them gives it away."""

MIB = 1 << 20

NUMBERS = [
    "0",
    "-0",
    "1",
    "-1",
    "1.0",
    "1e0",
    "1E+2",
    "1e400",
    "-1e400",
    "1e-400",
    "1e999",
    "NaN",
    "-NaN",
    "Infinity",
    "-Infinity",
    "Inf",
    "nan",
    "01",
    "+1",
    ".5",
    "1.",
    "0x1",
    "1_000",
    "1e",
    "1e+",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "10000000000000000000000",
    "-9223372036854775809",
    "0.1000000000000000055511151231257827",
    "1.7976931348623157e308",
    "1.7976931348623159e308",
    "4.9e-324",
    "2e-324",
    "１",
]

OTHERS = [
    r"null",
    r"true",
    r"false",
    r"True",
    r"None",
    r"{}",
    r"[]",
    r"[1]",
    r"[[]]",
    r'{"a":{}}',
    r'""',
    r'"a"',
    r'"',
    r'"',
    r'"\u0000"',
    r'"\ud800"',
    r'"\udc00\ud800"',
    r'"\ud83d\ude00"',
    r'"\/"',
    r'"1"',
    r'"1.5"',
    r'"NaN"',
    r'"null"',
    r'"true"',
    r"'5'",
    r"undefined",
    r'{"lower":1}',
    r'{"lower":2,"upper":1,"coverage":0.5}',
    r'"\x41"',
    r'"\u00e9"',
    r'{"lower":1,"upper":2,"coverage":0.5}',
    r'{"lower":1,"upper":2,"coverage":0}',
    r'{"lower":1,"upper":2,"coverage":"x"}',
]

LONG = [
    "9" * 25,
    "9" * 400,
    "9" * 4301,
    "9" * 5000,
    "0." + "1" * 5000,
    "1e" + "9" * 400,
    '"' + "a" * 5000 + '"',
]

VERSIONS = [
    *(
        "",
        ".",
        "..",
        "../" + VERSION,
        VERSION + "/",
        "a/b",
        "a#b",
        "#",
        VERSION + "#300",
        "*",
        "%2e%2e",
        "v\u0301",
    ),
    *(
        "v" * 64,
        "v" * 65,
        "\u202e" + VERSION,
        VERSION + "\u0000",
        VERSION + " ",
        " ",
        "a\nb",
        "-",
        "latest",
        "\ud800",
    ),
    *(
        "bundles/" + MODEL,
        "s3://models/" + VERSION,
        "${jndi:ldap://127.0.0.1/a}",
        "<script>alert(1)</script>",
    ),
]

NAMES = [
    "other",
    "",
    "../" + MODEL,
    MODEL + "#",
    MODEL.upper(),
    MODEL + "/" + VERSION,
    "-",
    "models#",
    "\u0000",
    "\ud800",
]

IDS = [
    *(
        "7",
        "",
        "-" * 36,
        "x" * 36,
        "h" * 36,
        "0" * 36,
        "{" + "1" * 32 + "}--",
        "urn:uuid:" + "1" * 27,
        "1_" * 18,
    ),
    "\uff11" * 36,
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "01234567-89ab-4def-8123-456789abcdef",
    event_id(9).upper(),
    event_id(9)[:-1],
    event_id(9) + "0",
]

TIMES = [
    *(
        0,
        1,
        -1,
        NOON,
        NOON - 1,
        NOON + 299_999,
        NOON + 300_000,
        946_684_799_999,
        946_684_800_000,
        631_152_000_000,
    ),
    *(ARRIVAL + FUTURE_LIMIT_MS, ARRIVAL + FUTURE_LIMIT_MS + 1, ARRIVAL + 10 * 365 * 86_400_000),
    *(
        2**31,
        2**32,
        2**41,
        2**47 - 1,
        2**47,
        2**53 + 1,
        2**62,
        2**63 - 1,
        2**63,
        2**64,
        -(2**63),
        NOON // 1000,
    ),
]

FIELDS = [
    *("schema_version", "event_type", "event_id", "event_time", "model_name", "model_version", "features"),
    *(
        "prediction",
        "interval",
        "confidence",
        "source",
        "probabilities",
        "prediction_id",
        "label",
        "label_class",
    ),
    *("odd", "", "\u0000", "Features"),
]

PARTS = ["size", "area", "garden", "attic", "Size", ""]

_REAL = ["0", "-0.0", "1.5", "1e308", "-1e308", "4.9e-324", "null", "absent"]
_TEXT = ['""', '"a"', '"\\u0000"', '"\\u00e9"', '"\\ud83d\\ude00"', "null", "absent", json.dumps("x" * 300)]

TAME: dict[str, list[str]] = {
    "schema_version": ["1", "2", "0", "-1", "null", "absent"],
    "event_type": ['"prediction"', '"label"', '"shadow"', '"Label"', '""', "null", "absent"],
    "event_id": [json.dumps(one) for one in IDS] + ["null", "absent"],
    "event_time": [str(time) for time in TIMES if -(2**63) <= time < 2**63] + ["null", "absent"],
    "model_name": [json.dumps(name) for name in NAMES if name.isprintable()] + ["null", "absent"],
    "model_version": [json.dumps(version) for version in VERSIONS if version != "\ud800"]
    + ["null", "absent"],
    "features": [
        *(
            "null",
            "{}",
            "absent",
            '{"size":null}',
        ),
        *(
            '{"garden":true,"area":"\\u0000","size":1}',
            '{"area":null,"garden":null}',
            '{"size":18446744073709551616}',
        ),
    ],
    "prediction": _REAL,
    "interval": [
        *("null", "absent", "{}", '{"lower":1,"upper":2}', '{"lower":1,"upper":2,"coverage":0.5}'),
        *('{"lower":2,"upper":1,"coverage":0.5}', '{"lower":1,"upper":2,"coverage":0}'),
        *('{"lower":1,"upper":2,"coverage":1.5}',),
    ],
    "confidence": ["0", "1", "-0.1", "1.1", "null", "absent"],
    "source": _TEXT,
    "prediction_id": [json.dumps(one) for one in IDS]
    + [json.dumps(event_id(7, time % 2**48)) for time in TIMES]
    + ["null", "absent"],
    "label": _REAL,
}
"""Values of each field that have its type, and that a batch with them still parses as columns."""

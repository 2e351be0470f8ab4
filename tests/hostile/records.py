"""Records as somebody might write them who may write to the stream and means harm, or does not know better.

Each attack takes a good event and spoils it at one level: its bytes, its tokens, its fields, its features; or
writes something else altogether. Everything comes from one `Random`, so a seed names a batch.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import zipfile
import zlib
from collections.abc import Callable
from random import Random

from tests.hostile.odd import (
    FIELDS,
    IDS,
    LONG,
    MARK,
    MIB,
    NAMES,
    NUMBERS,
    OTHERS,
    PARTS,
    TAME,
    TIMES,
    VERSIONS,
)
from tests.unit.drift_consumer.fixture_traffic import NOON, event_id, label, prediction, shadow

type Attack = Callable[[Random], bytes]


def record(rng: Random) -> bytes:
    """One record, good or bad."""
    [attack] = rng.choices(ATTACKS, WEIGHTS)
    return attack(rng)


def good(rng: Random) -> bytes:
    """An event that keeps the contract."""
    number = rng.randrange(1 << 40)
    time = NOON - rng.randrange(6) * 150_000 + rng.randrange(1000)
    if rng.random() < 0.3:
        return label(number, time).encode()
    if rng.random() < 0.1:
        return shadow(number, time, features={"size": MARK + rng.random()}).encode()
    features = {"size": MARK + rng.random(), "area": rng.choice(["coast", "hills", "m\u00f6\u00f6n"])}
    return prediction(number, time, features={**features, "garden": rng.random() < 0.5}).encode()


def tame(rng: Random) -> bytes:
    """One record whose fields all have their types, so that only what the values say can spoil it."""
    if rng.random() < 0.5:
        return good(rng)
    fields = dict(_fields(rng))
    for _ in range(rng.randrange(1, 3)):
        name = rng.choice(list(TAME))
        fields[name] = rng.choice(TAME[name])
    return _object([field for field in fields.items() if field[1] != "absent"])


def of_bytes(rng: Random) -> bytes:
    """Some bytes changed, lost, added or written twice."""
    content = bytearray(good(rng))
    for _ in range(rng.randrange(1, 4)):
        at, length = rng.randrange(len(content)), rng.randrange(1, 9)
        match rng.randrange(5):
            case 0:
                content[at] ^= 1 << rng.randrange(8)
            case 1:
                content[at] = rng.choice(b'\x00\xff{}[]",:\\\n\r\t 0-')
            case 2:
                del content[at : at + length]
            case 3:
                content[at:at] = rng.randbytes(length)
            case _:
                content[at:at] = content[at : at + length]
        if not content:
            break
    return bytes(content)


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[-+0-9.eE]+|[a-z]+|[{}\[\],:]')


def of_tokens(rng: Random) -> bytes:
    """A token lost, swapped, written twice or replaced, with white space between."""
    tokens = _TOKEN.findall(good(rng).decode())
    at = rng.randrange(len(tokens))
    match rng.randrange(4):
        case 0:
            del tokens[at]
        case 1:
            other = rng.randrange(len(tokens))
            tokens[at], tokens[other] = tokens[other], tokens[at]
        case 2:
            tokens.insert(at, tokens[at])
        case _:
            tokens[at] = _odd(rng)
    return _text(rng.choice(["", "", "", " ", "\t", "\n", "\r\n"]).join(tokens))


def of_fields(rng: Random) -> bytes:
    """Fields replaced, absent, added or written twice, in any order."""
    fields = _fields(rng)
    for _ in range(rng.randrange(1, 3)):
        name = rng.choice(FIELDS)
        match rng.randrange(4):
            case 0:
                fields = [field for field in fields if field[0] != name]
            case 1:
                fields.append((name, _odd(rng)))
            case 2:
                fields.insert(0, (name, _odd(rng)))
            case _:
                fields = [(field, _odd(rng) if field == name else text) for field, text in fields]
    if rng.random() < 0.2:
        rng.shuffle(fields)
    return _object(fields)


def of_features(rng: Random) -> bytes:
    """Features of another type, unknown, absent or named twice."""
    parts = {"size": str(MARK), "area": '"coast"', "garden": "true"}
    chosen = [(name, text) for name, text in parts.items() if rng.random() < 0.7]
    chosen += [(rng.choice(PARTS), _odd(rng)) for _ in range(rng.randrange(1, 3))]
    return _with(rng, features=_object(chosen).decode(errors="surrogatepass"))


def of_encoding(rng: Random) -> bytes:
    """A good event in another encoding, or one that is none."""
    text = good(rng).decode()
    spoilt = [
        lambda: text.encode(rng.choice(["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-7"])),
        lambda: b"\xef\xbb\xbf" * rng.randrange(1, 3) + text.encode(),
        lambda: _sourced(text, "\u00e9").encode("latin-1", "replace"),
        lambda: text.encode().replace(b"api", b"\xc1\xa1").replace(b"crm", b"\xe0\x80\xaf"),  # overlong
        lambda: _text(_sourced(text, "\ud800")),
        lambda: _sourced(text, "\\ud800\\ud800").encode(),
        lambda: text.encode() + rng.choice([b"\x00", b"\n", b"\r", b"null", b"{}", b",", b"\x0c", b"\xff"]),
        lambda: rng.choice([b"\x00", b"\n", b"null", b" ", b"[", b"\x0b"]) + text.encode(),
    ]
    return rng.choice(spoilt)()


def _sourced(text: str, source: str) -> str:
    return text.replace('"api"', f'"{source}"').replace('"crm"', f'"{source}"')


def of_nesting(rng: Random) -> bytes:
    """Brackets in brackets, closed or not."""
    depth = rng.choice([10, 900, 1100, 20_000]) if rng.random() < 0.95 else 100_000
    opened, closed = rng.choice([("[", "]"), ('{"a":', "}"), ('{"features":', "}")])
    nest = opened * depth + ("1" + closed * depth if rng.random() < 0.7 else "")
    return (
        _with(rng, **{rng.choice(["features", "source", "odd", "interval"]): nest})
        if rng.random() < 0.8
        else _text(nest)
    )


def of_models(rng: Random) -> bytes:
    """Forged names and versions."""
    if rng.random() < 0.3:
        return _with(rng, model_name=json.dumps(rng.choice(NAMES)))
    version = f"v{rng.randrange(1 << 60)}" if rng.random() < 0.5 else rng.choice(VERSIONS)
    return _with(rng, model_version=json.dumps(version))


def of_ids(rng: Random) -> bytes:
    """Forged ids."""
    return _with(rng, **{rng.choice(["event_id", "prediction_id"]): json.dumps(rng.choice(IDS))})


def of_times(rng: Random) -> bytes:
    """Clocks that are wrong, and times that are none."""
    time = rng.choice(TIMES)
    if rng.random() < 0.3:
        return _with(rng, prediction_id=f'"{event_id(rng.randrange(99), time % 2**48)}"')
    text = rng.choice([str(time), f"{time}.0", f"{time}.5", f'"{time}"', f"{time}e0", f"-{time}"])
    return _with(rng, event_time=text if rng.random() < 0.4 else str(time))


def of_producers(rng: Random) -> bytes:
    """What other producers write: aggregates, archives, compressed data."""
    text = good(rng)
    match rng.randrange(6):
        case 0:
            return b"\xf3\x89\x9a\xc2" + rng.randbytes(rng.randrange(40))
        case 1:
            return gzip.compress(text)
        case 2:
            return zlib.compress(text)
        case 3:
            archive = io.BytesIO()
            with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as written:
                written.writestr("event.json", text)
            return archive.getvalue()
        case 4:
            return rng.choice(
                [b"", b" ", b"\n", b"null", b"[]", b"{}", b'""', b"0", b"true", b"[" + text + b"]"]
            )
        case _:
            return text + rng.choice([b"", b"\n", b" "]) + text


def of_nothing(rng: Random) -> bytes:
    """Raw bytes."""
    return rng.randbytes(rng.randrange(64))


def of_size(rng: Random) -> bytes:
    """As large as a record can be: 1 MiB."""
    room = MIB - 1000
    match rng.randrange(5):
        case 0:
            return _with(rng, source=f'"{"a" * room}"')
        case 1:
            return _with(rng, features=f'{{"area":"{"a" * room}"}}')
        case 2:
            return _with(rng, prediction="1" * room)
        case 3:
            return _with(rng, features=f'{{"size":0.{"1" * room}}}')
        case _:
            return bytes(MIB)


def _odd(rng: Random) -> str:
    match rng.randrange(8):
        case 0 | 1 | 2:
            return rng.choice(NUMBERS)
        case 3 | 4 | 5:
            return rng.choice(OTHERS)
        case 6:
            return rng.choice(LONG)
        case _:
            return json.dumps(rng.choice([*VERSIONS, *NAMES, *IDS, *TIMES]))


def _fields(rng: Random) -> list[tuple[str, str]]:
    return [(name, json.dumps(value)) for name, value in json.loads(good(rng)).items()]


def _with(rng: Random, **replaced: str) -> bytes:
    fields = [field for field in _fields(rng) if field[0] not in replaced]
    return _object([*fields, *replaced.items()])


def _object(fields: list[tuple[str, str]]) -> bytes:
    return _text("{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in fields) + "}")


def _text(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


SHARES: dict[Attack, float] = {
    good: 10,
    of_bytes: 20,
    of_tokens: 12,
    of_fields: 20,
    of_features: 12,
    of_encoding: 6,
    of_models: 6,
    of_ids: 4,
    of_times: 4,
    of_producers: 4,
    of_nothing: 2,
    of_nesting: 0.5,
    of_size: 0.02,
}
"""How often each attack is chosen, in parts."""

ATTACKS, WEIGHTS = list(SHARES), list(SHARES.values())

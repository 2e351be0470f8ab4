"""Numbers and times for people."""

from __future__ import annotations

import math
from datetime import UTC, datetime


def plain(value: float, digits: int = 4) -> str:
    """A number with as many digits as matter, and commas in long ones.

    >>> plain(123456.789), plain(0.0123456), plain(84.0)
    ('123,457', '0.01235', '84')
    """
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    places = max(digits - 1 - math.floor(math.log10(abs(value))), 0)
    text = f"{value:,.{min(places, 12)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(share: float) -> str:
    """A share in percent; what is small keeps two digits that matter.

    >>> percent(0.5), percent(0.0123), percent(0.00012), percent(0)
    ('50 %', '1.2 %', '0.012 %', '0 %')
    """
    return f"{plain(100 * share, 2 if share < 0.1 else 3)} %"


def moment(time: int) -> str:
    """A time in UTC, to the minute.

    >>> moment(0)
    '1970-01-01 00:00'
    """
    return f"{datetime.fromtimestamp(time / 1000, UTC):%Y-%m-%d %H:%M}"

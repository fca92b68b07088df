"""The fixed festivals (法定节假日), for years whose arrangement the State Council has not published yet.

The days are those of 《全国年节及纪念日放假办法》 (2024): New Year 1, Spring Festival 4 from its eve, 清明 1,
Labour Day 2, 端午 1, 中秋 1, National Day 3. Which weekends are worked for them, only the yearly notice says.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

_SOLAR = ((1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3))
_MOON: Mapping[int, tuple[int, int, int, int]] = {
    # 春节, 清明, 端午, 中秋, each as month and day, by Beijing's time
    2027: (206, 405, 609, 915),
    2028: (126, 404, 528, 1003),
    2029: (213, 404, 616, 922),
    2030: (203, 405, 605, 912),
    2031: (123, 405, 624, 1001),
    2032: (211, 404, 612, 919),
    2033: (131, 404, 601, 908),
    2034: (219, 405, 620, 927),
    2035: (208, 405, 610, 916),
    2036: (128, 404, 530, 1004),
    2037: (215, 404, 618, 924),
    2038: (204, 405, 607, 913),
    2039: (124, 405, 527, 1002),
    2040: (212, 404, 614, 920),
}
_SPRING_FESTIVAL = range(-1, 3)
"""Its eve and three days, counted from the first of the year."""


def festivals(year: int) -> frozenset[date]:
    """Return the festivals of a year; after 2040 those whose dates the sun alone says.

    Source: R-72.
    """
    days = {date(year, month, day) for month, day in _SOLAR}
    if year in _MOON:
        spring, *others = (date(year, said // 100, said % 100) for said in _MOON[year])
        days |= {spring + timedelta(days=place) for place in _SPRING_FESTIVAL}
        days |= set(others)
    return frozenset(days)

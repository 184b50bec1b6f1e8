"""Understands when something is to happen, said in Chinese or English.

A phrase is cut into pieces by small rules (`reader`; rules in `zh_*`, `en_*`, `digits`), the pieces
are sorted (`slots`, `clocks`) and made into one moment (`moments`) or one crontab (`crontab`).
Pure: no database, and the clock comes in. What has two meanings has no answer. The conventions:

- an hour alone from 7 on is read from a 24-hour clock; 1 to 6 alone may be either half of the day;
- a time that has gone by today is tomorrow's; 周五 is the next one; 下周五 and "next Friday" are in
  the week that begins next Monday; a date without a year is the next one, unless it has just gone;
- a workday is Monday to Friday: public holidays and their make-up days are not known here;
- midnight on a day is its beginning in English, 晚上12点 is its end in Chinese.
"""

from __future__ import annotations

from apps.assistant.when.describe import describe
from apps.assistant.when.finding import find
from apps.assistant.when.firing import next_times
from apps.assistant.when.model import At, Every, Found
from apps.assistant.when.phrase import parse

__all__ = ["At", "Every", "Found", "describe", "find", "next_times", "parse"]

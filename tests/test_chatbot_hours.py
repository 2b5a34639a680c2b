"""Business hours by weekday and time zone: open or not, when next, in whose words, and what bad values are told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.errors import SettingsError
from chatbot.hours import Hours, opening_words, read_hours
from chatbot.phrases import LANGUAGES
from chatbot.settings import load_settings

BERLIN = read_hours({"mon": "09:00-12:30, 13:30-17:00", "Fri": "10:00-24:00", "sat": "closed"}, "Europe/Berlin")


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


def test_without_hours_the_team_is_always_there() -> None:
    assert read_hours({}).is_open(utc(2026, 1, 1, 3))
    assert Hours().next_opening(utc(2026, 1, 1, 3)) == utc(2026, 1, 1, 3)


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        (utc(2026, 11, 23, 7, 59), False),  # Monday 08:59 in Berlin
        (utc(2026, 11, 23, 8, 0), True),
        (utc(2026, 11, 23, 11, 30), False),  # lunch
        (utc(2026, 11, 23, 12, 30), True),
        (utc(2026, 11, 23, 16, 0), False),  # the end is not included
        (utc(2026, 11, 27, 22, 59), True),  # Friday until midnight
        (utc(2026, 11, 27, 23, 0), False),
        (utc(2026, 7, 27, 7, 0), True),  # Monday in summer time
    ],
)
def test_open_by_the_wall_clock_of_the_zone(moment: datetime, is_open: bool) -> None:
    assert BERLIN.is_open(moment) is is_open


def test_the_next_opening_skips_lunch_closed_days_and_the_week_end() -> None:
    assert BERLIN.next_opening(utc(2026, 11, 23, 11, 45)) == utc(2026, 11, 23, 12, 30)
    assert BERLIN.next_opening(utc(2026, 11, 23, 17)) == utc(2026, 11, 27, 9)
    assert BERLIN.next_opening(utc(2026, 11, 28, 12)) == utc(2026, 11, 30, 8)


def test_an_opening_that_the_clock_change_skips_is_the_next_that_clocks_show() -> None:
    night = read_hours({"sun": "02:30-04:00"}, "Europe/Berlin")  # 2026-03-29 has no 02:30 there
    opening = night.next_opening(utc(2026, 3, 28, 12))
    assert opening is not None
    assert opening.astimezone(UTC) == utc(2026, 3, 29, 1, 30)
    assert opening.strftime("%H:%M") == "03:30"


@given(st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC)))
def test_at_the_next_opening_it_is_open_and_just_before_it_is_not(moment: datetime) -> None:
    opening = BERLIN.next_opening(moment)
    assert opening is not None
    assert opening >= moment
    assert BERLIN.is_open(opening)
    if opening > moment:
        assert not BERLIN.is_open(opening - timedelta(minutes=1))


def test_when_is_said_in_every_language() -> None:
    now = utc(2026, 11, 23, 20).astimezone(BERLIN.zone)
    opening = BERLIN.next_opening(now)
    assert opening is not None
    said = {language: opening_words(opening, now, language) for language in LANGUAGES}
    assert said["en"] == "on Friday at 10:00 CET"
    assert said["de"] == "am Freitag um 10:00 CET"
    assert len(set(said.values())) == len(LANGUAGES)
    assert opening_words(opening, opening - timedelta(days=1), "en") == "tomorrow at 10:00 CET"
    assert opening_words(opening, opening - timedelta(hours=1), "fr") == "aujourd'hui à 10:00 CET"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"business_hours": {"monday": "09:00-17:00"}}, "'monday' is no day; take mon, tue"),
        ({"business_hours": {"mon": "9-17"}}, "'mon': '9-17' is no span of time such as 09:00-17:00"),
        ({"business_hours": {"tue": "17:00-09:00"}}, "'tue': '17:00-09:00' must end after it begins"),
        ({"business_hours": {"tue": "09:00-25:00"}}, "24:00 at the latest"),
        ({"business_hours": {"wed": "09:00-12:00,11:00-15:00"}}, "overlap"),
        ({"business_hours": {"wed": "closed"}}, "the team is never there"),
        ({"business_hours": "mon 9-17"}, "it must be JSON"),
        ({"business_hours": {"mon": 9}}, "it must name days with their hours"),
        ({"time_zone": "Berlin"}, "'Berlin' is no time zone; take an IANA name such as Europe/Berlin"),
        ({"time_zone": "../etc"}, "is no time zone"),
        ({"time_zone": "Europe"}, "is no time zone"),
    ],
)
def test_bad_values_name_themselves(given: dict[str, Any], why: str) -> None:
    with pytest.raises(SettingsError) as error:
        load_settings(**given)
    assert why in str(error.value)
    assert next(iter(given)) in str(error.value)


def test_hours_come_as_json_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATBOT_BUSINESS_HOURS", '{"mon": "09:00-17:00"}')
    assert load_settings().business_hours == {"mon": "09:00-17:00"}

"""The bar that every long command shows: on a terminal only, beside the result, one stage after the other."""

from __future__ import annotations

import contextlib
import io
import json

import pytest

from scripts.options import progress_bar, tracked
from tests.commands import AT_A_TERMINAL


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in AT_A_TERMINAL.items():
        monkeypatch.setenv(name, value)


def shown(*stages: tuple[str, int, int], quiet: bool = False) -> str:
    """What stands on standard error when these are told."""
    with contextlib.redirect_stderr(io.StringIO()) as err:
        with progress_bar(quiet) as show:
            for stage in stages:
                show(*stage)
        return err.getvalue()


@pytest.mark.usefixtures("terminal")
def test_a_terminal_shows_each_stage_and_quiet_none() -> None:
    told = shown(("embed", 3, 8), ("publish", 0, 1))
    assert "embed" in told
    assert "3/8" in told
    assert "publish" in told
    assert shown(("embed", 3, 8), quiet=True) == ""


def test_what_is_no_terminal_shows_nothing() -> None:
    assert shown(("embed", 3, 8)) == ""


@pytest.mark.usefixtures("terminal")
def test_a_stage_of_unknown_length_is_over_when_the_next_begins() -> None:
    assert "500/500" in shown(("read", 500, 0), ("embed", 3, 8))
    assert "500/?" in shown(("read", 500, 0))


@pytest.mark.usefixtures("terminal")
def test_a_result_in_a_pipe_does_not_go_where_the_bar_is() -> None:
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        with progress_bar() as show:
            show("questions", 0, 1)
            print(json.dumps({"id": 1}))
        assert out.getvalue() == '{"id": 1}\n'
        assert '"id"' not in err.getvalue()


def test_what_is_tracked_comes_in_order_and_is_counted_to_the_end() -> None:
    told: list[tuple[str, int, int]] = []
    assert list(tracked("abc", "letters", lambda *now: told.append(now))) == ["a", "b", "c"]
    assert told == [("letters", done, 3) for done in range(4)]

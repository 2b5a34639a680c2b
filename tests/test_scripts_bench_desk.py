"""The benchmark of the desk on a small store: what it makes is whole and in order, what it reports follows from it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from chatbot.errors import UsageError
from scripts import bench_desk, bench_desk_live
from scripts.bench_desk_data import LANGUAGES, fill
from storage.opening import open_store
from storage.tables import ConversationRow, MessageRow, ReplyRow


def test_the_store_it_makes_holds_together(tmp_path: Path) -> None:
    with open_store(None, tmp_path, ballast_bytes=1 << 20) as store:
        made = fill(store, 2_000)
        counts = [select(func.count()).select_from(row) for row in (MessageRow, ConversationRow)]
        messages, conversations = store.database.read(
            lambda c: [c.execute(one).scalar_one() for one in counts]
        ).result()
        assert (messages, conversations) == (made.messages, made.conversations)
        assert 1_500 < messages < 2_500
        broken = store.database.read(lambda c: c.execute(text("PRAGMA foreign_key_check")).all()).result()
        assert broken == []
        gaps = select(ConversationRow.id).join(MessageRow).group_by(ConversationRow.id)
        gaps = gaps.having(func.max(MessageRow.seq) != func.count()).limit(1)
        assert store.database.read(lambda c: c.execute(gaps).first()).result() is None
        moments = store.database.read(
            lambda c: c.execute(select(MessageRow.created_at).order_by(MessageRow.id)).scalars().all()
        ).result()
        assert moments == sorted(moments)
        found = store.database.read(lambda c: set(c.execute(select(ReplyRow.language).distinct()).scalars())).result()
        assert found == set(LANGUAGES)


def test_it_reports_each_search_and_cleans_up(tmp_path: Path) -> None:
    told: dict[str, tuple[int, int]] = {}
    result = bench_desk.run(1_000, 1, tmp_path, live=False, progress=lambda stage, *now: told.update({stage: now}))
    assert told["searches"] == (len(result["search"]), len(result["search"]))
    assert list(told)[-5:] == ["searches", "lists", "review queue", "figures", "gaps"]
    assert list(tmp_path.iterdir()) == []
    assert set(result["lists"]) == {"mine", "waiting", "others", "bot", "closed"}
    assert set(result["figures"]) == {"7 days", "30 days", "90 days", "two years"}
    assert all(row["p50"] <= row["p95"] for row in result["gaps"].values())
    assert all(row["p50"] <= row["p95"] <= row["worst"] for row in result["search"].values())
    assert result["search_all"]["requests"] == 2 * len(result["search"]) + result["deep_pages"]["requests"]


def test_a_store_that_is_kept_is_filled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = tmp_path / "bench.json"
    with open_store(None, tmp_path, ballast_bytes=1 << 20) as store:
        first = bench_desk._filled(store, made, 300)
        monkeypatch.delattr(bench_desk, "fill")
        assert bench_desk._filled(store, made, 300) == first
        with pytest.raises(UsageError, match="name the same number"):
            bench_desk._filled(store, made, 301)
        made.unlink()
        with pytest.raises(UsageError, match="an empty one"):
            bench_desk._filled(store, made, 300)


@pytest.mark.postgres
def test_it_measures_an_empty_postgresql(postgres_url: str, tmp_path: Path) -> None:
    result = bench_desk.run(600, 1, tmp_path, live=False, url=postgres_url)
    assert (result["database"], result["store_mb"]) == ("PostgreSQL", None)
    assert all(row["worst"] > 0 for row in result["search"].values())
    with pytest.raises(UsageError, match="an empty one"):
        bench_desk.run(600, 1, tmp_path, live=False, url=postgres_url)


def test_the_live_part_races_and_measures_over_http() -> None:
    told: dict[str, tuple[int, int]] = {}
    result = bench_desk_live.run(windows=4, messages=6, progress=lambda stage, *now: told.update({stage: now}))
    assert told == {"open windows": (4, 4), "races": (4, 4), "agents' messages": (6, 6)}
    assert result["races"] == {"pairs": 4, "one_winner": 4, "loser_told_who": 4, "bot_messages_after": 0}
    assert result["windows"] == 4
    assert 0 < result["event_ms"]["p50"] <= result["event_ms"]["p95"]
    assert 0 < result["shown_ms"]["p50"] <= result["shown_ms"]["p95"]
    assert len(result["goals"]) == 3


@pytest.mark.parametrize(("search", "lists"), [(150.0, 100.0), (150.1, 100.0), (150.0, 100.1)])
def test_its_goals_follow_the_figures(search: float, lists: float) -> None:
    goals = bench_desk._goals({"search_all": {"p95": search}, "lists_all": {"p95": lists}})
    assert list(goals.values()) == [search <= 150, lists <= 100]

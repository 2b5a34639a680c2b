"""A gap on fakes: three customers who asked for kayaks and were refused, and an assistant whose encoder can group them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from storage.opening import Store
from tests.fakes_copilot import Retriever
from tests.fakes_retrieval import FakeEmbedder
from tests.histories import Said, Talk, write
from tests.staff import team_id

KAYAKS = ("Do you rent out kayaks?", "Do you rent out kayaks here?", "Do you rent out a kayak?")


@dataclass
class Grouping(Retriever):
    """Has what the grouping needs."""

    version: str = "v000001"
    embedder: FakeEmbedder = field(default_factory=FakeEmbedder)


def ask_for_kayaks(store: Store, team: str | None = "Returns") -> list[int]:
    """Conversations gap0 to gap2, the oldest of that team; the ids of the refusals."""
    now = datetime.now(UTC)
    teams = ({"team_id": team_id(store, team)} if team else {}, {}, {})
    talks = [
        Talk(
            f"gap{number}",
            f"owner{number}",
            now - timedelta(days=3 - number),
            said=[Said(text, "hand_over", "nothing_fits", query=text)],
            more=more,
        )
        for number, (text, more) in enumerate(zip(KAYAKS, teams, strict=True))
    ]
    return [made for one in write(store, *talks).values() for made in one]

"""Verdicts with their labels, and what there is to judge, over a real SQLite and a real PostgreSQL."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from chatbot.errors import BadInput, NotFound
from chatbot.reviewing import UNIFORM, Candidate, arrange
from chatbot.types import Action, Decision, Feedback, Mode, Provenance, Reply
from storage import review_candidates
from storage.audit import Actor
from storage.desk_tables import ConfidenceLabelRow
from storage.opening import Store, open_store
from storage.people import User
from storage.review_candidates import Ask, Candidates, Draw
from storage.tables import ConversationRow
from tests.fakes_ui import ANSWER
from tests.staff import team_id

OWNER = "owner-hash"
THRESHOLD = 0.63


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    with open_store(url, tmp_path, ballast_bytes=1 << 20) as opened:
        yield opened


async def agent(store: Store, name: str = "Ann") -> tuple[User, Actor]:
    user = await store.people.add_user(f"{name}@shop.example", name, "admin", Actor(None, "command"))
    return user, Actor(user.id, f"{user.id} {name}")


def answer(confidence: float = 0.9, agreement: float | None = 0.9, *checks: str) -> Reply:
    made = Provenance(agreement=agreement, checks=checks, query="how long")
    return replace(ANSWER, decision=Decision(Action.ANSWER, "precedent", confidence), provenance=made)


def refusal(query: str) -> Reply:
    decision = Decision(Action.HAND_OVER, "nothing_fits", 0.1, offered=True)
    return replace(ANSWER, decision=decision, mode=Mode.FIXED, sources=(), provenance=Provenance(query=query))


async def replied(store: Store, reply: Reply) -> tuple[str, int]:
    made = await store.conversations.create_conversation(OWNER, "en")
    await store.conversations.add_customer_message(made.id, OWNER, "How long?", "1")
    message = await store.conversations.add_reply(made.id, reply, 1)
    assert message is not None
    return made.id, message.seq


def labels(store: Store) -> list[tuple[float, bool, bool]]:
    row = ConfidenceLabelRow
    query = select(row.confidence, row.right, row.uniform).order_by(row.id)
    found = store.database.read(lambda c: c.execute(query).all()).result()
    return [(row.confidence, row.right, row.uniform) for row in found]


async def candidates(store: Store, user: User, seed: str = "day:1", most: int = 60) -> Candidates:
    return await store.reviews.candidates(user, Ask(seed, THRESHOLD, most))


async def test_a_verdict_is_replaced_by_the_next_and_its_label_follows(store: Store) -> None:
    user, actor = await agent(store)
    place = await replied(store, answer(0.7))
    await store.reviews.judge(user, actor, place, "right", "uniform")
    assert labels(store) == [(0.7, True, True)]
    again = await store.reviews.judge(user, actor, place, "wrong", "thumbs_down")
    assert (again.verdict, again.agent, again.why_shown) == ("wrong", "Ann", "uniform")  # chance brought it up first
    assert labels(store) == [(0.7, False, True)]
    await store.reviews.judge(user, actor, place, "harmless")
    assert labels(store) == []
    assert {seq: one.verdict for seq, one in (await store.reviews.verdicts(user, place[0])).items()} == {2: "harmless"}
    written = [entry for entry in await store.audit.entries() if entry.action == "review.verdict"]
    assert [entry.detail["verdict"] for entry in written] == ["harmless", "wrong", "right"]
    assert await store.reviews.done_since(user, datetime.now(UTC) - timedelta(hours=1)) == {
        "right": 0, "wrong": 0, "harmless": 1,
    }  # fmt: skip


async def test_what_promised_nothing_gets_no_label(store: Store) -> None:
    user, actor = await agent(store)
    await store.reviews.judge(user, actor, await replied(store, refusal("rope")), "wrong")
    assert labels(store) == []


async def test_only_the_bots_replies_that_the_user_sees_can_be_judged(store: Store) -> None:
    user, actor = await agent(store)
    place = await replied(store, answer())
    change = update(ConversationRow).where(ConversationRow.id == place[0]).values(team_id=team_id(store, "Theirs"))
    store.database.write(lambda c: c.execute(change).rowcount).result()
    other = replace(user, role="agent", team_id=team_id(store, "Ours"))
    for wrong in ((user, (place[0], 1)), (user, ("nowhere", 2)), (other, place)):
        with pytest.raises(NotFound):
            await store.reviews.judge(wrong[0], actor, wrong[1], "right")
        with pytest.raises(NotFound):
            await store.reviews.item(wrong[0], actor, wrong[1])
    with pytest.raises(BadInput, match="nothing was saved"):
        await store.reviews.judge(user, actor, place, "perhaps")
    assert (await candidates(store, other)).uniform == ()
    assert labels(store) == []


async def test_an_item_shows_what_was_said_around_it_and_is_audited(store: Store) -> None:
    user, actor = await agent(store)
    place = await replied(store, answer())
    await store.conversations.add_customer_message(place[0], OWNER, "That is wrong!", "2")
    item = await store.reviews.item(user, actor, place)
    assert [message.text for message in item.messages] == ["How long?", ANSWER.text, "That is wrong!"]
    assert [entry.action for entry in await store.audit.entries(target=f"conversation:{place[0]}")] == [
        "transcript.view"
    ]


async def test_each_stratum_brings_up_what_it_is_named_after(store: Store) -> None:
    user, actor = await agent(store)
    liked = await replied(store, answer())
    disliked = await replied(store, answer())
    await store.conversations.add_feedback(Feedback(*disliked, -1), OWNER)
    near = await replied(store, answer(0.64))
    torn = await replied(store, answer(0.95, 0.05))
    stale = await replied(store, answer(0.95, 0.9, "numbers", "superseded: p1"))
    refused = [await replied(store, refusal(words)) for words in ("rope recall", "Recall: rope!", "recall rope")]
    await replied(store, replace(ANSWER, decision=Decision(Action.SMALL_TALK, "greeting", 1.0), mode=Mode.FIXED))
    found = await candidates(store, user)
    assert {one.conversation_id for one in found.others if one.thumbs_down} == {disliked[0]}
    assert {one.conversation_id for one in found.others if one.superseded} == {stale[0]}
    assert [(one.conversation_id, one.group) for one in found.others if one.group] == [(refused[-1][0], 3)]
    assert (
        min((one for one in found.others), key=lambda one: abs(one.confidence - THRESHOLD)).conversation_id == near[0]
    )
    assert min((one.agreement, one.conversation_id) for one in found.others if one.agreement is not None)[1] == torn[0]
    everything = {liked[0], disliked[0], near[0], torn[0], stale[0], *(place[0] for place in refused)}
    assert {one.conversation_id for one in found.uniform} == everything  # no small talk
    for place in (disliked, refused[0]):
        await store.reviews.judge(user, actor, place, "wrong")
    left = await candidates(store, user)
    assert not any(one.thumbs_down or one.group for one in left.others)
    assert {one.conversation_id for one in left.uniform} == everything - {disliked[0], refused[0][0]}


@pytest.mark.parametrize("few", [2_000, 0])
async def test_the_draw_is_uniform_and_the_same_for_a_seed(
    store: Store, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """Both ways to draw: a few replies are shuffled, many are drawn by number."""
    monkeypatch.setattr(review_candidates, "_FEW", few)
    user, _ = await agent(store)
    for _ in range(12):
        await replied(store, answer())
    once = [one.message_id for one in (await candidates(store, user)).uniform]
    assert once == [one.message_id for one in (await candidates(store, user)).uniform]
    assert sorted(once) != once
    await replied(store, answer())
    with_new = [one.message_id for one in (await candidates(store, user)).uniform]
    assert [key for key in with_new if key in once] == once  # the new one moves nothing
    draws = 130
    first: Counter[int] = Counter()
    for number in range(draws):
        first[(await candidates(store, user, f"seed {number}", 1)).uniform[0].message_id] += 1
    expected = draws / 13
    chi2 = sum((first[key] - expected) ** 2 / expected for key in with_new)
    assert chi2 < 32.9  # 12 degrees of freedom, p = .001; the seeds are fixed


async def in_team(store: Store, team: int, query: str) -> tuple[str, int]:
    place = await replied(store, refusal(query))
    change = update(ConversationRow).where(ConversationRow.id == place[0]).values(team_id=team)
    store.database.write(lambda c: c.execute(change).rowcount).result()
    return place


async def test_a_group_holds_nothing_of_another_team(store: Store) -> None:
    admin, actor = await agent(store)
    red, blue = team_id(store, "red"), team_id(store, "blue")
    ours = [await in_team(store, blue, "rope recall") for _ in range(2)]
    theirs = [await in_team(store, red, "rope recall") for _ in range(9)]

    async def groups(team: int) -> list[tuple[str, int]]:
        found = (await candidates(store, replace(admin, role="agent", team_id=team))).others
        return [(one.conversation_id, one.group) for one in found if one.group]

    assert await groups(blue) == [(ours[-1][0], 2)]  # neither counted with theirs nor gone behind their newest
    assert await groups(red) == [(theirs[-1][0], 9)]
    everything = (await candidates(store, admin)).others
    assert [(one.conversation_id, one.group) for one in everything if one.group] == [(theirs[-1][0], 11)]
    await store.reviews.judge(admin, actor, theirs[0], "wrong")
    assert (await groups(blue), await groups(red)) == ([(ours[-1][0], 2)], [])


async def test_the_sample_tells_the_share_of_all_replies_though_most_verdicts_are_looked_for(store: Store) -> None:
    """Four days, one reply judged at a time: nearly all places by worth go to wrong ones, which no draw can bring up any more."""
    if store.database.dialect != "sqlite":
        pytest.skip("it is about counts, which the other tests show to be alike")
    user, actor = await agent(store)
    dice = random.Random(4)
    places: dict[tuple[str, int], bool] = {}
    shown: list[bool] = []
    for day in range(4):
        for _ in range(60):
            wrong = dice.random() < 0.3
            place = await replied(store, answer())
            places[place] = wrong
            if dice.random() < (0.8 if wrong else 0.05):
                await store.conversations.add_feedback(Feedback(*place, -1), OWNER)
        for done in range(30):
            found = await candidates(store, user, f"day {day}")
            known = {one.message_id: one for one in (*found.others, *found.uniform)}
            uniform = [Candidate(one.message_id, thumbs_down=one.thumbs_down) for one in found.uniform]
            others = [Candidate(one.message_id, thumbs_down=True) for one in found.others if one.thumbs_down]
            pick = arrange(uniform, others, THRESHOLD, done=done)[0]
            chosen = known[pick.candidate.key]
            place = (chosen.conversation_id, chosen.seq)
            verdict = "wrong" if places[place] else "right"
            draw = Draw(f"day {day}", found.last)
            await store.reviews.judge(user, actor, place, verdict, pick.why, draw)
            shown += [places[place]] if pick.why == UNIFORM else []
    sample = [not right for _, right, uniform in labels(store) if uniform]
    truth = sum(places.values()) / len(places)
    assert len(sample) > len(shown)
    assert abs(share(sample) - truth) < 2 * error(truth, len(sample))
    assert share(shown) < truth - 2 * error(truth, len(shown))  # the draw alone flatters


def share(of: list[bool]) -> float:
    return sum(of) / len(of)


def error(truth: float, drawn: int) -> float:
    """The standard error of a share in a sample of so many."""
    return float((truth * (1 - truth) / drawn) ** 0.5)


async def test_only_what_the_same_draw_passed_over_joins_the_sample(store: Store) -> None:
    user, actor = await agent(store)
    other = replace(user, role="agent", team_id=team_id(store, "Ours"))
    made = [await replied(store, answer()) for _ in range(6)]
    found = await candidates(store, user)
    order = [(one.conversation_id, one.seq) for one in found.uniform]
    change = update(ConversationRow).where(ConversationRow.id == order[0][0]).values(team_id=team_id(store, "Theirs"))
    store.database.write(lambda c: c.execute(change).rowcount).result()
    for place in (order[0], order[1], order[4]):
        await store.reviews.judge(user, actor, place, "wrong", "thumbs_down")
    await store.reviews.judge(other, actor, order[3], "right", "uniform")  # without a draw: itself alone
    late = Draw("day:1", found.last)

    async def why() -> list[str | None]:
        judged = [(await store.reviews.verdicts(user, key)).get(seq) for key, seq in order]
        return [one.why_shown if one else None for one in judged]

    assert await why() == ["thumbs_down", "thumbs_down", None, "uniform", "thumbs_down", None]
    await store.reviews.judge(
        other, actor, order[2], "right", "uniform", Draw("day:1", 0)
    )  # nothing was there to draw from
    assert await why() == ["thumbs_down", "thumbs_down", "uniform", "uniform", "thumbs_down", None]
    await store.reviews.judge(other, actor, order[2], "right", "uniform", late)
    assert await why() == [
        "thumbs_down",
        "uniform",
        "uniform",
        "uniform",
        "thumbs_down",
        None,
    ]  # the first is not hers to see
    await store.reviews.judge(user, actor, order[2], "harmless", "uniform", late)
    assert await why() == ["uniform", "uniform", "uniform", "uniform", "thumbs_down", None]
    assert sorted(labels(store)) == [(0.9, False, False), *[(0.9, False, True)] * 2, (0.9, True, True)]
    assert len(made) == 6


async def test_the_queue_has_no_sort_of_all_replies(store: Store) -> None:
    if store.database.dialect != "sqlite":
        pytest.skip("the plans of SQLite are meant")

    plans: list[str] = []

    def explain(connection: Any) -> None:
        for order in ("confidence >= 0.6 ORDER BY confidence", "agreement IS NOT NULL ORDER BY agreement"):
            query = f"EXPLAIN QUERY PLAN SELECT message_id FROM replies WHERE {order} LIMIT 9"
            plans.extend(row[3] for row in connection.exec_driver_sql(query))

    store.database.read(explain).result()
    assert len(plans) == 2
    assert all("USING" in plan for plan in plans), plans

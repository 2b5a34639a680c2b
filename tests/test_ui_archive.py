"""The routes of the archive and the review queue over a real store: any text is answered, and views leave their line."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.review_candidates import Ask
from tests.fakes_ui import ANSWER
from tests.staff import House, Member, done, house, sign_in
from ui.staff.review import Tables

OWNER = "owner-hash"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder: Path = tmp_path_factory.mktemp("archive")
    with house(folder) as opened:
        yield opened


@pytest.fixture(scope="module")
def ann(site: House) -> Member:
    return sign_in(site.store, name="Ann Lee")


def conversation(site: House, text: str) -> str:
    made = done(site.store.conversations.create_conversation(OWNER, "en"))
    done(site.store.conversations.add_customer_message(made.id, OWNER, text, "1"))
    done(site.store.conversations.add_reply(made.id, ANSWER, 1))
    return made.id


def test_marks_count_as_javascript_does(site: House, ann: Member) -> None:
    conversation(site, "😀😀 my lantern")
    found = site.client.get("/agents/api/transcripts?q=lantern", headers=ann.headers).json()["entries"]
    hit = found[0]["hit"]
    units = hit["text"].encode("utf-16-le")
    start, end = hit["marks"][0]
    assert units[2 * start : 2 * end].decode("utf-16-le") == "lantern"


hostile = st.text(max_size=80) | st.sampled_from(
    ['"', '"a', "NEAR(a b)", "col:x", "a*", "-a", "^", "\x00", "%", "'; DROP TABLE messages; --", "<script>", "a" * 399]
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=hostile, field=st.sampled_from(["q", "tag", "language", "reason", "status", "after", "since", "agent"]))
def test_any_text_in_any_field_is_answered(site: House, ann: Member, text: str, field: str) -> None:
    address = f"/agents/api/transcripts?{field}={quote(text.encode('utf-8', 'replace'))}"
    answer = site.client.get(address, headers=ann.headers)
    assert answer.status_code in (200, 422), answer.text
    if answer.status_code == 422:
        assert "Traceback" not in answer.json()["error"]["message"]


@pytest.mark.parametrize("raw", ["q=%ff%fe", "q=%ed%a0%80", "q=" + "a" * 401, "rating=9", "thumb=0", "nonsense=1"])
def test_bad_queries_are_told_so(site: House, ann: Member, raw: str) -> None:
    assert site.client.get(f"/agents/api/transcripts?{raw}", headers=ann.headers).status_code in (200, 422)


EDGES = ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "1999-12-31T23:59:59Z", "9999-12-31T23:59:59-12:00")


@pytest.mark.parametrize("moment", EDGES)
@pytest.mark.parametrize("field", ["since", "until"])
@pytest.mark.parametrize("words", ["lamp", ""])
def test_a_date_of_another_age_is_told_so(site: House, ann: Member, moment: str, field: str, words: str) -> None:
    answer = site.client.get("/agents/api/transcripts", params={"q": words, field: moment}, headers=ann.headers)
    assert answer.status_code == 422
    assert f"'{field}'" in answer.json()["error"]["message"]
    assert "2000 to 2100" in answer.json()["error"]["message"]


@pytest.mark.parametrize("moment", ["2000-01-01T00:00:00+14:00", "2100-12-31T23:59:59-12:00"])
@pytest.mark.parametrize("words", ["lamp", ""])
def test_the_first_and_the_last_year_are_answered(site: House, ann: Member, moment: str, words: str) -> None:
    asked = {"q": words, "since": moment, "until": moment}
    assert site.client.get("/agents/api/transcripts", params=asked, headers=ann.headers).status_code == 200


def test_a_verdict_moves_the_queue_on_and_counts_for_the_day(site: House) -> None:
    member = sign_in(site.store, name="Bo Lind")
    made = conversation(site, "Is the lamp bright?")
    queue = site.client.get("/agents/api/review/queue", headers=member.headers).json()
    assert made in {item["conversation"] for item in queue["items"]}
    assert queue["done"] == {"right": 0, "wrong": 0, "harmless": 0}
    said = {"conversation": made, "seq": 2, "verdict": "harmless", "why_shown": "uniform"}
    saved = site.client.post("/agents/api/review/verdicts", json=said, headers=member.headers)
    assert (saved.status_code, saved.json()["agent"]) == (200, "Bo Lind")
    queue = site.client.get("/agents/api/review/queue", headers=member.headers).json()
    assert made not in {item["conversation"] for item in queue["items"]}
    assert queue["done"]["harmless"] == 1
    wrong = site.client.post("/agents/api/review/verdicts", json=said | {"verdict": "so-so"}, headers=member.headers)
    assert wrong.status_code == 422


def test_a_verdict_by_chance_takes_what_its_draw_passed_over_into_the_sample(site: House) -> None:
    member = sign_in(site.store, name="Bo Lind")
    for number in range(3):
        conversation(site, f"Is lamp {number} bright?")
    queue = site.client.get("/agents/api/review/queue", headers=member.headers).json()
    drawn = queue["drawn"]
    assert drawn["day"] == datetime.now(UTC).date().isoformat()
    found = done(site.store.reviews.candidates(member.user, Ask(f"{drawn['day']}:{member.user.id}", 0.63)))
    first, second = ((one.conversation_id, one.seq) for one in found.uniform[:2])
    for place, why in ((first, "near_threshold"), (second, "uniform")):
        said = {"conversation": place[0], "seq": place[1], "verdict": "right", "why_shown": why, "drawn": drawn}
        assert site.client.post("/agents/api/review/verdicts", json=said, headers=member.headers).status_code == 200
    judged = done(site.store.reviews.verdicts(member.user, first[0]))[first[1]]
    assert judged.why_shown == "uniform"


def test_two_agents_do_not_get_the_same_reply_first(site: House) -> None:
    for number in range(12):
        conversation(site, f"Does tent {number} stand in the wind?")
    first, second = sign_in(site.store, name="Cy Oak"), sign_in(site.store, name="Di Elm")
    item = site.client.get("/agents/api/review/queue", headers=first.headers).json()["items"][0]
    place = f"/agents/api/review/items/{item['conversation']}/{item['seq']}"
    assert site.client.get(place, headers=first.headers).status_code == 200
    others = site.client.get("/agents/api/review/queue", headers=second.headers).json()["items"]
    assert others[0]["conversation"] != item["conversation"]


def test_a_table_holds_one_reply_for_each_and_lets_go_of_the_last() -> None:
    tables = Tables()
    tables.look(1, ("a", 2))
    tables.look(2, ("b", 2))
    assert tables.of_others(2) == {("a", 2)}
    tables.look(1, ("c", 2))
    assert tables.of_others(2) == {("c", 2)}
    assert tables.of_others(1) == {("b", 2)}


def test_a_search_that_shows_what_customers_wrote_is_audited(site: House) -> None:
    admin = sign_in(site.store, "admin", name="Eve Root")
    made = conversation(site, "Is the quillfeather jacket warm?")
    for query in ("", "?q=quillfeather", "?q=nothingatall"):
        assert site.client.get(f"/agents/api/transcripts{query}", headers=admin.headers).status_code == 200
    found = done(site.store.audit.entries(user_id=admin.user.id, action="transcript.search"))
    assert [entry.detail for entry in found] == [{"conversations": [made]}]
    listed = done(site.store.audit.entries(user_id=admin.user.id, action="transcript.preview"))
    assert [(entry.detail["where"], entry.detail["conversations"][0]) for entry in listed] == [("archive", made)]

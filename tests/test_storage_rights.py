"""What a person may ask for, on both databases: found, handed over, erased; kills finished, backups told again, old ones gone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from chatbot.errors import BadInput, Busy, Conflict, NotFound, StorageError
from chatbot.types import Role, Transcript, Turn
from storage import eraser as eraser_module
from storage import retention as retention_module
from storage.audit import COMMAND
from storage.desk_tables import CorrectionRow, ErasureRow
from storage.eraser import Eraser
from storage.erasing import Scope
from storage.ledger import KEY, LEDGER, Ledger
from storage.lessons import Lesson
from storage.opening import Store, open_store
from storage.overtaking import Since
from storage.people import User
from storage.subjects import By, Subject
from storage.tables import ConversationRow, Rows
from tests.erased import Customer, ask_in_vain, fill_gap, make_customer, traces, write_answer
from tests.fakes_retrieval import passage
from tests.staff import done

SMALL_BALLAST = 1 << 20
Doomed = Callable[[str | None, str], bool]


@dataclass
class Elsewhere:
    """Copies outside the database that only write down what they were asked; `dies` ends a sweep as a kill would."""

    asked: list[tuple[Doomed, bool, bool]] = field(default_factory=list)
    trained: Sequence[str] = ()
    dies: bool = False
    old: bool = False

    def models(self, conversations: Collection[str]) -> Sequence[str]:
        return list(self.trained)

    def sweep(self, doomed: Doomed, *, index: bool, dry_run: bool) -> Mapping[str, Any]:
        if self.dies:
            raise KeyboardInterrupt
        self.asked.append((doomed, index, dry_run))
        return {"index": {"passages": int(index)}, "examples": {"removed": 0}}

    def stale(self, since: datetime) -> bool:
        return self.old


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest) -> str | None:
    return str(request.getfixturevalue("postgres_url")) if request.param == "postgres" else None


@pytest.fixture
def store(url: str | None, tmp_path: Path) -> Iterator[Store]:
    with open_store(url, tmp_path, ballast_bytes=SMALL_BALLAST) as opened:
        yield opened


@pytest.fixture
def boss(store: Store) -> User:
    return done(store.people.add_user("ada@shop.example", "Ada Boss", "admin", COMMAND))


def of(one: Customer) -> Subject:
    return Subject(By.OWNER, one.owner)


def rows_left(store: Store) -> dict[str, int]:
    """Rows of every table that may hold something of a customer."""
    beside = {"users", "audit", "erasures", "imports", "knowledge_state", "staff_sessions", "teams", "retirements"}
    tables = [table for table in Rows.metadata.sorted_tables if table.name not in beside]
    counts = {
        t.name: store.database.read(lambda c, t=t: c.execute(select(func.count()).select_from(t)).scalar_one())
        for t in tables
    }
    return {name: count for name, future in counts.items() if (count := future.result())}


def test_everything_of_one_person_goes_and_the_receipt_counts_it(store: Store, boss: User) -> None:
    gone, stays = make_customer(store, boss, 1), make_customer(store, boss, 2)
    before, elsewhere = rows_left(store), Elsewhere(trained=["tuned-3"])
    preview = store.rights.preview(of(gone), elsewhere)
    receipt = store.rights.erase(of(gone), elsewhere)
    after = rows_left(store)
    went = {
        name: number
        for name, number in receipt.rows.items()
        if not name.endswith("entries") and name != "quotes elsewhere"
    }
    assert {name: before[name] - after.get(name, 0) for name in before} == {name: went.get(name, 0) for name in before}
    assert dict(preview.rows) == dict(receipt.rows)
    assert (receipt.rows["message_search entries"], receipt.models, receipt.conversations) == (4, ["tuned-3"], 1)
    assert [(index, dry) for _, index, dry in elsewhere.asked] == [(True, True), (True, False)]
    assert store.rights.search(gone.words["said"]) == []
    assert [found.conversation for found in store.rights.search(stays.words["said"])] == [stays.conversation]
    with pytest.raises(NotFound, match="Nothing is kept"):
        store.rights.erase(of(gone), Elsewhere())


def test_a_receipt_names_nobody(store: Store, boss: User, tmp_path: Path) -> None:
    one = make_customer(store, boss, 1)
    receipt = store.rights.erase(of(one), Elsewhere())
    [kept] = store.rights.receipts()
    ledger = (tmp_path / LEDGER).read_text()
    for told in (json.dumps(kept, default=str), ledger):
        assert receipt.id in told
        assert not any(secret in told for secret in (one.owner, one.conversation, *one.words.values()))
    assert [json.loads(line)["step"] for line in ledger.splitlines()] == ["intent", "done"]


def test_one_conversation_goes_and_the_other_of_the_same_person_stays(store: Store) -> None:
    first, second = (done(store.conversations.create_conversation("ann")) for _ in range(2))
    assert store.rights.erase(Subject(By.CONVERSATION, first.id), Elsewhere()).conversations == 1
    assert [c.id for c in done(store.conversations.conversations_of("ann"))] == [second.id]


def test_by_address_all_of_whoever_left_it(store: Store, boss: User) -> None:
    one, other = make_customer(store, boss, 1), make_customer(store, boss, 2)
    more = done(store.conversations.create_conversation(one.owner))
    receipt = store.rights.erase(Subject(By.EMAIL, f"{one.words['contact'].upper()}@Example.org"), Elsewhere())
    assert receipt.conversations == 2
    with pytest.raises(NotFound):
        done(store.conversations.conversation(more.id, one.owner))
    assert done(store.conversations.conversation(other.conversation, other.owner))


def test_an_imported_conversation_goes_with_its_quotes_in_other_replies(store: Store, boss: User) -> None:
    past = passage(7, "Where is it?", "There.", conversation_id="77", source="zendesk", id="p-shop")
    with store.transcripts.importing("x.jsonl", "own") as batch:
        batch.add(
            Transcript("77", "zendesk", (Turn(Role.CUSTOMER, "Where is it?"), Turn(Role.AGENT, "There."))), [past]
        )
        batch.commit()
    make_customer(store, boss, 1)
    receipt = store.rights.erase(Subject(By.TRANSCRIPT, "77", "zendesk"), Elsewhere())
    assert {name: receipt.rows[name] for name in ("transcripts", "passages", "quotes elsewhere")} == {
        "transcripts": 1, "passages": 1, "quotes elsewhere": 1,
    }  # fmt: skip
    assert "77" not in {one.id for one in store.transcripts.transcripts()}


def test_search_shows_who_it_may_be_and_erases_nobody(store: Store, boss: User) -> None:
    one = make_customer(store, boss, 1)
    by_words, by_address = (
        store.rights.search(one.words["said"]),
        store.rights.search(f"{one.words['contact']}@example.org"),
    )
    assert [(c.conversation, c.owner, c.why) for c in by_words] == [(one.conversation, one.owner, "message")]
    assert [(c.conversation, c.why) for c in by_address] == [(one.conversation, "address left")]
    assert store.rights.search("nobody wrote this") == []
    with pytest.raises(BadInput):
        store.rights.search("  ")


def test_the_dossier_holds_all_of_a_person_and_notes_only_when_asked(store: Store, boss: User) -> None:
    one = make_customer(store, boss, 1)
    plain, whole = (json.dumps(store.rights.dossier(of(one), notes=notes)) for notes in (False, True))
    given = {place: one.words[place] for place in ("said", "agent", "contact", "rating", "comment", "tag", "wrong")}
    assert [place for place, word in given.items() if word not in plain] == []
    assert one.words["note"] not in plain
    assert one.words["note"] in whole


def test_a_killed_erasure_is_finished_at_the_next_start(url: str | None, tmp_path: Path) -> None:
    with open_store(url, tmp_path, ballast_bytes=SMALL_BALLAST) as store:
        boss = done(store.people.add_user("ada@shop.example", "Ada", "admin", COMMAND))
        one = make_customer(store, boss, 1)
        with pytest.raises(KeyboardInterrupt):
            store.rights.erase(of(one), Elsewhere(dies=True))
        assert store.rights.receipts() == []
    with open_store(url, tmp_path, ballast_bytes=SMALL_BALLAST) as store:
        elsewhere = Elsewhere()
        [receipt] = store.rights.catch_up(elsewhere)
        doomed, index, _ = elsewhere.asked[0]
        assert (doomed("live", one.conversation), doomed(None, one.conversation), doomed("live", "other"), index) == (
            True,
            True,
            False,
            True,
        )
        assert [kept["receipt"] for kept in store.rights.receipts()] == [receipt.id]
        assert store.rights.catch_up(Elsewhere()) == []


def test_killed_before_a_row_went_it_is_finished_too(
    url: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with open_store(url, tmp_path, ballast_bytes=SMALL_BALLAST) as store:
        boss = done(store.people.add_user("ada@shop.example", "Ada", "admin", COMMAND))
        one, stays = make_customer(store, boss, 1), make_customer(store, boss, 2)
        with monkeypatch.context() as patch:
            patch.setattr(eraser_module.Eraser, "delete", killed)
            with pytest.raises(KeyboardInterrupt):
                store.rights.erase(of(one), Elsewhere())
    with open_store(url, tmp_path, ballast_bytes=SMALL_BALLAST) as store:
        assert list(done(store.conversations.conversations_of(one.owner))) == []
        assert len(done(store.conversations.conversations_of(stays.owner))) == 1
        assert (
            store.database.read(
                lambda c: c.execute(select(func.count()).select_from(CorrectionRow)).scalar_one()
            ).result()
            == 1
        )


def test_a_restored_backup_is_erased_again(tmp_path: Path) -> None:
    data, backup = tmp_path / "data", tmp_path / "backup.sqlite3"
    with open_store(None, data, ballast_bytes=SMALL_BALLAST) as store:
        boss = done(store.people.add_user("ada@shop.example", "Ada", "admin", COMMAND))
        one, stays = make_customer(store, boss, 1), make_customer(store, boss, 2)
        store.database.settle(compact_below=0)
    shutil.copy(data / "precedent.sqlite3", backup)
    with open_store(None, data, ballast_bytes=SMALL_BALLAST) as store:
        store.rights.erase(of(one), Elsewhere())
        fresh = done(store.conversations.create_conversation(one.owner))  # he comes back, with the same cookie
    for name in ("precedent.sqlite3-wal", "precedent.sqlite3-shm"):
        (data / name).unlink(missing_ok=True)
    shutil.copy(backup, data / "precedent.sqlite3")
    with open_store(None, data, ballast_bytes=SMALL_BALLAST) as store:
        elsewhere = Elsewhere()
        [again] = store.rights.catch_up(elsewhere)
        assert again.replayed
        assert len(elsewhere.asked) == 1
        assert len(done(store.conversations.conversations_of(stays.owner))) == 1
        assert list(done(store.conversations.conversations_of(one.owner))) == []
        assert [row["receipt"] for row in store.rights.receipts()] == [again.id]
    assert traces(data, set(one.words.values()) - {one.words["example"]}) == set()
    assert fresh.id


def test_who_came_back_after_an_erasure_is_not_erased_with_a_replay(
    store: Store, url: str | None, tmp_path: Path
) -> None:
    old = done(store.conversations.create_conversation("ann"))
    store.rights.erase(Subject(By.OWNER, "ann"), Elsewhere())
    new = done(store.conversations.create_conversation("ann"))
    store.database.write(lambda c: c.execute(delete(ErasureRow))).result()  # as an older backup is
    assert store.rights.restore_missing() == 0
    assert [c.id for c in done(store.conversations.conversations_of("ann"))] == [new.id]
    assert old.id != new.id


def test_the_ledger_is_completed_from_the_database(store: Store, boss: User, tmp_path: Path) -> None:
    one = make_customer(store, boss, 1)
    receipt = store.rights.erase(of(one), Elsewhere())
    (tmp_path / LEDGER).unlink()
    store.rights.restore_missing()
    [entry] = Ledger(tmp_path).entries()
    assert (entry.receipt, entry.step) == (receipt.id, "restored")
    assert Ledger(tmp_path).doomed([entry])("live", one.conversation)


def test_a_torn_or_broken_line_of_the_ledger_loses_no_other(store: Store, tmp_path: Path) -> None:
    for owner in ("ann", "bob"):
        done(store.conversations.create_conversation(owner))
    store.rights.erase(Subject(By.OWNER, "ann"), Elsewhere())
    with (tmp_path / LEDGER).open("ab") as file:
        file.write(b'{"receipt": "half')
    store.rights.erase(Subject(By.OWNER, "bob"), Elsewhere())
    assert [entry.step for entry in Ledger(tmp_path).entries()] == ["done", "done"]


def test_without_its_key_the_ledger_says_what_is_missing(store: Store, tmp_path: Path) -> None:
    done(store.conversations.create_conversation("ann"))
    store.rights.erase(Subject(By.OWNER, "ann"), Elsewhere())
    (tmp_path / KEY).unlink()
    done(store.conversations.create_conversation("bob"))
    with pytest.raises(StorageError, match=r"erasures\.key is missing"):
        store.rights.erase(Subject(By.OWNER, "bob"), Elsewhere())
    assert len(done(store.conversations.conversations_of("bob"))) == 1


def test_an_old_index_version_is_swept_at_the_start(store: Store, boss: User) -> None:
    one, elsewhere = make_customer(store, boss, 1), Elsewhere(old=True)
    store.rights.erase(of(one), Elsewhere())
    assert store.rights.catch_up(elsewhere) == []
    [(doomed, index, _)] = elsewhere.asked
    assert (index, doomed("live", one.conversation)) == (True, True)


def test_an_erasure_beside_an_index_build_is_swept_again(store: Store, boss: User) -> None:
    one, elsewhere = make_customer(store, boss, 1), Elsewhere()
    with store.rights.overtaken(elsewhere):
        assert elsewhere.asked == []
        store.rights.erase(of(one), Elsewhere())
    assert len(elsewhere.asked) == 1
    with store.rights.overtaken(elsewhere):
        assert one
    assert len(elsewhere.asked) == 1
    other = make_customer(store, boss, 2)
    with pytest.raises(KeyboardInterrupt), store.rights.overtaken(elsewhere):
        _erased_and_cut_short(store, other)
    doomed, *_ = elsewhere.asked[1]
    assert (doomed("live", other.conversation), doomed("live", one.conversation)) == (True, False)


def _erased_and_cut_short(store: Store, one: Customer) -> None:
    store.rights.erase(of(one), Elsewhere())
    raise KeyboardInterrupt


def test_what_learnt_from_an_erased_conversation_is_not_sealed(store: Store, boss: User, tmp_path: Path) -> None:
    kept, first, second = (make_customer(store, boss, number) for number in range(3))
    with pytest.raises(KeyboardInterrupt):
        store.rights.erase(of(first), Elsewhere(dies=True))
    since, run = Since.now(tmp_path), tmp_path / "runs" / "one"
    run.mkdir(parents=True)
    with since.sealing([("live", kept.conversation)], run), pytest.raises(Busy, match="adds a model version"):
        Eraser(store.database, tmp_path).alone(0).__enter__()
    store.rights.erase(of(second), Elsewhere())
    for gone in (first, second):  # one that was not over when the work began, and one that came later
        run.mkdir(parents=True, exist_ok=True)
        with pytest.raises(Conflict, match=r"were erased while the run went on \(1\).* without --resume"):
            since.sealing([("live", kept.conversation), ("live", gone.conversation)], run).__enter__()
        assert not run.exists()
    with Since.now(tmp_path).sealing([("live", second.conversation)]):
        assert kept


def _age(store: Store, conversation: str, status: str, days: int) -> None:
    then = datetime.now(UTC) - timedelta(days=days)
    change = update(ConversationRow).where(ConversationRow.id == conversation).values(status=status, updated_at=then)
    store.database.write(lambda c: c.execute(change)).result()


def test_retention_takes_what_is_old_enough_and_never_who_waits(store: Store) -> None:
    made = {}
    for status, days in (("closed", 400), ("closed", 300), ("bot", 91), ("bot", 1), ("waiting", 999), ("human", 999)):
        one = done(store.conversations.create_conversation(f"{status}-{days}"))
        _age(store, one.id, status, days)
        made[status, days] = one
    policy = {"closed": 365, "bot": 90, "waiting": 1}
    assert [(due.status, due.conversations) for due in store.retention.due(policy)] == [("closed", 1), ("bot", 1)]
    [receipt] = store.retention.run(policy, Elsewhere())
    assert (receipt.reason, receipt.conversations) == ("retention", 2)
    left = {key for key in made if done(store.conversations.conversations_of(f"{key[0]}-{key[1]}"))}
    assert left == {("closed", 300), ("bot", 1), ("waiting", 999), ("human", 999)}
    assert store.retention.run({}, Elsewhere()) == []


def test_retention_keeps_what_the_team_wrote(store: Store, boss: User) -> None:
    one = make_customer(store, boss, 1)
    _age(store, one.conversation, "closed", 400)
    store.retention.run({"closed": 365}, Elsewhere())
    kept = store.database.read(
        lambda c: c.execute(select(CorrectionRow.conversation_id, CorrectionRow.answer)).one()
    ).result()
    assert (kept.conversation_id, one.words["answered"] in kept.answer) == (None, True)
    assert [p.source for p in store.transcripts.passages()] == ["correction"]


def answers(store: Store) -> set[str]:
    return {passage.answer for passage, _ in store.to_index()}


def questions(store: Store) -> set[str]:
    """Of all that the team wrote."""
    return set(store.database.read(lambda c: c.execute(select(CorrectionRow.question)).scalars().all()).result())


def test_an_answer_to_a_gap_goes_with_the_customer_whose_question_it_was_written_from(store: Store, boss: User) -> None:
    one, other = (fill_gap(store, boss, make_customer(store, boss, number)) for number in (1, 2))
    edit = Lesson(f"Any {one.words['gap']}?", "No more.", "en", "customer: Any?")
    [name] = [passage.id for passage, _ in store.to_index() if one.words["filled"] in passage.answer]
    done(store.corrections.write(boss, COMMAND, edit, replaces=name))
    store.rights.erase(Subject(By.CONVERSATION, one.conversation), Elsewhere())
    assert not any(one.words["filled"] in answer or answer == "No more." for answer in answers(store))
    assert any(other.words["filled"] in answer for answer in answers(store))
    since = datetime.now(UTC) - timedelta(days=1)
    assert [each.kind for each in done(store.gaps.decided(since)).values()] == ["answered"]
    _age(store, other.conversation, "bot", 100)
    assert len(store.retention.run({"bot": 90}, Elsewhere())) == 1
    assert any(other.words["filled"] in answer for answer in answers(store))  # masked knowledge does not age
    assert done(store.gaps.decided(since)) == {}


@pytest.mark.parametrize("moment", ["look at the models", 0, 1, 2])
def test_an_answer_that_is_written_during_an_erasure_goes_with_it(
    store: Store, boss: User, moment: str | int, tmp_path: Path
) -> None:
    one, refused = ask_in_vain(store, make_customer(store, boss, 1))
    other = fill_gap(store, boss, make_customer(store, boss, 2))
    with store.transcripts.importing("old.jsonl", "own") as batch:  # an export that was imported again
        batch.add(Transcript(one.conversation, "live", (Turn(Role.CUSTOMER, "Hi"), Turn(Role.AGENT, "Hi"))), [])
        batch.commit()
    written: list[str] = []

    def write() -> None:
        if not written:
            name = write_answer(store, boss, one, refused)
            edit = Lesson(f"Any {one.words['gap']}?", f"No {one.words['filled']}.", "en", "customer: Any?")
            written.extend((name, done(store.corrections.write(boss, COMMAND, edit, replaces=name)).passage_id))

    def at(_stage: str, done_chunks: int, _total: int) -> None:
        if done_chunks == moment:
            write()

    elsewhere = Back(comes=write if isinstance(moment, str) else list)
    before = rows_left(store)
    receipt = store.rights.erase(of(one), elsewhere, progress=at)
    words, left = {one.words["gap"], one.words["filled"]}, rows_left(store)
    assert (left["corrections"], left["gap_decisions"], left["regression_cases"]) == (2, 1, 2)
    assert not any(word in text for text in (*answers(store), *questions(store)) for word in words)
    assert any(other.words["filled"] in answer for answer in answers(store))
    assert (receipt.conversations, receipt.rows["corrections"], receipt.rows["transcripts"]) == (3, 3, 4)
    assert before["corrections"] == 3
    doomed, index, _ = elsewhere.asked[-1]
    assert index
    assert [doomed("correction", name) for name in written] == [True, True]
    assert not any(doomed("correction", passage.id) for passage, _ in store.to_index())
    covered = Ledger(tmp_path).doomed(Ledger(tmp_path).entries())
    assert [covered("correction", name) for name in written] == [True, True]


def test_killed_after_an_answer_came_it_is_finished_with_it(url: str | None, tmp_path: Path) -> None:
    with open_store(url, tmp_path, ballast_bytes=SMALL_BALLAST) as store:
        boss = done(store.people.add_user("ada@shop.example", "Ada", "admin", COMMAND))
        one, refused = ask_in_vain(store, make_customer(store, boss, 1))
        entry = store.rights._eraser.entry(Scope((one.conversation,)), "conversation", "request", one.conversation)
        store.rights.ledger.append(entry)
        name = write_answer(store, boss, one, refused)
    with open_store(url, tmp_path, ballast_bytes=SMALL_BALLAST) as store:
        assert not any(one.words["filled"] in answer for answer in answers(store))
        elsewhere = Elsewhere()
        assert len(store.rights.catch_up(elsewhere)) == 1
        [(doomed, index, _)] = elsewhere.asked
        assert (doomed("live", one.conversation), doomed("correction", name), index) == (True, True, True)


def test_who_answers_while_customers_are_erased_is_told_and_leaves_nothing(store: Store, boss: User) -> None:
    asked = [ask_in_vain(store, Customer(f"owner {n}", "", {"said": f"zqsaid{n:03d}kx"})) for n in range(30)]
    told: list[object] = []

    def answer(which: tuple[Customer, int]) -> None:
        one, refused = which
        lesson = Lesson("Boats?", f"We rent {one.words['filled']}.", "en", "customer: Boats?")
        group = [refused, *(other for _, other in asked)]  # of everybody who asked: some are gone, some go now
        try:
            told.append(done(store.gaps.answer(boss, COMMAND, group, lesson, refused)))
        except (Conflict, NotFound) as error:
            told.append(error)

    def erase(which: tuple[Customer, int]) -> None:
        store.rights.erase(of(which[0]), Elsewhere())

    with ThreadPoolExecutor(2) as threads:
        answering = threads.submit(lambda: list(map(answer, asked)))
        threads.submit(lambda: list(map(erase, asked))).result()
        answering.result()
    assert len(told) == len(asked)
    assert answers(store) == set()
    assert rows_left(store).keys().isdisjoint({"corrections", "gap_decisions", "transcripts"})


def test_retention_compacts_once_for_all_its_batches(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention_module, "BATCH", 1)
    below: list[int] = []
    settle = type(store.database).settle

    def spied(database: Any, *, compact_below: int) -> bool:
        below.append(compact_below)
        return settle(database, compact_below=compact_below)

    monkeypatch.setattr(type(store.database), "settle", spied)
    _two_old_chats(store)
    assert [receipt.settled for receipt in store.retention.run({"bot": 90}, Elsewhere())] == [True, True]
    assert [row["counts"]["settled"] for row in store.rights.receipts()] == [True, True]
    assert below[:2] == [0, 0]
    assert len([one for one in below if one]) == (store.database.dialect == "sqlite")


@dataclass
class Back(Elsewhere):
    """One customer writes again after retention has chosen the conversations, and before it deletes them."""

    comes: Callable[[], object] = list

    def models(self, conversations: Collection[str]) -> Sequence[str]:
        self.comes()
        return []


def _two_old_chats(store: Store) -> tuple[str, str]:
    """Of customers "back" and "away"."""
    keys = [done(store.conversations.create_conversation(owner)).id for owner in ("back", "away")]
    for key, owner in zip(keys, ("back", "away"), strict=True):
        done(store.conversations.add_customer_message(key, owner, "Where is it?", "1"))
        _age(store, key, "bot", 100)
    return keys[0], keys[1]


def _chats(store: Store, *owners: str) -> list[int]:
    return [len(done(store.conversations.conversations_of(owner))) for owner in owners]


def test_who_comes_back_while_retention_runs_keeps_the_chat(store: Store) -> None:
    back, away = _two_old_chats(store)
    say = store.conversations.add_customer_message
    elsewhere = Back(comes=lambda: done(say(back, "back", "Still there?", "2")))
    [receipt] = store.retention.run({"bot": 90}, elsewhere)
    assert (receipt.conversations, receipt.rows["conversations"], receipt.rows["messages"]) == (1, 1, 1)
    assert _chats(store, "back", "away") == [1, 0]
    assert len(done(store.conversations.messages(back, "back"))) == 2
    swept, _, _ = elsewhere.asked[0]
    assert (swept("live", back), swept("live", away)) == (False, True)
    store.database.write(lambda c: c.execute(delete(ErasureRow))).result()  # as an older backup is
    store.rights.restore_missing()
    assert _chats(store, "back", "away") == [1, 0]


def test_who_came_back_to_a_killed_retention_keeps_the_chat(url: str | None, tmp_path: Path) -> None:
    with open_store(url, tmp_path, ballast_bytes=SMALL_BALLAST) as store:
        back, away = _two_old_chats(store)
        with pytest.raises(KeyboardInterrupt):
            store.retention.run({"bot": 90}, Elsewhere(dies=True))
        assert _chats(store, "back", "away") == [0, 0]
        back, away = _two_old_chats(store)
        entry = store.retention.rights._eraser.entry(Scope((back, away)), "retention", "retention", "retention")
        store.rights.ledger.append(entry)  # killed before a row went
        done(store.conversations.add_customer_message(back, "back", "Still there?", "2"))
    with open_store(url, tmp_path, ballast_bytes=SMALL_BALLAST) as store:
        assert _chats(store, "back", "away") == [1, 0]
        elsewhere = Elsewhere()
        assert len(store.rights.catch_up(elsewhere)) == 2
        assert [(doomed("live", back), doomed("live", away)) for doomed, _, _ in elsewhere.asked][-1] == (False, True)


def test_customers_race_with_retention_and_no_word_that_was_taken_is_lost(store: Store) -> None:
    keys = [done(store.conversations.create_conversation(f"owner {n}")).id for n in range(80)]
    for key in keys:
        _age(store, key, "bot", 100)

    def write(n: int) -> bool:
        try:
            done(store.conversations.add_customer_message(keys[n], f"owner {n}", "I am back", "1"))
        except NotFound:
            return False
        return True

    with ThreadPoolExecutor(5) as threads:
        writing = threads.map(write, reversed(range(len(keys))))
        receipts = threads.submit(store.retention.run, {"bot": 90}, Elsewhere()).result()
        kept = list(writing)[::-1]
    there = [bool(found) for found in _chats(store, *(f"owner {n}" for n in range(len(keys))))]
    assert there == kept
    assert sum(receipt.conversations for receipt in receipts) == kept.count(False)


def test_what_a_big_file_leaves_is_tidied_later(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    if store.database.dialect != "sqlite":
        assert store.database.settle(compact_below=0)
        return
    monkeypatch.setattr(eraser_module, "COMPACT_BELOW", 0)
    done(store.conversations.create_conversation("ann"))
    assert not store.rights.erase(Subject(By.OWNER, "ann"), Elsewhere()).settled
    assert not store.rights.tidy()
    monkeypatch.setattr(eraser_module, "COMPACT_BELOW", 1 << 40)
    assert store.rights.tidy()
    assert store.rights.receipts()[0]["counts"]["settled"]
    assert not store.rights.tidy()


def test_the_subject_must_be_somebody() -> None:
    with pytest.raises(BadInput, match="is empty"):
        replace(Subject(By.EMAIL, "x"), value="  ").check()

"""The team's routes to corrections and knowledge: what is saved, masked and refused, and the work beside the server."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chatbot.erasing import Copies
from chatbot.learning.encoder_publishing import Change, WayBack
from chatbot.retrieval.index import IndexVersion
from chatbot.uploads import claim, release
from storage.subjects import By, Subject
from tests.embedded import link_models
from tests.fakes_retrieval import FakeEmbedder
from tests.fakes_ui import ANSWER
from tests.staff import House, Member, done, house, sign_in
from ui.staff import indexing
from ui.staff.imports import ERASED, Uploads
from ui.staff.jobs import Job, Jobs

KNOW, CORRECT = "/admin/api/knowledge", "/agents/api/corrections"
EXPORT = [
    {"id": f"c{n}", "language": "en", "turns": [
        {"role": "customer", "text": f"Do you sell kayak number {n}? I am Jane Roe, jane{n}@mail.example"},
        {"role": "agent", "text": f"Yes, kayak number {n} is 2{n}0 euros and comes with a paddle.", "author": "Bea"},
    ]} for n in range(1, 4)
]  # fmt: skip


@pytest.fixture
def site(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path, settings={"max_upload_mb": 1}) as made:
        yield made


@pytest.fixture
def ada(site: House) -> Member:
    return sign_in(site.store, "admin", name="Ada Boss")


def conversation(site: House, question: str = "How long? I am Jane Roe, jane@mail.example") -> str:
    made = done(site.store.conversations.create_conversation("owner", "en"))
    said, _ = done(site.store.conversations.add_customer_message(made.id, "owner", question, "first"))
    done(site.store.conversations.add_reply(made.id, ANSWER, said.seq))
    return made.id


def post(site: House, who: Member, path: str, body: Any = None, status: int = 200) -> Any:
    answer = site.client.post(path, json=body, headers=who.headers)
    assert answer.status_code == status, answer.text
    return answer.json()


def get(site: House, who: Member, path: str) -> Any:
    answer = site.client.get(path, headers=who.headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ended(site: House, who: Member) -> Any:
    while (job := get(site, who, f"{KNOW}/job")["job"])["state"] == "running":
        time.sleep(0.05)
    return job


def upload(site: House, who: Member, content: bytes, name: str = "export.jsonl", status: int = 202) -> Any:
    answer = site.client.post(f"{KNOW}/upload?name={name}", content=content, headers=who.headers)
    assert answer.status_code == status, answer.text
    return answer.json()


def lines() -> bytes:
    return "\n".join(json.dumps(one) for one in EXPORT).encode()


def test_a_correction_by_an_agent_is_kept_and_taken_back(site: House) -> None:
    ann, place = sign_in(site.store), conversation(site)
    shown = get(site, ann, f"{CORRECT}/of/{place}/2")
    (viewed,) = done(site.store.audit.entries(target=f"conversation:{place}"))
    assert (viewed.action, viewed.detail) == ("correction.view", {"seq": 2, "messages": 2})
    assert "jane@mail.example" in shown["asked"]  # the team sees what was written
    assert "jane@mail.example" not in shown["question"]  # knowledge is masked
    assert [one["supersede"] for one in shown["sources"]] == [True, False]
    body = {"conversation": place, "seq": 2, "answer": "Sixty days.", "question": "How long, asks jane@mail.example?"}
    made = post(site, ann, CORRECT, body, 201)
    assert made["masked"]
    assert made["correction"]["question"] == "How long, asks [EMAIL]?"
    assert (made["correction"]["answer"], made["correction"]["agent"]) == ("Sixty days.", "Ann Lee")
    second = post(site, sign_in(site.store, name="Bob Ray"), CORRECT, body, 409)
    assert "Ann Lee" in second["error"]["message"]
    assert get(site, ann, f"{CORRECT}/of/{place}/2")["correction"]["id"] == made["correction"]["id"]
    for shown in (f"/agents/api/transcripts/{place}", f"/agents/api/desk/conversations/{place}?after=2"):
        assert get(site, ann, shown)["corrections"] == {"2": made["correction"]}
    post(site, ann, f"{CORRECT}/{made['correction']['id']}/undo", {})
    assert get(site, ann, f"{CORRECT}/of/{place}/2")["correction"] is None
    (case,) = (post(site, ann, CORRECT, body | {"question": "How many days?"}, 201),)
    assert case["correction"]["question"] == "How many days?"
    assert [one.turns[-1]["text"] for one in site.store.cases.all()] == ["How many days?"]


def test_personal_data_in_an_answer_is_asked_about_and_a_customers_own_is_refused(site: House, ada: Member) -> None:
    body = {"conversation": conversation(site), "seq": 2, "answer": "Sixty days. Write to parts@maker.example."}
    asked = post(site, ada, CORRECT, body, 422)["error"]
    assert (asked["code"], "parts@maker.example" in asked["message"]) == ("personal_data", True)
    assert site.store.cases.all() == []
    made = post(site, ada, CORRECT, body | {"ours": True}, 201)
    assert made["correction"]["answer"] == body["answer"]  # word for word, as customers get it
    post(site, ada, f"{CORRECT}/{made['correction']['id']}/undo", {})
    theirs = post(site, ada, CORRECT, body | {"ours": True, "answer": "Write to Jane@mail.example."}, 422)["error"]
    assert (theirs["code"], "the customer has told us" in theirs["message"]) == ("bad_input", True)
    new = {"question": "Who makes the stoves?", "answer": "Ask parts@maker.example.", "language": "en"}
    assert post(site, ada, f"{KNOW}/passages", new, 422)["error"]["code"] == "personal_data"
    first = post(site, ada, f"{KNOW}/passages", new | {"ours": True}, 201)["correction"]
    edit = {"answer": "Ask stoves@maker.example."}
    path = f"{KNOW}/passages/{first['passage_id']}/edit"
    assert post(site, ada, path, edit, 422)["error"]["code"] == "personal_data"
    assert post(site, ada, path, edit | {"ours": True}, 201)["correction"]["answer"] == edit["answer"]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"answer": " "}, 422),
        ({"answer": "x" * 9000}, 422),
        ({"answer": ANSWER.text}, 422),
        ({"supersede": ["foreign"]}, 422),
        ({"seq": 1}, 404),
        ({"seq": 0}, 422),
        ({"conversation": "nowhere"}, 404),
        ({"more": 1}, 422),
    ],
)
def test_what_cannot_be_a_correction_is_refused_in_a_sentence(site: House, change: dict[str, Any], status: int) -> None:
    ann = sign_in(site.store)
    body = {"conversation": conversation(site), "seq": 2, "answer": "Sixty days."} | change
    assert post(site, ann, CORRECT, body, status)["error"]["message"].endswith(".")
    assert site.store.cases.all() == []


def test_an_admin_writes_edits_retires_and_gives_back(site: House, ada: Member) -> None:
    made = post(site, ada, f"{KNOW}/passages", {"question": "Do you sell kayaks?", "answer": "No, paddles only."}, 201)
    first = made["correction"]["passage_id"]
    assert made["correction"]["language"] == "en"  # told from the question
    edited = post(site, ada, f"{KNOW}/passages/{first}/edit", {"answer": "Yes, since May."}, 201)["correction"]
    (shown,) = get(site, ada, f"{KNOW}/passages?words=kayaks")["passages"]
    assert (shown["answer"], shown["author"], shown["used"]) == ("Yes, since May.", "Ada Boss", 0)
    (old,) = get(site, ada, f"{KNOW}/passages?state=retired")["passages"]
    assert (old["id"], old["replaced_by"]) == (first, edited["id"])
    name = edited["passage_id"]
    assert post(site, ada, f"{KNOW}/passages/{name}/retire", {"at": "2199-01-01T00:00:00Z"})["retired_at"]
    assert get(site, ada, f"{KNOW}/passages/{name}")["retired_by"] == "Ada Boss"
    assert post(site, ada, f"{KNOW}/passages/{name}/lift")["retired_at"] is None
    post(site, ada, f"{KNOW}/passages/{name}/retire", {"at": "2001-01-01T00:00:00Z"}, 422)
    assert get(site, ada, f"{KNOW}/facts") == {
        "kinds": [{"source": "correction", "language": "en", "passages": 1}], "retired": 1,
    }  # fmt: skip
    assert [one["kind"] for one in get(site, ada, f"{KNOW}/corrections")["corrections"]] == ["edit", "gap"]


def test_an_export_is_looked_at_first_and_then_taken_in(site: House, ada: Member) -> None:
    content = lines() + b'\n{"id": "broken"}\n'
    job = upload(site, ada, gzip.compress(content), "../..//My export.jsonl.gz")
    seen = ended(site, ada)
    assert (seen["state"], seen["result"]["dry_run"], seen["result"]["conversations"]) == ("done", True, {"found": 3})
    assert seen["result"]["skipped_count"] == 1
    assert "jane" not in json.dumps(seen["result"]["samples"])
    assert (seen["upload"], seen["name"]) == (job["upload"], "My_export.jsonl.gz")  # a page that was reloaded can go on
    assert site.store.transcripts.counts().transcripts == 0
    folder = site.parts.settings.data / "uploads"
    assert [path.name for path in folder.rglob("*.gz")] == ["My_export.jsonl.gz"]
    post(site, ada, f"{KNOW}/import", {"upload": job["upload"]}, 202)
    taken = ended(site, ada)
    assert (taken["state"], taken["result"]["conversations"]) == ("done", {"new": 3})
    assert site.store.transcripts.counts().transcripts == 3
    while folder.exists():
        time.sleep(0.05)
    again = post(site, ada, f"{KNOW}/import", {"upload": job["upload"]}, 409)
    assert "choose the file again" in again["error"]["message"]
    while "knowledge.import" not in (actions := [entry.action for entry in done(site.store.audit.entries())]):
        time.sleep(0.05)  # it follows the tidying
    assert actions.count("knowledge.import") == 1
    assert get(site, ada, f"{KNOW}/versions")["waiting"] == 3  # in no index yet
    upload(site, ada, content)
    ended(site, ada)
    assert site.client.delete(f"{KNOW}/upload", headers=ada.headers).status_code == 200
    assert get(site, ada, f"{KNOW}/job")["job"] is None  # what was thrown away is not offered again


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"PK\x03\x04 and so on", "ZIP"),
        (b'{"no": "conversation"}\n', "export"),
        (gzip.compress(b"0" * (1 << 28), 9, mtime=0), "no format"),
    ],
)
def test_a_file_of_the_wrong_kind_is_told_in_a_sentence_and_deleted(
    site: House, ada: Member, content: bytes, told: str
) -> None:
    upload(site, ada, content)
    job = ended(site, ada)
    assert job["state"] == "failed"
    assert told in job["error"]
    assert site.store.transcripts.counts().transcripts == 0
    while (site.parts.settings.data / "uploads").exists():
        time.sleep(0.05)


def test_a_file_beyond_the_limit_and_an_empty_one_are_refused(site: House, ada: Member) -> None:
    assert "max_upload_mb" in upload(site, ada, b"x" * (1024 * 1024 + 1), status=413)["error"]["message"]
    assert "empty" in upload(site, ada, b"", status=422)["error"]["message"]
    assert not (site.parts.settings.data / "uploads").exists()
    other = site.client.post(f"{KNOW}/facts", content=b"x" * 300_000, headers=ada.headers)
    assert other.status_code == 413  # every other route keeps the small limit


def test_a_cancelled_import_leaves_nothing(site: House, ada: Member) -> None:
    big = b"\n".join(json.dumps(EXPORT[0] | {"id": f"c{n}"}).encode() for n in range(2500))
    job = upload(site, ada, big)
    assert ended(site, ada)["state"] == "done"
    post(site, ada, f"{KNOW}/import", {"upload": job["upload"]}, 202)
    busy = post(site, ada, f"{KNOW}/index", {}, 409)
    assert "Ada Boss" in busy["error"]["message"]
    while get(site, ada, f"{KNOW}/job")["job"]["stage"] == "start":
        time.sleep(0.02)
    post(site, ada, f"{KNOW}/job/cancel", {})
    assert ended(site, ada)["state"] == "cancelled"
    assert site.store.transcripts.counts().transcripts == 0
    while (site.parts.settings.data / "uploads").exists():
        time.sleep(0.05)


def erase(site: House) -> Any:
    """Some customer goes, under whatever id; what the receipt says of uploads."""
    gone = conversation(site)
    receipt = site.store.rights.erase(Subject(By.CONVERSATION, gone), Copies(site.parts.settings))
    return receipt.outside["uploads"]


def test_what_was_only_looked_at_is_deleted_by_an_erasure_and_the_admin_is_told(site: House, ada: Member) -> None:
    job = upload(site, ada, lines())
    assert ended(site, ada)["result"]["samples"]
    claim(site.parts.settings.data).release()  # the preview has let go of it
    gone = Subject(By.CONVERSATION, conversation(site))
    preview = site.store.rights.preview(gone, Copies(site.parts.settings))
    assert preview.outside["uploads"] == {"removed": 1, "in_use": 0}
    receipt = site.store.rights.erase(gone, Copies(site.parts.settings))
    assert receipt.outside["uploads"] == preview.outside["uploads"]
    assert not list((site.parts.settings.data / "uploads").rglob("*.jsonl"))
    told = post(site, ada, f"{KNOW}/import", {"upload": job["upload"]}, 409)
    assert "deleted because somebody's data was erased" in told["error"]["message"]
    seen = get(site, ada, f"{KNOW}/job")["job"]
    assert (seen["state"], seen["result"], "erased" in seen["error"]) == ("failed", None, True)
    again = upload(site, ada, lines())
    assert ended(site, ada)["state"] == "done"
    post(site, ada, f"{KNOW}/import", {"upload": again["upload"]}, 202)
    assert ended(site, ada)["state"] == "done"


def test_an_erasure_breaks_no_import_that_runs(site: House, ada: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    swept, drop = threading.Event(), Uploads.drop

    def drop_when_swept(uploads: Uploads, path: Path) -> None:  # so that the import has not ended before
        swept.wait(30)
        drop(uploads, path)

    monkeypatch.setattr(Uploads, "drop", drop_when_swept)
    job = upload(site, ada, b"\n".join(json.dumps(EXPORT[0] | {"id": f"c{n}"}).encode() for n in range(2500)))
    assert ended(site, ada)["state"] == "done"
    post(site, ada, f"{KNOW}/import", {"upload": job["upload"]}, 202)
    assert erase(site) == {"removed": 0, "in_use": 1}
    swept.set()
    assert ended(site, ada)["state"] == "done"
    assert site.store.transcripts.counts().transcripts == 2500
    while list((site.parts.settings.data / "uploads").rglob("*.jsonl")):
        time.sleep(0.05)


def test_what_is_looked_at_during_an_erasure_goes_at_its_end(site: House, ada: Member) -> None:
    data = site.parts.settings.data
    file = data / "uploads" / "abcdefgh" / "export.jsonl"
    file.parent.mkdir(parents=True)
    file.write_bytes(lines())
    reader = claim(data)
    assert erase(site) == {"removed": 0, "in_use": 1}
    assert file.exists()
    release(data, reader)
    assert not file.exists()
    told = post(site, ada, f"{KNOW}/import", {"upload": "abcdefgh"}, 409)
    assert "somebody's data was erased" in told["error"]["message"]
    assert erase(site) == {"removed": 0, "in_use": 0}


@pytest.mark.parametrize("when", ["after the preview", "while it runs"])
def test_samples_of_an_export_are_forgotten_after_an_erasure_though_nobody_looks(
    site: House, ada: Member, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Job] = []
    start = Jobs.start

    def started(jobs: Jobs, *args: Any) -> Job:
        made.append(start(jobs, *args))
        return made[-1]

    monkeypatch.setattr(Jobs, "start", started)
    upload(site, ada, lines())
    [job] = made
    if when == "after the preview":
        while job.state == "running":
            time.sleep(0.05)
        claim(site.parts.settings.data).release()  # it has let go of the file
    erase(site)
    site.parts.hub.resync()  # as the housekeeping does
    while job.state in ("running", "done"):
        time.sleep(0.05)
    assert (job.result, job.error) == (None, ERASED)


def test_the_search_test_says_so_where_nothing_runs(site: House, ada: Member) -> None:
    answer = site.client.get(f"{KNOW}/search?query=boots", headers=ada.headers)
    assert answer.status_code == 429


@pytest.mark.models
def test_an_index_is_built_verified_and_rolled_back(
    site: House, ada: Member, converted_models: Path, tmp_path: Path
) -> None:
    link_models(converted_models, tmp_path)
    post(site, ada, f"{KNOW}/passages", {"question": "Do you sell kayaks?", "answer": "No, paddles only."}, 201)
    for number in (1, 2):
        post(site, ada, f"{KNOW}/index", {}, 202)
        built = ended(site, ada)
        assert (built["state"], built["result"]["passages"]) == ("done", number), built["error"]
        post(site, ada, f"{KNOW}/passages", {"question": f"And canoe {number}?", "answer": f"No canoe {number}."}, 201)
    answer = get(site, ada, f"{KNOW}/versions")
    found = answer["versions"]
    assert answer["waiting"] == 0  # what the team writes holds without a build
    assert [(one["name"], one["current"]) for one in found] == [("v000002", True), ("v000001", False)]
    assert post(site, ada, f"{KNOW}/versions/v000002/verify")["files"] > 3
    assert post(site, ada, f"{KNOW}/versions/v000001/rollback")["name"] == "v000001"
    post(site, ada, f"{KNOW}/versions/v000009/rollback", status=404)


@pytest.mark.parametrize("kept", [True, False])
def test_the_encoder_goes_back_with_an_index_of_its_own_or_a_job_that_builds_one(
    site: House, ada: Member, monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    way, index = WayBack("encoder-v0002", "encoder-v0001", FakeEmbedder()), IndexVersion("v000002", Path())
    taken: list[Change] = []
    monkeypatch.setattr(indexing, "way_back", lambda settings: way)
    monkeypatch.setattr(indexing, "roll_back_kept", lambda *given: taken.append(given[2]) or (index if kept else None))

    def started(_jobs: Jobs, kind: str, by: str, wish: Any, ended: Any) -> Job:
        assert (kind, by, wish) == ("index", "Ada Boss", {"back": {"by": "Ada Boss", "reason": "worse"}})
        told = {"kind": "encoder", "to": "encoder-v0001", "from": "encoder-v0002"}
        job = Job(kind, by, state="done", result={"version": "v000004", "back": told})
        ended(job)
        return job

    monkeypatch.setattr(Jobs, "start", started)
    answer = post(site, ada, f"{KNOW}/encoder/rollback", {"reason": "worse"})
    assert taken == [Change("Ada Boss", "worse", action="rollback")]
    assert (answer["version"], answer["index"]) == ("encoder-v0001", "v000002" if kept else None)
    assert (answer["job"] is None) is kept
    while not (noted := done(site.store.audit.entries(target="model:encoder-v0001"))):
        time.sleep(0.01)
    assert [(entry.action, entry.detail["from"]) for entry in noted] == [("models.rollback", "encoder-v0002")]

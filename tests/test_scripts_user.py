"""`chatbot user` and `chatbot team` as an admin types them."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.opening import open_store
from tests.commands import Done, refused, typed
from tests.staff import done


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def chatbot(folder: Path, *words: object) -> Done:
    return typed("--data", folder, *words)


def add(folder: Path, email: str = "ann@shop.example", *more: object) -> Done:
    return chatbot(folder, "user", "add", email, "--name", "Ann Lee", *more)


def test_adding_somebody_prints_a_link_that_works_once(folder: Path) -> None:
    words = ("user", "add", "Ann@Shop.example", "--name", "Ann Lee", "--role", "admin", "--json")
    made = typed("--data", folder, *words, CHATBOT_PUBLIC_URL="https://chat.shop.example/")
    assert made.code == 0, made.err
    assert (made.json["email"], made.json["role"]) == ("ann@shop.example", "admin")
    base, _, token = made.json["link"].rpartition("/")
    assert base == "https://chat.shop.example/setup"
    with open_store(None, folder) as store:
        assert done(store.links.look(token)).email == "ann@shop.example"  # type: ignore[union-attr]
        assert token not in str(done(store.audit.entries()))


def test_the_link_is_told_in_words_too(folder: Path) -> None:
    told = add(folder)
    assert told.code == 0, told.err
    assert "Ann Lee <ann@shop.example>, agent." in told.out
    assert "http://127.0.0.1:7860/setup/" in told.out
    assert "started with --port" in told.out
    assert told.err == ""


def test_the_list_shows_who_is_there(folder: Path) -> None:
    chatbot(folder, "team", "add", "Returns", "--language", "de", "--language", "en")
    add(folder, "ann@shop.example", "--team", "returns")
    [row] = chatbot(folder, "user", "list", "--json").json
    expected = {
        "email": "ann@shop.example",
        "role": "agent",
        "team": "Returns",
        "can_sign_in": False,
        "disabled": False,
    }
    assert {key: row[key] for key in expected} == expected
    shown = chatbot(folder, "user", "list").out
    assert "link not used yet" in shown
    assert "never" in shown
    [team] = chatbot(folder, "team", "list", "--json").json
    assert (team["name"], team["languages"], team["members"]) == ("Returns", ["de", "en"], 1)
    assert "de, en" in chatbot(folder, "team", "list").out


def test_role_team_disable_enable_and_reset(folder: Path) -> None:
    add(folder)
    add(folder, "boss@shop.example", "--role", "admin")
    chatbot(folder, "team", "add", "Returns")
    assert "now an admin" in chatbot(folder, "user", "role", "ann@shop.example", "admin").out
    assert "team Returns" in chatbot(folder, "user", "team", "ann@shop.example", "Returns").out
    assert "no team" in chatbot(folder, "user", "team", "ann@shop.example").out
    assert "disabled" in chatbot(folder, "user", "disable", "ann@shop.example").out
    refused(chatbot(folder, "user", "reset", "ann@shop.example"), "is disabled", code=1)
    assert "enabled" in chatbot(folder, "user", "enable", "ann@shop.example").out
    first = chatbot(folder, "user", "reset", "ann@shop.example", "--json").json["link"]
    second = chatbot(folder, "user", "reset", "ann@shop.example", "--totp", "--json").json["link"]
    assert first != second
    with open_store(None, folder) as store:
        written = [entry.action for entry in done(store.audit.entries())]
    assert {"user.add", "user.role", "user.team", "user.disable", "user.enable", "user.link", "team.add"} <= set(
        written
    )


def test_the_last_admin_cannot_be_shut_out(folder: Path) -> None:
    add(folder, "boss@shop.example", "--role", "admin")
    refused(chatbot(folder, "user", "disable", "boss@shop.example"), "last admin", code=1)
    refused(chatbot(folder, "user", "role", "boss@shop.example", "agent"), "last admin", code=1)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("user", "add", "ann", "--name", "Ann"), "no e-mail address"),
        (("user", "add", "a@b.example", "--name", " "), "1 to 100"),
        (("user", "add", "a@b.example", "--name", "Ann", "--team", "Nobody"), "no team named 'Nobody'"),
        (("user", "disable", "nobody@shop.example"), "no user with the address nobody@shop.example"),
        (("team", "add", "Returns", "--language", "german!"), "no language code"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(folder: Path, words: tuple[str, ...], told: str) -> None:
    refused(chatbot(folder, *words), told)


def test_the_same_address_twice_is_refused(folder: Path) -> None:
    add(folder)
    refused(add(folder, "ANN@shop.example"), "ann@shop.example already", code=1)


def test_a_data_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    refused(chatbot(tmp_path / "nowhere", "user", "list"), "no data folder", code=2)
    assert list(tmp_path.iterdir()) == []

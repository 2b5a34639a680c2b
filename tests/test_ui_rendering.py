"""The drawing of messages: what is shown, and that nothing anybody wrote becomes markup."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ui as ui_package
from chatbot.phrases import phrase
from chatbot.types import Action, Conversation, Decision, Message, Mode, Place, Role, Source, Status
from tests.fakes_ui import ANSWER, EXAMPLES, SOURCE
from ui.faults import _KNOWN
from ui.prose import plain
from ui.rendering import message_row, thread, welcome
from ui.sources import mode_label, source_list
from ui.strings import LANGUAGES, choose_language, strings
from ui.theme import accent_css, contrast

EN = strings("en")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CHAT = Conversation("c1", Status.BOT, "en", NOW, NOW, last_seq=2)
ASKED = Message("c1", 1, Role.CUSTOMER, "Where is it?", NOW, client_message_id="k1")
ANSWERED = Message("c1", 2, Role.BOT, ANSWER.text, NOW, reply=ANSWER)
ALLOWED = {
    *("li", "div", "p", "span", "button", "svg", "path", "circle", "rect", "g", "ol", "ul", "br", "a", "bdi", "time"),
    *("details", "summary", "h2", "h3", "form", "textarea"),
}


class Markup(HTMLParser):
    """Collects tags, their attributes, and the text of a fragment."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def assert_harmless(html: str) -> None:
    for tag, attributes in Markup(html).tags:
        assert tag in ALLOWED
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "srcdoc")]
        assert (attributes.get("href") or "https://").startswith(("http://", "https://"))


def test_bot_message_says_that_it_is_a_bot_how_it_came_about_and_from_where() -> None:
    html = message_row(ANSWERED, EN, last=True)
    shown = Markup(html)
    assert "AI assistant" in shown.text
    assert "Our team’s own words from a past chat" in shown.text
    assert SOURCE.question in shown.text
    assert SOURCE.answer in shown.text
    assert "demo-0012 / 3" in shown.text
    assert ("details", {"class": "sources"}) in shown.tags  # collapsed: no `open`
    assert [a["data-thumb"] for t, a in shown.tags if "data-thumb" in a] == ["1", "-1"]


@pytest.mark.parametrize(("mode", "words"), [(Mode.ADAPTED, "reworded by AI"), (Mode.GENERATED, "Written by AI")])
def test_each_mode_has_its_own_label(mode: Mode, words: str) -> None:
    assert words in message_row(replace(ANSWERED, reply=replace(ANSWER, mode=mode)), EN)


FAQ = replace(SOURCE, conversation_id="faq-7", answer=f"{SOURCE.answer} Unused, tags on.", kind="faq")


def test_an_entry_of_the_help_centre_is_not_shown_as_a_past_chat() -> None:
    html = source_list([replace(FAQ, question="Can I <b>return</b> it?")], EN)
    shown = Markup(html).text
    assert "From our help centreCan I <b>return</b> it?" in shown
    assert FAQ.answer in shown
    for foreign in ("A customer asked", "Our team answered", "Ref.", "faq-7", "2025-05-12"):
        assert foreign not in shown
    assert "<time" not in html
    beside = source_list([FAQ, SOURCE], EN)
    assert beside.count("Ref. demo-0012 / 3") == 1
    assert beside.count("From our help centre") == 1


@pytest.mark.parametrize(
    ("mode", "sources", "text", "label"),
    [
        (Mode.PRECEDENT, (FAQ,), FAQ.answer, "From our help centre, word for word"),
        (Mode.PRECEDENT, (FAQ, SOURCE), FAQ.answer, "From our help centre, word for word"),
        (Mode.PRECEDENT, (SOURCE, FAQ), SOURCE.answer, "Our team’s own words from a past chat"),
        (Mode.PRECEDENT, (FAQ, SOURCE), "Too short.", "From our help centre, word for word"),
        (
            Mode.PRECEDENT,
            (FAQ, replace(SOURCE, answer="The label is in your account.")),
            f"Sorry for the wait. {FAQ.answer}\n\nThe label is in your account.",
            "From our help centre and a past chat",
        ),
        (Mode.ADAPTED, (FAQ,), "Thirty days.", "From our help centre, reworded by AI"),
        (Mode.GENERATED, (FAQ, FAQ), "Thirty days.", "Written by AI from our help centre"),
        (Mode.GENERATED, (FAQ, SOURCE), "Thirty days.", "Written by AI from past answers of our team"),
        (Mode.PRECEDENT, (), "Thirty days.", "Our team’s own words from a past chat"),
    ],
)
def test_the_label_says_which_kind_of_source_the_words_are_from(
    mode: Mode, sources: tuple[Source, ...], text: str, label: str
) -> None:
    reply = replace(ANSWER, mode=mode, sources=sources, text=text)
    assert f'<span class="mode-long">{label}</span>' in mode_label(reply, EN)


def test_a_correction_is_shown_as_the_teams_own_answer_with_its_date_and_nobodys_name() -> None:
    correction = replace(SOURCE, conversation_id="correction-7", passage_id="correction-7", kind="correction")
    reply = replace(ANSWER, text=correction.answer, sources=(correction,))
    for language in LANGUAGES:
        words = strings(language)
        html = source_list((correction,), words)
        before, after = words["source_correction"].split("{date}")
        assert f'{before}<time datetime="2025-05-12T10:00:00+00:00">2025-05-12</time>{after}' in html
        assert "correction-7" not in html
        assert words["mode_correction"] in mode_label(reply, words)


def test_a_phone_gets_a_shorter_label_in_every_language() -> None:
    for language in LANGUAGES:
        words = strings(language)
        short = [key for key in words if key.startswith("mode_") and key.endswith("_short")]
        assert len(short) == 8
        assert all(len(words[key]) <= len(words[key.removesuffix("_short")]) for key in short)
    assert '<span class="mode-short">Help centre, word for word</span>' in mode_label(
        replace(ANSWER, sources=(FAQ,)), EN
    )


def test_a_fixed_sentence_has_no_mode_and_no_thumbs() -> None:
    html = message_row(replace(ANSWERED, reply=replace(ANSWER, mode=Mode.FIXED, sources=())), EN)
    assert "data-thumb" not in html
    assert 'class="mode"' not in html
    assert "AI assistant" in html


def test_a_person_is_named_and_marked_as_a_person() -> None:
    shown = Markup(message_row(Message("c1", 3, Role.AGENT, "Hello!", NOW, author="Ann"), EN))
    assert "Ann" in shown.text
    assert "person" in shown.text
    assert "AI" not in shown.text


def test_each_of_several_paragraphs_names_the_source_that_it_is_taken_from() -> None:
    other = replace(SOURCE, answer="Tags must be on. The label is under Orders > Return.")
    text = (
        "Yes. You have 30 days from delivery.\n\nThe label is under Orders > Return.\n\nAnything else I can do for you?"
    )
    reply = replace(ANSWER, text=text, sources=(other, SOURCE))
    html = message_row(replace(ANSWERED, text=text, reply=reply), EN)
    cite = '<span class="number cite" aria-hidden="true">{}</span></p>'
    assert f"delivery. {cite.format(2)}" in html
    assert f"Return. {cite.format(1)}" in html
    assert html.count("number cite") == 2
    assert "number cite" not in message_row(ANSWERED, EN)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (Place(0), "You are next. A person from our team will reply here.<"),
        (Place(1), "1 person is before you.<"),
        (Place(7, 20.0), "7 people are before you. Lately people waited about a minute.<"),
        (Place(2, 252.0), "waited about 4 minutes.<"),
        (Place(2, 13.0 * 60), "waited about 15 minutes.<"),
        (Place(2, 58.0 * 60), "waited about an hour.<"),
        (Place(2, 9000.0), "waited about 2 hours.<"),
    ],
)
def test_the_place_in_the_queue_is_told_and_how_long_it_took_lately(place: Place, words: str) -> None:
    waiting = replace(CHAT, status=Status.WAITING)
    html = thread(waiting, [ASKED], EN, (), place)
    assert words in html
    assert "Saved · a person will answer here" in html
    assert "Saved ·" not in thread(waiting, [ASKED, ANSWERED], EN, (), place)
    assert "Saved ·" not in thread(CHAT, [ASKED], EN, (), place)


def test_a_sentence_of_the_products_own_is_not_to_be_judged() -> None:
    html = message_row(replace(ANSWERED, reply=replace(ANSWER, mode=Mode.FIXED, sources=())), EN)
    assert 'class="under"' not in html


def test_quick_replies_are_offered_on_the_last_message_only_and_act_where_they_are_no_message() -> None:
    offered = (phrase("wish_person", "de"), phrase("wish_rephrase", "de"), "Rückgabe <b>")
    asks = replace(ANSWER, language="de", quick_replies=offered, decision=Decision(Action.ASK_BACK, "near", 0.4))
    message = replace(ANSWERED, reply=asks)
    chips = [a for t, a in Markup(message_row(message, EN, last=True)).tags if a.get("class") == "chip"]
    assert [chip.get("data-do") for chip in chips] == ["person", "focus", None]
    assert chips[2]["data-say"] == "Rückgabe <b>"
    assert 'class="quick"' not in message_row(message, EN)


def test_thumb_down_is_shown_pressed_and_asks_why() -> None:
    html = message_row(replace(ANSWERED, thumb=-1), EN)
    pressed = [a["aria-pressed"] for t, a in Markup(html).tags if "data-thumb" in a]
    assert pressed == ["false", "true"]
    assert "Out of date" in html
    assert "Out of date" not in message_row(replace(ANSWERED, thumb=1), EN)


def test_an_empty_chat_welcomes_with_at_most_four_examples() -> None:
    html = thread(None, [], EN, (*EXAMPLES, "a fifth"))
    assert [a["data-say"] for t, a in Markup(html).tags if "data-say" in a] == list(EXAMPLES)
    assert 'class="examples"' not in welcome(EN, ())


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status.WAITING, "Waiting for a person"),
        (Status.HUMAN, "Ann from our team"),
        (Status.CLOSED, "How was"),
    ],
)
def test_the_end_of_the_list_says_where_the_chat_stands(status: Status, words: str) -> None:
    html = thread(replace(CHAT, status=status, agent="Ann"), [ASKED], EN, ())
    assert words in Markup(html).text


def test_a_rated_chat_is_not_asked_again() -> None:
    html = thread(replace(CHAT, status=Status.CLOSED, rating=5), [ASKED], EN, ())
    assert "<form" not in html
    assert "Thank you for your rating" in html


def test_a_row_keeps_its_version_until_it_changes() -> None:
    def version(message: Message) -> str | None:
        return Markup(message_row(message, EN)).tags[0][1]["data-version"]

    assert version(ANSWERED) == version(replace(ANSWERED))
    assert version(ANSWERED) != version(replace(ANSWERED, thumb=1))


def test_plain_text_becomes_paragraphs_lists_and_links() -> None:
    html = plain("Two ways:\n\n- by mail\n- at https://shop.example/a?b=1&c=2.\n\nBye\nAnn")
    assert "<ul><li>by mail</li>" in html
    assert 'href="https://shop.example/a?b=1&amp;c=2"' in html
    assert 'rel="noopener noreferrer nofollow"' in html
    assert html.endswith("<p>Bye<br>Ann</p>")


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
@settings(max_examples=150, deadline=None)
def test_no_text_becomes_markup(text: str) -> None:
    hostile = replace(SOURCE, question=text, answer=text, conversation_id=text)
    reply = replace(ANSWER, text=text, sources=(hostile,), quick_replies=(text,))
    assert_harmless(message_row(Message("c1", 2, Role.BOT, text, NOW, reply=reply), EN, last=True))
    assert_harmless(message_row(Message("c1", 3, Role.AGENT, text, NOW, author=text), EN))
    assert_harmless(message_row(Message("c1", 1, Role.CUSTOMER, text, NOW, client_message_id=text), EN))
    assert_harmless(source_list([hostile], EN))


@pytest.mark.parametrize(
    "text", ["javascript:alert(1)", "[x](javascript:alert(1))", "data:text/html,<script>", "//evil.example"]
)
def test_only_http_addresses_become_links(text: str) -> None:
    assert "<a " not in plain(text)


def test_every_language_has_every_word_and_no_empty_one() -> None:
    for language in LANGUAGES:
        assert strings(language).keys() == EN.keys()
        assert all(strings(language).values())
        for key, words in EN.items():
            assert ("{" in words) == ("{" in strings(language)[key]), key


def test_every_word_is_shown_somewhere() -> None:
    folder = Path(ui_package.__file__).parent
    files = [*folder.glob("*.py"), *folder.glob("static/*.js"), *folder.glob("static/*.html")]
    source = "".join(path.read_text(encoding="utf-8") for path in files)
    # names that the code puts together: the word for an error, a status, a mode in short
    made = {f"error_{code}" for _, _, code in _KNOWN} | {"error_no_cookie"} | {f"status_{s.value}" for s in Status}
    for key in EN.keys() - made:
        name = key.removesuffix("_short") if key.startswith("mode_") else key
        assert re.search(rf"[\"'`.(]{name}\b", source), f"{key} is used nowhere"


def test_no_word_of_the_default_language_is_left_untranslated() -> None:
    same_by_right = {
        "wait_minutes",
        "menu",
        "sources",
        "agent",
        "name",
        "bot",
        "bot_says",
        "status_bot",
        "event",
        "source_ref",
        "person_short",
    }
    for language in set(LANGUAGES) - {"en"}:
        assert {key for key in EN if strings(language)[key] == EN[key]} <= same_by_right


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("de-DE,de;q=0.9,en;q=0.8", "de"),
        ("pt-BR,fr;q=0.4,es;q=0.5", "es"),
        ("zh-Hans-CN", "zh"),
        ("nl", "en"),
        (None, "en"),
        ("fr;q=0,de;q=x", "en"),
    ],
)
def test_language_follows_the_browser(header: str | None, language: str) -> None:
    assert choose_language(header) == language


@pytest.mark.parametrize("accent", ["#0f6b52", "#ffe600", "#000000", "#ffffff", "#3b82f6"])
def test_any_accent_ends_up_readable(accent: str) -> None:
    css = accent_css(accent)
    colours = [tuple(int(part[k : k + 2], 16) for k in (0, 2, 4)) for part in css.split("#")[1:]]
    light, on_light, dark, on_dark = colours
    assert contrast(light, (255, 255, 255)) >= 4.5  # type: ignore[arg-type]
    assert contrast(dark, (26, 30, 29)) >= 4.5  # type: ignore[arg-type]
    assert min(contrast(light, on_light), contrast(dark, on_dark)) >= 4.5  # type: ignore[arg-type]

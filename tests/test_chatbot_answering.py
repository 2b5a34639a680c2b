"""From turns to a reply: choosing among precedents, composing in each mode, and what happens when a part fails."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from chatbot.answering import Answerer, Context
from chatbot.choosing import choose
from chatbot.composing import Writing
from chatbot.correcting import asked
from chatbot.matching import fitted_with, rank
from chatbot.privacy import Masker
from chatbot.types import Action, Decision, Message, Mode, Provenance, Reply, Role, SearchResult, Turn
from tests.fakes_dialogue import ListRetriever, ScriptedModel, hit

QUESTION = [Turn(Role.CUSTOMER, "How long can I return a jacket?")]
OLD = hit("You can return unused items within 14 days of delivery.", month=1, number=1)
NEW = hit("You can return unused items with tags within 30 days of delivery.", month=6, number=2, score=0.7)


def ranked(*hits):
    return rank(SearchResult(hits), trusted=True)


def answerer(hits, *, model=None, mode=Mode.PRECEDENT, languages=frozenset()):
    writing = Writing(mode, "Testshop", languages=languages, deadline_s=5)
    return Answerer(ListRetriever(hits), Masker(), lambda _, prior: prior or "en", writing, model=model)


def test_of_contradicting_answers_the_newer_one_stands():
    choice = choose(ranked(OLD, NEW))
    assert choice.text == NEW.passage.answer
    assert choice.superseded == (OLD.passage.id,)


def test_answers_that_agree_support_each_other():
    same = hit("Unused items can be returned within 30 days of delivery, tags on.", number=3, score=0.69)
    choice = choose(ranked(NEW, same))
    assert [supporting.passage.id for supporting in choice.supporting] == [same.passage.id]


def test_what_held_for_one_customer_only_is_no_answer():
    assert choose(ranked(hit("I've refunded you today."))) is None


def test_a_faq_answer_is_used_whole():
    assert choose(ranked(hit("I will ship it today.", source="faq"))).text == "I will ship it today."


async def test_a_precedent_that_is_only_personal_leads_to_an_offer():
    reply = await answerer([hit("I've refunded you today.")]).answer(QUESTION)
    assert (reply.decision.action, reply.decision.reason) == (Action.HAND_OVER, "only_personal")


async def test_a_confidence_that_was_fitted_with_another_encoder_says_so() -> None:
    found, own = ListRetriever([NEW]), fitted_with()
    other = replace(answerer([NEW]), retriever=found)
    assert (await other.answer(QUESTION)).provenance.checks[0] == f"confidence: fitted with {own}"
    found.encoder = own
    assert (await other.answer(QUESTION)).provenance.checks == ()


async def test_the_supported_draft_of_the_generator_is_adapted():
    model = ScriptedModel(["You have 30 days ", "for the jacket. ", "Keep the tags on."])
    shown: list[str] = []
    reply = await answerer([NEW], model=model, mode=Mode.ADAPTED).answer(QUESTION, Context(), shown.append)
    assert reply.mode is Mode.ADAPTED
    assert reply.text == "You have 30 days for the jacket. Keep the tags on."
    assert "".join(shown).strip() == reply.text
    assert reply.provenance.model == "scripted"
    assert reply.provenance.finish_reason == "stop"
    assert len(reply.provenance.prompt_sha256) == 64


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (ScriptedModel(["You have 90 days. ", "Bye."]), "not supported: 90"),
        (ScriptedModel(["You have ", "30 days."], fails_after=1), "the model server is away"),
        (ScriptedModel([""]), "gave no answer"),
        (ScriptedModel(["Customer's question: can I return the jacket?"]), "did not reword the past answer"),
        (ScriptedModel(["We are glad to help."]), "did not reword the past answer"),
        (ScriptedModel(["You have 30"], finish_reason="length"), "length limit"),
        (None, "none is running"),
    ],
)
async def test_whatever_the_generator_does_wrong_the_precedent_is_the_answer_and_says_so(model, why):
    reply = await answerer([NEW], model=model, mode=Mode.ADAPTED).answer(QUESTION)
    assert reply.mode is Mode.PRECEDENT
    assert reply.text == NEW.passage.answer
    assert why in reply.provenance.degraded[0]


async def test_an_unsupported_sentence_never_reaches_the_customer():
    shown: list[str] = []
    model = ScriptedModel(["You have 90 days. ", "Really."])
    await answerer([NEW], model=model, mode=Mode.ADAPTED).answer(QUESTION, Context(), shown.append)
    assert "90" not in "".join(shown)


async def test_the_precedent_does_not_follow_a_draft_that_was_shown_already():
    shown: list[str] = []
    model = ScriptedModel(["You have 30 days. ", "You have 90 days. ", "Really."])
    reply = await answerer([NEW], model=model, mode=Mode.ADAPTED).answer(QUESTION, Context(), shown.append)
    assert (reply.mode, reply.text) == (Mode.PRECEDENT, NEW.passage.answer)
    assert "".join(shown) == "You have 30 days. "


async def test_a_draft_that_takes_the_figure_of_one_case_for_all_is_not_the_customers_answer():
    past = "All products have a warranty of 2 years. Our own tents, packs and jackets have 5 years."
    warranty = hit(past, "How long is the warranty on a jacket?", number=9)
    model = ScriptedModel(["All products have a warranty of 2 years, ", "our own tents, packs and jackets too."])
    asked = "How long is the warranty on a jacket?"
    reply = await answerer([warranty], model=model, mode=Mode.ADAPTED).answer([Turn(Role.CUSTOMER, asked)])
    assert (reply.mode, reply.text) == (Mode.PRECEDENT, past)
    assert reply.provenance.degraded[0].startswith("generator: its draft gives one figure")


async def test_a_language_the_model_is_not_good_for_gets_the_past_answer_word_for_word():
    model = ScriptedModel()
    spoken = hit("Sie können unbenutzte Artikel 30 Tage lang zurückgeben.", language="de")
    reply = await answerer([spoken], model=model, mode=Mode.ADAPTED, languages=frozenset({"en"})).answer(
        [Turn(Role.CUSTOMER, "Wie lange kann ich eine Jacke zurückgeben?")], Context(prior="de")
    )
    assert reply.mode is Mode.PRECEDENT
    assert reply.text == spoken.passage.answer
    assert model.prompts == []


async def test_generated_replies_see_the_conversation_and_all_supporting_passages():
    model = ScriptedModel(["Unused items go back within 30 days."])
    same = hit("Unused items can be returned within 30 days of delivery, tags on.", number=3, score=0.69)
    reply = await answerer([NEW, same], model=model, mode=Mode.GENERATED).answer(QUESTION)
    prompt = model.prompts[0][-1].content
    assert reply.mode is Mode.GENERATED
    assert same.passage.answer in prompt
    assert "customer: How long can I return a jacket?" in prompt


async def test_a_busy_process_answers_without_the_generator_and_says_so():
    model = ScriptedModel()
    reply = await answerer([NEW], model=model, mode=Mode.ADAPTED).answer(QUESTION, Context(busy=True))
    assert model.prompts == []
    assert NEW.passage.answer in reply.text
    assert any("overload" in problem for problem in reply.provenance.degraded)


async def test_personal_data_in_the_question_never_reaches_the_search():
    retriever = ListRetriever([NEW])
    writing = Writing(Mode.PRECEDENT, "Testshop")
    turns = [Turn(Role.CUSTOMER, "Return for priya.nair@example.com, order NP-2024-004711, card 4111 1111 1111 1111?")]
    await Answerer(retriever, Masker(), lambda _, p: "en", writing).answer(turns)
    asked = retriever.asked[0].text + retriever.asked[0].window
    assert "priya" not in asked
    assert "004711" not in asked
    assert "4111" not in asked


async def test_a_mended_query_keeps_what_was_asked():
    class Mending(ListRetriever):
        def mend(self, text, language):
            return text.replace("drone", "done")

    for text, kept in (("Do you deliver by drone?", "Do you deliver by drone?"), ("Do you deliver by post?", None)):
        retriever = Mending([])
        made = Answerer(retriever, Masker(), lambda _, p: "en", Writing(Mode.PRECEDENT, "Testshop"))
        reply = await made.answer([Turn(Role.CUSTOMER, text)])
        assert retriever.asked[0].text == text.replace("drone", "done") == reply.provenance.query
        assert reply.provenance.asked == kept


def test_a_correction_is_offered_the_question_as_it_was_asked() -> None:
    made = Provenance(query="Do you deliver by done?", asked="Do you deliver by drone?")
    reply = Reply("No.", Decision(Action.ANSWER, "precedent", 0.8), Mode.PRECEDENT, "en", provenance=made)
    said = Message("c", 1, Role.CUSTOMER, "Do you deliver by drone?", datetime(2026, 5, 4, tzinfo=UTC))
    taught = asked([said], replace(said, seq=2, role=Role.BOT, text="No.", reply=reply), lambda _, p: "en", Masker())
    assert taught.question == "Do you deliver by drone?"


async def test_small_talk_searches_nothing():
    retriever = ListRetriever([NEW])
    reply = await Answerer(retriever, Masker(), lambda _, p: "en", Writing(Mode.PRECEDENT, "Testshop")).answer(
        [Turn(Role.CUSTOMER, "hello!")]
    )
    assert reply.decision.action is Action.SMALL_TALK
    assert "Testshop" in reply.text
    assert retriever.asked == []

"""Puts the core together from the settings, once, for the web process and the commands alike. Must not know SQL or web."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from chatbot.answering import Answerer, Context, Thresholds
from chatbot.composing import Writing
from chatbot.dialogue import Limits
from chatbot.errors import SettingsError
from chatbot.examples import SHOWN, Examples, read_examples
from chatbot.generation.catalogue import ModelSpec
from chatbot.generation.client import HttpChatModel
from chatbot.generation.following import Following
from chatbot.generation.shipped import with_default_mode
from chatbot.generation.supervisor import Supervisor, own_supervisor
from chatbot.generation.tuned import served
from chatbot.language import detect
from chatbot.learning.heads_serving import PublishedHeads, Sources
from chatbot.privacy import Masker
from chatbot.protocols import ChatModel, Embedder, Knowledge
from chatbot.retrieval.embedder import open_embedder, open_files, open_named
from chatbot.retrieval.encoder_files import describe
from chatbot.retrieval.retriever import IndexRetriever, open_retriever
from chatbot.settings import Settings
from chatbot.translating import Translator
from chatbot.types import Mode, Role, Turn
from chatbot.warming import Warming

_SURE_OF_LANGUAGE = 0.9
# all-MiniLM-L6-v2 was trained on English; an encoder that is not named here is taken to know every language served.
ENCODER_LANGUAGES = {"minilm-l6": frozenset({"en"})}


@dataclass(frozen=True, slots=True)
class Assistant:
    """The working core. `supervisor` is None when another server is used (`model_url`) or none at all (`engine = none`);
    `translator` is None unless the model is declared fit for it."""

    settings: Settings
    answerer: Answerer
    retriever: IndexRetriever
    supervisor: Supervisor | None
    own_examples: Examples = field(default_factory=dict)
    translator: Translator | None = None
    warming: Warming | None = None
    following: Following | None = None
    heads: PublishedHeads | None = None

    async def start(self, *, serving: bool = False) -> None:
        """Starts the model server, if this process is to run one, and waits until it answers; meanwhile loads what the first
        turn would wait for. Raises ModelError.

        serving: goes on, beside the chats, with what later turns would wait for."""
        try:
            begun = [self._warm(), *([self.supervisor.start()] if self.supervisor else [])]
            outcomes = await asyncio.gather(*begun, return_exceptions=True)  # so that none is left behind, half started
            for outcome in outcomes:
                if isinstance(outcome, BaseException):
                    raise outcome
        finally:  # a model server that does not come leaves the past answers, which this is for
            if serving and self.warming:
                self.warming.start()
            if serving and self.following:
                self.following.start()

    async def _warm(self) -> None:
        for language in self.settings.languages:
            for question in self.examples(language)[:1]:
                await self.answerer.answer([Turn(Role.CUSTOMER, question)], Context(busy=True))

    async def stop(self) -> None:
        """Stops the model server and what still warms; lets go of a server that others run."""
        if self.following:
            await self.following.stop()
        if self.warming:
            await asyncio.to_thread(self.warming.close)
        if self.supervisor:
            await self.supervisor.stop()
        elif isinstance(self.answerer.model, HttpChatModel):
            await self.answerer.model.close()

    def examples(self, language: str) -> Sequence[str]:
        """Questions for the first screen: the settings' own, then the data folder's, else what its customers ask most."""
        chosen = self.settings.examples.get(language) or self.own_examples.get(language)
        return chosen or self.retriever.popular(language, SHOWN)


def build_assistant(
    settings: Settings, knowledge: Knowledge | None = None, supervisor: Supervisor | None = None
) -> Assistant:
    """Raises ModelError for a missing or tampered model, SettingsError for a mode that the model is not fit for.

    knowledge: what people have changed since the index was built; without it the index holds as it is. An index that is missing
    or broken raises nothing here: every search says so, and a sound one is taken over when it comes. supervisor: one that has
    begun to start the model server, for these settings.
    """
    settings = with_default_mode(settings)
    wanted = settings.engine != "none"
    spec = served(settings) if wanted else None
    check_mode(settings, spec)
    supervisor = supervisor or own_supervisor(settings)
    retriever = open_retriever(settings.index_folder, open_embedder(settings), knowledge, partial(open_named, settings))
    heads = _heads(settings, retriever)
    answerer = Answerer(
        retriever=retriever,
        masker=Masker(settings.keep_visible),
        detect=partial(detect_served, served=settings.languages),
        writing=_writing(settings, spec),
        encoder_languages=ENCODER_LANGUAGES.get(settings.encoder, frozenset(settings.languages)),
        thresholds=Thresholds(settings.answer_threshold, settings.ask_threshold),
        model=_model(settings, supervisor),
        for_people=for_people(settings.person_topics, heads),
    )
    translator = _translator(answerer) if spec and spec.translates else None
    own = read_examples(settings.data)
    following = Following(settings, supervisor, partial(check_mode, settings)) if supervisor else None
    return Assistant(settings, answerer, retriever, supervisor, own, translator, Warming(retriever), following, heads)


def for_people(topics: Sequence[str], heads: PublishedHeads) -> Callable[[str], str | None] | None:
    """Names the topic of a question that is left to people; None where none is. Raises SettingsError for topics that the
    published head does not know: they would never be left to anybody."""
    if not topics:
        return None
    known = heads.labels("topic")
    if unknown := [topic for topic in topics if topic not in known]:
        why = heads.problem or (
            f"the published head knows {', '.join(known)}" if known else "no topic head is published"
        )
        raise SettingsError(
            f"person_topics = {', '.join(unknown)} does not work: {why}. Run `chatbot finetune --heads` and publish its "
            "version, or take the topic out of person_topics."
        )
    wanted = frozenset(topics)
    return lambda text: heads.among(text, wanted)


def _heads(settings: Settings, retriever: IndexRetriever) -> PublishedHeads:
    def named(name: str) -> Embedder:
        held = retriever.embedder
        return held if held.name == name else open_named(settings, name)

    def at(folder: Path) -> Embedder:
        return open_files(describe(folder, folder.parent.name), settings)

    return PublishedHeads(settings.models_folder, Sources(named, at, Masker(settings.keep_visible).mask))


def detect_served(text: str, prior: str | None, served: Sequence[str]) -> str | None:
    """The text's language: any at all where the identification is sure, else the likeliest of those served.

    Short and misspelt texts look like many languages; most of a company's customers write in one that it serves.
    """
    anywhere = detect(text, prior)
    if anywhere.language in served or anywhere.confidence >= _SURE_OF_LANGUAGE:
        return anywhere.language
    return detect(text, prior, allowed=served).language or anywhere.language


def limits(settings: Settings) -> Limits:
    """The dialogue manager's limits."""
    return Limits(settings.max_message_chars, settings.slots, settings.deadline_s)


def check_mode(settings: Settings, spec: ModelSpec | None) -> None:
    """Raises SettingsError unless the model is declared fit for `reply_mode`."""
    mode = settings.reply_mode
    if mode is Mode.PRECEDENT:
        return
    if spec is None:
        raise SettingsError(f"reply_mode = {mode} does not work with engine = none: nothing would write the replies.")
    if mode is Mode.GENERATED and mode not in spec.fit:
        raise SettingsError(
            f"reply_mode = {mode} does not work: the model {spec.name} is not declared fit for it. Evaluate it, then name the "
            f"mode in model_fit, or use reply_mode = precedent."
        )


def _model(settings: Settings, supervisor: Supervisor | None) -> ChatModel | None:
    if supervisor:
        return supervisor.model()
    if settings.engine == "none" or not settings.model_url:
        return None
    key = settings.model_api_key.get_secret_value() if settings.model_api_key else None
    return HttpChatModel(settings.model_url, settings.model, key, first_token_s=settings.first_token_s)


def _translator(answerer: Answerer) -> Translator | None:
    writing = answerer.writing
    if answerer.model is None:
        return None
    return Translator(answerer.model, answerer.masker, _any_language, writing.languages, writing.max_tokens)


def _any_language(text: str, prior: str | None) -> str | None:
    language: str | None = detect(text, prior).language
    return language


def _writing(settings: Settings, spec: ModelSpec | None) -> Writing:
    return Writing(
        mode=settings.reply_mode,
        company=settings.company,
        languages=frozenset(spec.languages) if spec else frozenset(),
        max_tokens=settings.max_new_tokens,
        deadline_s=settings.deadline_s,
        prompt_budget=max(256, ((spec.context if spec else None) or 2048) - settings.max_new_tokens),
    )

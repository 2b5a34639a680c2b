"""`chatbot test`: asks again what people have corrected, and says whether it is answered as they said. Stores nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape

from chatbot.answering import Answerer
from chatbot.assembly import Assistant, build_assistant
from chatbot.errors import ChatbotError
from chatbot.types import Reply, Role, Turn
from scripts.ask import answer
from scripts.options import DataOption, JsonOption, ProgressSink, print_json, progress_bar, run, settings_from, tracked
from scripts.questions import Question
from storage.cases import Case
from storage.opening import open_store


class WrongAgainError(ChatbotError):
    """Some questions are not answered as corrected. Exit code 1."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One case and what came of it. `why` is empty where it passed."""

    case: Case
    answer: str
    why: str

    def view(self) -> dict[str, Any]:
        """The outcome as JSON."""
        shown = {"question": self.case.turns[-1]["text"], "expected": self.case.expected, "answer": self.answer}
        return {"correction": self.case.correction_id, "passed": not self.why, **shown, "why": self.why or None}


def main(ctx: typer.Context, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Asks every question that a person has corrected and checks that the correction is what is answered.

    Exit code 1 when one is not, with what was answered instead.
    """
    settings = settings_from(ctx, data, engine="none", reply_mode="precedent")
    url = settings.database_url.get_secret_value() if settings.database_url else None
    with open_store(url, settings.data) as store, progress_bar(as_json) as show:
        cases, resting = store.cases.all(), store.cases.resting()
        outcomes = asyncio.run(_run(build_assistant(settings, store.knowledge), cases, show)) if cases else []
    failed = [outcome for outcome in outcomes if outcome.why]
    if as_json:
        shown = [one.view() for one in outcomes]
        print_json({"cases": len(outcomes), "failed": len(failed), "resting": resting, "outcomes": shown})
    else:
        _show(outcomes, failed, resting)
    if failed:
        raise WrongAgainError(f"{len(failed)} of {len(outcomes)} corrected questions are not answered as corrected.")


async def _run(assistant: Assistant, cases: Sequence[Case], progress: ProgressSink) -> list[Outcome]:
    return [await check(assistant.answerer, case) for case in tracked(cases, "questions", progress)]


async def check(answerer: Answerer, case: Case) -> Outcome:
    """Asks one case of the real answerer."""
    turns = tuple(Turn(Role(turn["role"]), turn["text"]) for turn in case.turns)
    reply = await answer(answerer, Question(str(case.correction_id), turns, f"case {case.correction_id}"))
    return Outcome(case, reply.text, _why(case, reply))


def _why(case: Case, reply: Reply) -> str:
    """What is wrong with the reply; its placeholders may have been filled, so the sources count too."""
    if case.wrong and _plain(case.wrong) in _plain(reply.text) and _plain(case.wrong) not in _plain(case.expected):
        return "the wrong answer is given again"
    from_it = any(source.passage_id == case.passage_id for source in reply.sources[:1])
    if _plain(case.expected) in _plain(reply.text) or (from_it and "[" in case.expected):
        return ""
    return f"it says something else ({reply.decision.action.value}: {reply.decision.reason})"


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _show(outcomes: Sequence[Outcome], failed: Sequence[Outcome], resting: int) -> None:
    console = Console(highlight=False, soft_wrap=True)
    if resting:
        console.print(f"{resting} not asked: their answers have been retired or replaced since.")
    if not outcomes and not resting:
        console.print("There is nothing to test yet: nobody has corrected an answer.")
    if not outcomes:
        return
    for outcome in failed:
        console.print(f"[red]Failed[/red] correction {outcome.case.correction_id}: {escape(outcome.why)}")
        console.print(f"  asked: {escape(outcome.case.turns[-1]['text'])}")
        console.print(f"  expected: {escape(outcome.case.expected)}")
        console.print(f"  answered: {escape(outcome.answer)}")
    console.print(f"{len(outcomes) - len(failed)} of {len(outcomes)} corrected questions are answered as corrected.")


if __name__ == "__main__":
    one = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    one.command()(main)
    run(one)

"""`chatbot ask`: the answer a customer would get, with its sources and how it came about. Stores nothing."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.panel import Panel

from chatbot.answering import Answerer, Context
from chatbot.assembly import Assistant, build_assistant
from chatbot.errors import IndexBroken
from chatbot.generation.shipped import with_default_mode
from chatbot.types import Mode, Reply, Role
from scripts.options import DataOption, JsonOption, plain, print_json, progress_bar, run, settings_from, tracked
from scripts.questions import Question, check_lengths, one_question, read_questions
from scripts.taught import changes_by_people

_ReplyMode = Literal["precedent", "adapted", "generated"]
_INDEX = "index: "  # how the answerer marks a problem of the index among the degraded parts


def main(
    ctx: typer.Context,
    text: Annotated[str | None, typer.Argument(help="The customer's question.", show_default=False)] = None,
    file: Annotated[Path | None, typer.Option("--file", help="JSONL with {id, text} or {id, turns} a line.")] = None,
    mode: Annotated[_ReplyMode | None, typer.Option(help="Reply mode for this call.", show_default=False)] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answers a question or, with --file, each line of a file: answers as JSONL in the same order.

    Exit code 1 when the index could not be searched: the answer is then the hand-over that a customer would see.
    """
    questions = read_questions(file) if file else [one_question(text)]
    settings = with_default_mode(settings_from(ctx, data, reply_mode=mode))
    check_lengths(questions, settings.max_message_chars)
    if settings.reply_mode is Mode.PRECEDENT and not settings.model_url:
        settings = settings.model_copy(update={"engine": "none"})  # a past answer needs no generator
    lines_show = file is None or sys.stdout.isatty()  # then what is printed is the progress
    with changes_by_people(settings) as changes, progress_bar(as_json or lines_show) as show:
        assistant = build_assistant(settings, changes)
        asked = tracked(questions, "questions", show)
        asyncio.run(_answer_all(assistant, asked, as_lines=file is not None, as_json=as_json))


async def _answer_all(assistant: Assistant, questions: Iterable[Question], *, as_lines: bool, as_json: bool) -> None:
    await assistant.start()
    broken = None
    try:
        for question in questions:
            reply = await answer(assistant.answerer, question)
            broken = broken or _index_problem(reply)
            if as_lines:
                print_json({"id": question.id, **view(reply)}, indent=None)
            elif as_json:
                print_json(view(reply))
            else:
                _show(reply)
    finally:
        await assistant.stop()
    if broken:
        raise IndexBroken(broken)


def _index_problem(reply: Reply) -> str | None:
    """What the answerer says about an index that is missing or broken."""
    told = (part.removeprefix(_INDEX) for part in reply.provenance.degraded if part.startswith(_INDEX))
    return next(told, None)


async def answer(answerer: Answerer, question: Question) -> Reply:
    """The reply to the question's last turn; earlier customer turns tell the language of the conversation."""
    prior = None
    for turn in question.turns[:-1]:
        if turn.role is Role.CUSTOMER:
            prior = answerer.detect(turn.text, prior) or prior
    return await answerer.answer(question.turns, Context(prior=prior))


def view(reply: Reply) -> dict[str, Any]:
    """The answer as JSON; the field names are the product's interface."""
    return {
        "answer": reply.text,
        "decision": reply.decision.action.value,
        "reason": str(reply.decision.reason),
        "confidence": round(reply.decision.confidence, 4),
        "mode": reply.mode.value,
        "language": reply.language,
        "sources": plain(reply.sources),
        "quick_replies": list(reply.quick_replies),
        "provenance": plain(reply.provenance),
        "timings_ms": plain(reply.timings_ms),
    }


def _show(reply: Reply) -> None:
    console = Console()
    decision = reply.decision
    console.print(
        Panel(
            reply.text,
            title=f"{decision.action.value} · {reply.mode.value} · {decision.confidence:.2f}",
            title_align="left",
        ),
        markup=False,
    )
    for number, source in enumerate(reply.sources, 1):
        when = f", {source.resolved_at.date().isoformat()}" if source.resolved_at else ""
        console.print(
            f"{number}. {source.conversation_id} #{source.turn_id}{when}: {source.question!r}",
            markup=False,
            highlight=False,
        )
    for problem in reply.provenance.degraded:
        if not problem.startswith(_INDEX):  # that is the command's own error, said at the end
            Console(stderr=True).print(f"Note: {problem}", markup=False)


if __name__ == "__main__":
    one = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    one.command()(main)
    run(one)

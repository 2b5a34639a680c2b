"""`chatbot search`: what the index finds, with scores. Decides and answers nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from chatbot.assembly import Assistant, build_assistant
from chatbot.types import Hit, Query, SearchResult
from chatbot.understanding import understand
from scripts.options import DataOption, JsonOption, print_json, progress_bar, run, settings_from, tracked
from scripts.questions import Question, check_lengths, one_question, read_questions
from scripts.taught import changes_by_people


def main(
    ctx: typer.Context,
    text: Annotated[str | None, typer.Argument(help="What to look for.", show_default=False)] = None,
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="How many passages.")] = 5,
    file: Annotated[Path | None, typer.Option("--file", help="JSONL with {id, text} or {id, turns} a line.")] = None,
    language: Annotated[str | None, typer.Option(help="Search in this language instead of the detected one.")] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Shows the passages found for a text or, with --file, for each line of a file."""
    questions = read_questions(file) if file else [one_question(text)]
    settings = settings_from(ctx, data, engine="none", reply_mode="precedent")
    check_lengths(questions, settings.max_message_chars)
    lines_show = file is None or sys.stdout.isatty()  # then what is printed is the progress
    with changes_by_people(settings) as changes, progress_bar(as_json or lines_show) as show:
        assistant = build_assistant(settings, changes)
        for question in tracked(questions, "questions", show):
            query, result = _search(assistant, question, k, language)
            if file:
                print_json({"id": question.id, **view(query, result)}, indent=None)
            elif as_json:
                print_json(view(query, result))
            else:
                _show(query, result)


def _search(assistant: Assistant, question: Question, k: int, language: str | None) -> tuple[Query, SearchResult]:
    answerer = assistant.answerer
    query = understand(question.turns, None, answerer.detect, answerer.masker).query
    query = Query(query.text, query.window, language) if language else query
    return query, assistant.retriever.search(query, k)


def view(query: Query, result: SearchResult) -> dict[str, Any]:
    """The answer as JSON."""
    return {
        "query": query.text,
        "language": query.language,
        "hits": [_hit(hit) for hit in result.hits],
        "agreement": round(result.agreement, 4),
        "index_version": result.index_version,
        "degraded": list(result.degraded),
    }


def _hit(hit: Hit) -> dict[str, Any]:
    passage = hit.passage
    return {
        "passage_id": passage.entry_id,
        "conversation_id": passage.conversation_id,
        "turn_id": passage.turn_id,
        "question": passage.question,
        "answer": passage.answer,
        "score": round(hit.score, 6),
        "language": passage.language,
        "dense": hit.dense,
        "lexical": hit.lexical,
        "coverage": round(hit.coverage, 4),
        "ranks": dict(hit.ranks),
        "count": passage.count,
        "last_seen": passage.last_seen,
    }


def _show(query: Query, result: SearchResult) -> None:
    table = Table(
        "score",
        "cosine",
        "BM25",
        "cover",
        "question",
        "answer",
        "from",
        title=escape(f"{query.language}: {query.text!r}"),
        show_lines=True,
    )
    for hit in result.hits:
        dense = "-" if hit.dense is None else f"{hit.dense:.2f}"
        lexical = "-" if hit.lexical is None else f"{hit.lexical:.1f}"
        place = f"{hit.passage.conversation_id} #{hit.passage.turn_id}"
        question, answer = escape(hit.passage.question), escape(hit.passage.answer)
        table.add_row(f"{hit.score:.3f}", dense, lexical, f"{hit.coverage:.2f}", question, answer, escape(place))
    Console().print(table if result.hits else f"Nothing found in {query.language}.")
    for problem in result.degraded:
        Console(stderr=True).print(f"[yellow]Note:[/yellow] {escape(problem)}")


if __name__ == "__main__":
    one = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    one.command()(main)
    run(one)

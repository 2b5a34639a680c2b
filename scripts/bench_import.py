"""`chatbot bench import`: a large export read, masked and stored in a process of its own; its memory must not grow with the file.

Needs no data file: the export is written from the demo company's sentences, in Zendesk's own field names or as own JSON Lines.
"""

from __future__ import annotations

import html
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from chatbot.errors import ChatbotError, UsageError
from scripts.bench_report import report, run_alone
from scripts.machine import machine
from scripts.options import JsonOption, ProgressSink, silent

MB = 1_000_000
MOST_MB = 500  # of memory, for a file of any size
SHAPES = ("zendesk", "own")
Said = dict[str, list[str]]
# A child's ru_maxrss begins with its parent's (getrusage(2), fork before exec), so a small process stands between.
_WATCH = """
import json, resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w") as out:
    json.dump([code, used.ru_utime + used.ru_stime, used.ru_maxrss], out)
"""


def run(
    megabytes: int = 100,
    shapes: Sequence[str] = SHAPES,
    folder: Path | None = None,
    *,
    progress: ProgressSink = silent,
) -> dict[str, Any]:
    """Per shape: MB, conversations, seconds and CPU seconds, most memory of the importing process in MB, and the same of a second
    import, which changes nothing. folder: the disk to use; default: the system's temporary folder."""
    rows: dict[str, Any] = {}
    said = _said()
    for shape in shapes:
        with tempfile.TemporaryDirectory(dir=folder, prefix="bench-") as work:
            export = Path(work) / f"{shape}.json"
            _write(export, shape, megabytes, said, progress)
            progress(f"import {shape}", 0, 0)
            first = _import(export, Path(work) / "data")
            progress(f"import {shape} again", 0, 0)
            again = _import(export, Path(work) / "data")
            rows[shape] = {"mb": round(export.stat().st_size / MB), "first": first, "again": again}
    most = max(row[which]["memory_mb"] for row in rows.values() for which in ("first", "again"))
    unchanged = all(set(row["again"]["conversations"]) == {"same"} for row in rows.values())
    goals = {f"memory below {MOST_MB} MB": most < MOST_MB, "the same file twice changes nothing": unchanged}
    return {"machine": machine(), "goals": goals, "shapes": rows}


# --- the export ------------------------------------------------------------------------------------------


def _said() -> Said:
    """What customers and agents of the demo company wrote, without what is told twice."""
    said: dict[str, dict[str, None]] = {"customer": {}, "agent": {}}
    with resources.as_file(resources.files("chatbot.demo") / "transcripts") as demo:
        for path in sorted(demo.glob("*.jsonl")):
            for line in path.read_text(encoding="utf-8").splitlines():
                for turn in json.loads(line)["turns"]:
                    if turn["role"] in said:
                        said[turn["role"]][turn["text"]] = None
    return {role: list(texts) for role, texts in said.items()}


def _write(path: Path, shape: str, megabytes: int, said: Said, progress: ProgressSink) -> None:
    """One JSON document, the shape that is hardest to read in pieces."""
    draw = random.Random(5)  # noqa: S311 - made-up words, not a secret
    make = {"zendesk": _ticket, "own": _conversation}[shape]
    with path.open("w", encoding="utf-8") as out:
        out.write('{"tickets": [\n' if shape == "zendesk" else "[\n")
        size = number = 0
        while size < megabytes * MB:
            if number % 500 == 0:
                progress(f"write {shape}, MB", size // MB, megabytes)
            text = (",\n" if number else "") + json.dumps(make(number, draw, said))
            size += out.write(text)
            number += 1
        out.write("\n]}" if shape == "zendesk" else "\n]")


def _exchange(draw: random.Random, said: Said) -> Iterator[tuple[str, str]]:
    """Two to nine questions with their answers; one customer in ten tells an order and a telephone number."""
    for _ in range(draw.randint(2, 9)):
        asked = " ".join(draw.choices(said["customer"], k=draw.randint(1, 3)))
        if draw.random() < 0.1:
            asked += f" Order NP-2026-{draw.randrange(10**6):06}, call me: +49 30 {draw.randrange(10**6, 10**7)}."
        yield asked, " ".join(draw.choices(said["agent"], k=draw.randint(1, 4)))


def _conversation(number: int, draw: random.Random, said: Said) -> dict[str, Any]:
    turns = [
        {"role": role, "text": text}
        for pair in _exchange(draw, said)
        for role, text in zip(("customer", "agent"), pair, strict=True)
    ]
    return {"id": f"c{number}", "language": "en", "turns": turns}


def _ticket(number: int, draw: random.Random, said: Said) -> dict[str, Any]:
    """As the Tickets and Ticket Comments of Zendesk's API reference: each comment's words three times, its mail below them, and
    what machines note of it."""
    comments: list[dict[str, Any]] = []
    before: list[str] = []
    for pair in _exchange(draw, said):
        for author, text in zip((1000 + number, 7), pair, strict=True):
            comments.append(_comment(len(comments), author, text, before[-3:], draw))
            before.append(text)
    custom = [{"id": 360_000 + field, "value": None if field % 3 else "x"} for field in range(40)]
    return {
        "id": number,
        "subject": before[0][:60],
        "description": before[0],
        "status": "solved",
        "via": {"channel": "email"},
        "requester_id": 1000 + number,
        "assignee_id": 7,
        "tags": ["web"],
        "custom_fields": custom,
        "fields": custom,
        "created_at": "2026-05-02T09:00:00Z",
        "comments": comments,
    }


def _comment(at: int, author: int, text: str, before: list[str], draw: random.Random) -> dict[str, Any]:
    told = "On Mon, 28 Apr 2026 at 10:00, Shop <help@shop.example> wrote:"
    mail = f"{text}\n\n{told}\n" + "\n".join(f"> {line}" for line in before) if before else text
    quoted = f'<div class="gmail_quote">{told}<blockquote>{html.escape(" ".join(before))}</blockquote></div>'
    return {
        "id": at,
        "type": "Comment",
        "author_id": author,
        "body": mail,
        "html_body": f"<div><p>{html.escape(text)}</p>{quoted if before else ''}</div>",
        "plain_body": mail,
        "public": draw.random() > 0.08,
        "created_at": f"2026-05-02T09:{at:02}:00Z",
        "metadata": {
            "system": {"message_id": f"<{draw.getrandbits(400):x}@mail.example>", "client": "Mozilla/5.0 " * 10}
        },
    }


# --- the import ------------------------------------------------------------------------------------------


def _import(export: Path, data: Path) -> dict[str, Any]:
    used, told = export.with_name("used.json"), export.with_name("told.json")
    command = [sys.executable, "-m", "scripts.cli", "--data", str(data), "import", str(export), "--json"]
    with told.open("wb") as out:
        began = time.perf_counter()
        line = [sys.executable, "-S", "-c", _WATCH, str(used), *command]
        subprocess.run(line, stdout=out, check=True)  # noqa: S603 - our own program
        seconds = time.perf_counter() - began
    code, cpu_s, most_kib = json.loads(used.read_text(encoding="utf-8"))
    if code != 0:
        raise ChatbotError(f"The import ended with code {code}; its sentence stands above.")
    result = json.loads(told.read_text(encoding="utf-8"))
    return {
        "conversations": result["conversations"],
        "answers": result["passages"],
        "seconds": round(seconds, 1),
        "cpu_s": round(cpu_s, 1),
        "memory_mb": round(most_kib * 1024 / MB),
    }


def main(
    megabytes: Annotated[int, typer.Option("--mb", min=1, help="Size of each export, MB.")] = 100,
    shape: Annotated[str, typer.Option(help=f"Only one of {', '.join(SHAPES)}.", show_default=False)] = "",
    folder: Annotated[
        Path | None,
        typer.Option(help="Disk to use: three times the size.", exists=True, file_okay=False, show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Import of a large export: seconds, and memory, which must not grow with the file."""
    if shape and shape not in SHAPES:
        raise UsageError(f"There is no shape {shape!r}; choose one of {', '.join(SHAPES)}.")
    report(partial(run, megabytes, (shape,) if shape else SHAPES, folder), _show, as_json=as_json)


def _show(console: Console, result: dict[str, Any]) -> None:
    table = Table("export", "MB", "import", "conversations", "answers", "seconds", "CPU s", "most memory, MB")
    for shape, row in result["shapes"].items():
        for which in ("first", "again"):
            done = row[which]
            told = ", ".join(f"{count} {outcome}" for outcome, count in done["conversations"].items())
            figures = (str(done[name]) for name in ("answers", "seconds", "cpu_s", "memory_mb"))
            table.add_row(shape, str(row["mb"]), which, told, *figures)
    console.print(table)


if __name__ == "__main__":
    run_alone(main)

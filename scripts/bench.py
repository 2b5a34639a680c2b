"""`chatbot bench ...`: gathers the benchmarks; each prints the machine it ran on and compares side by side in one run."""

from __future__ import annotations

import typer

from scripts import (
    bench_desk,
    bench_import,
    bench_index,
    bench_language,
    bench_learning,
    bench_learning_heads,
    bench_privacy,
    bench_questions,
    bench_retrieval,
    bench_store,
    bench_turn,
)
from scripts.options import run

app = typer.Typer(help="Measure speed, memory and quality on this machine.", no_args_is_help=True)
app.command("questions")(bench_questions.main)
app.command("retrieval")(bench_retrieval.main)
app.command("import")(bench_import.main)
app.command("index")(bench_index.main)
app.command("learning")(bench_learning.main)
app.command("heads")(bench_learning_heads.main)
app.command("turn")(bench_turn.main)
app.command("language")(bench_language.main)
app.command("privacy")(bench_privacy.main)
app.command("desk")(bench_desk.main)
app.command("store")(bench_store.main)

if __name__ == "__main__":
    run(app)

"""`chatbot bench ...`: gathers the benchmarks; each prints the machine it ran on and compares side by side in one run."""

from __future__ import annotations

import typer

from scripts import bench_privacy, bench_questions, bench_retrieval
from scripts.options import run

app = typer.Typer(help="Measure speed, memory and quality on this machine.", no_args_is_help=True)
app.command("questions")(bench_questions.main)
app.command("retrieval")(bench_retrieval.main)
app.command("privacy")(bench_privacy.main)

if __name__ == "__main__":
    run(app)

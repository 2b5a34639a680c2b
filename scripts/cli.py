"""The command `chatbot`: gathers the commands. Holds no logic."""

from __future__ import annotations

import typer

from chatbot import __version__
from scripts import (
    ask,
    bench,
    calibration,
    dataset,
    doctor,
    evaluate,
    export,
    finetune,
    import_transcripts,
    init,
    models,
    purge,
    regress,
    reindex,
    retention,
    search,
    serve,
    transcripts,
    user,
)
from scripts.options import AppOptions, ConfigOption, DataOption, run

app = typer.Typer(
    name="chatbot",
    help="Precedent: a customer-service chatbot that answers from your own past support transcripts.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("init")(init.main)
app.command("import")(import_transcripts.main)
app.add_typer(reindex.app, name="index")
app.command("search")(search.main)
app.command("ask")(ask.main)
app.command("serve")(serve.main)
app.command("test")(regress.main)
app.command("calibration")(calibration.main)
app.command("doctor")(doctor.main)
app.add_typer(bench.app, name="bench")
app.command("evaluate")(evaluate.main)
app.add_typer(dataset.app, name="dataset")
app.command("finetune")(finetune.main)
app.command("export")(export.main)
app.command("purge")(purge.main)
app.add_typer(models.app, name="models")
app.add_typer(retention.app, name="retention")
app.add_typer(transcripts.app, name="transcripts")
app.add_typer(user.app, name="user")
app.add_typer(user.teams, name="team")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"precedent {__version__}")
        raise typer.Exit


@app.callback()
def common(
    ctx: typer.Context,
    data: DataOption = None,
    config: ConfigOption = None,
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    """Options before the command hold for every command."""
    ctx.obj = AppOptions(data, config)


def main() -> None:
    run(app)


if __name__ == "__main__":
    main()

"""`python -m scripts.ship_adapter VERSION`: puts a tuned adapter into the demo company, with a card that says whether it beats
`precedent`. A tool of whoever makes a release, no command of the product.

What is judged is what a customer would read in the mode `adapted`: the draft where it passes the checks of `chatbot.composing`,
else the past answer itself; against the past answer alone, on the data set's test conversations in English, paired by conversation.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from chatbot.errors import UsageError
from chatbot.generation.shipped import FOLDER
from chatbot.learning.cards import CARD, READABLE, Card, readable, to_bytes
from chatbot.learning.datasets import open_dataset
from chatbot.learning.examples import Example, read_examples
from chatbot.learning.registry import open_version
from chatbot.learning.sealing import hash_files, write_synced
from chatbot.types import Mode
from scripts.bench_report import run_alone
from scripts.options import DataOption, progress_bar, settings_from

MOST_BYTES = 20 * 2**20
_LANGUAGE = "en"
_FIGURES = ("evidence_score", "chrf", "grounded", "evidence_choice")


def main(
    ctx: typer.Context,
    version: Annotated[str, typer.Argument(help="A generator version whose format is an adapter.")],
    dataset: Annotated[str | None, typer.Option(help="Data set whose test part is asked; default: the newest.")] = None,
    to: Annotated[Path, typer.Option(help="Folder that the adapter is put into, as a version.")] = FOLDER,
    data: DataOption = None,
) -> None:
    """Evaluates the adapter against the past answer alone and writes both into the demo company's folder."""
    from chatbot.learning.replying import replies
    from chatbot.learning.writers import writer_for

    settings = settings_from(ctx, data)
    found = open_version(settings.models_folder, version)
    if found.card.format != "adapter":
        raise UsageError(f"{version} is no adapter but {found.card.format}; tune one with `chatbot finetune`.")
    asked = [one for one in read_examples(open_dataset(settings.data, dataset).test) if one.language == _LANGUAGE]
    kept = settings.data / "evaluations" / "replies"
    with progress_bar() as show:
        drafts = replies(
            asked,
            writer_for(settings.models_folder, version),
            settings.models_folder,
            kept=kept,
            progress=lambda done, total: show("replies", done, total),
        )
    scores = judged(asked, [draft.text for draft in drafts])
    ship(found.folder, with_verdict(found.card, scores), to)
    Console(highlight=False, soft_wrap=True).print(verdict(scores))


def judged(asked: Sequence[Example], drafts: Sequence[str]) -> dict[str, Any]:
    """Figures of the adapted replies and of `precedent` on the turns to answer, their difference, and how many drafts went out."""
    from chatbot.learning.adapting import adapted
    from chatbot.learning.evaluation import differences, figures, judge
    from chatbot.learning.evaluation_targets import top_answer

    places = [at for at, one in enumerate(asked) if one.kind == "answer"]
    turns = [asked[at] for at in places]
    past = [top_answer(one) for one in turns]
    shown = [adapted(asked[at], drafts[at]) for at in places]
    new, old = judge(turns, shown), judge(turns, past)
    every = list(range(len(turns)))
    return {
        "test_turns": len(turns),
        "drafts_that_went_out": sum(one != other for one, other in zip(shown, past, strict=True)),
        "adapted": {name: one.view() for name, one in figures(new, every, _FIGURES).items()},
        "precedent": {name: one.view() for name, one in figures(old, every, _FIGURES).items()},
        "adapted_minus_precedent": {name: one.view() for name, one in differences(new, old, _FIGURES).items()},
    }


def beats(scores: Mapping[str, Any]) -> bool:
    """The gate: the lower bound of the evidence score's difference is above nothing, and the wording is not worse."""
    differs = scores["adapted_minus_precedent"]
    return bool(differs["evidence_score"]["low"] > 0 and differs["chrf"]["low"] >= 0)


def with_verdict(card: Card, scores: Mapping[str, Any]) -> Card:
    """The card with what was measured. `fit` is what `chatbot.generation.shipped` goes by: `adapted` only for one that wins."""
    return replace(
        card,
        scores={**card.scores, **scores},
        notes=f"{card.notes} {verdict(scores)}".strip(),
        fit=(Mode.ADAPTED.value,) if beats(scores) else (),
    )


def verdict(scores: Mapping[str, Any]) -> str:
    """The gate's verdict in two sentences, for the card."""
    differs = scores["adapted_minus_precedent"]
    told = ", ".join(
        f"{name} {differs[key]['mean']:+.3f} ({differs[key]['low']:+.3f} to {differs[key]['high']:+.3f})"
        for key, name in (("evidence_score", "evidence score"), ("chrf", "chrF"))
    )
    out = (
        "is the default for adapted replies in English"
        if beats(scores)
        else "is not used by default: `precedent` stays"
    )
    return (
        f"On {scores['test_turns']} held-out turns, adapted replies minus the past answer alone: {told}; a draft passed the checks "
        f"and went out {scores['drafts_that_went_out']} times. So this adapter {out}."
    )


def ship(folder: Path, card: Card, to: Path) -> None:
    """Copies the adapter's files into `to`/<version>/ and seals them as the registry does; what was shipped before goes.

    Raises UsageError where it is larger than 20 MB, and changes nothing then."""
    files = ("adapter_config.json", "adapter_model.safetensors")
    if (size := sum((folder / name).stat().st_size for name in files)) > MOST_BYTES:
        raise UsageError(
            f"The adapter takes {size / 2**20:.1f} MB, and 20 may be shipped; tune it with a lower --rank."
        )
    for old in to.glob("generator-*"):
        shutil.rmtree(old)
    made = to / card.name
    made.mkdir(parents=True)
    for name in files:
        shutil.copyfile(folder / name, made / name)
    (made / READABLE).write_text(readable(card), encoding="utf-8")
    write_synced(made / CARD, to_bytes(replace(card, files=hash_files(made))))


if __name__ == "__main__":
    run_alone(main)

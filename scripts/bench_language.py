"""`chatbot bench language`: language identification on short sentences beside three others. Prints counts, no texts."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from chatbot.errors import UsageError
from chatbot.language import detect
from scripts.bench_corpora import DATA_FOLDER, DataFolder, read_corpus
from scripts.bench_report import report, run_alone
from scripts.machine import machine
from scripts.options import JsonOption, ProgressSink, silent, tracked

CORPUS = "langid_tatoeba"
WORDS_CORPUS = "langid_lingua"
# Big by speakers and by use on the web, one row a language: variants of Chinese count as zh.
_BIG = "en zh es de fr ja ko ru pt it nl pl tr ar hi vi id uk sv el"
LANGUAGES = tuple(_BIG.split())
LONGEST = 40  # characters
SWITCHES = 0.1  # share of messages whose conversation was in another language
_CHINESE = {"yue": "zh", "wuu": "zh", "cmn": "zh", "zh-cn": "zh", "zh-tw": "zh"}

Sample = tuple[str, str, bool]  # text, language, whether in the half that the weights were tuned on
Identify = Callable[[str], str | None]


def run(data_folder: Path = DATA_FOLDER, *, progress: ProgressSink = silent) -> dict[str, Any]:
    """Accuracy and ms a text of each identifier on the same samples, restricted to LANGUAGES where it can be.

    The weights were tuned on each language's first 20 sentences (`tuned`); the other 20 are `held_out`. "with prior":
    the conversation's language is what we ourselves decided on two other sentences before this one, in the same language
    or, in "10 % switch", in another one time in ten. Raises UsageError when a corpus or lingua (a
    development dependency) is not there.
    """
    samples = _samples(read_corpus(data_folder, CORPUS))
    words_corpus = read_corpus(data_folder, WORDS_CORPUS)
    detect("the first call loads the profiles")
    progress("load the identifiers", 0, 0)
    identifiers = _identifiers()
    rows = {
        name: _measure(identify, samples) for name, identify in tracked(identifiers.items(), "identifiers", progress)
    }
    priors = {"ours with prior": 0.0, "ours with prior, 10 % switch": SWITCHES}
    for name, share in tracked(priors.items(), "with priors", progress):
        rows[name] = _measure(_with_priors(samples, share), samples)
    short = {"langdetect", "py3langid", "lingua", "ours"}
    progress("single words", 0, 0)
    words = _word_rows(words_corpus, {name: row for name, row in identifiers.items() if name in short})
    accuracy = {name: row["accuracy"] for name, row in rows.items()}
    others = ("langdetect", "py3langid", "lingua")
    goals = {
        "better than langdetect and py3langid": accuracy["ours"] > max(accuracy["langdetect"], accuracy["py3langid"]),
        "within .01 of lingua": accuracy["ours"] >= accuracy["lingua"] - 0.01,
        "with prior better than all three": accuracy["ours with prior"] > max(accuracy[name] for name in others),
    }
    return {
        "machine": machine(),
        "goals": goals,
        "corpus": CORPUS,
        "languages": list(LANGUAGES),
        "texts": len(samples),
        "longest": LONGEST,
        "rows": rows,
        "words": words,
    }


def _samples(rows: Sequence[dict[str, Any]]) -> list[Sample]:
    found = []
    for row in rows:
        if row["language"] in LANGUAGES and len(row["text"]) <= LONGEST:
            found.append((row["text"], row["language"], int(row["id"].rsplit("-", 1)[1]) < 20))
    return found


def _measure(identify: Identify, samples: Sequence[Sample]) -> dict[str, Any]:
    start = time.perf_counter()
    guesses = [identify(text) for text, _, _ in samples]
    ms = (time.perf_counter() - start) * 1000 / len(samples)
    right = [guess == language for guess, (_, language, _) in zip(guesses, samples, strict=True)]
    tuned = [hit for hit, (_, _, first_half) in zip(right, samples, strict=True) if first_half]
    held = [hit for hit, (_, _, first_half) in zip(right, samples, strict=True) if not first_half]
    return {
        "right": sum(right),
        "of": len(right),
        "accuracy": round(sum(right) / len(right), 4),
        "tuned": f"{sum(tuned)}/{len(tuned)}",
        "held_out": f"{sum(held)}/{len(held)}",
        "ms": round(ms, 3),
    }


# --- identifiers -----------------------------------------------------------------------------------------


def _identifiers() -> dict[str, Identify]:
    langdetect_open, langdetect_restricted = _langdetect(None), _langdetect(LANGUAGES)
    py3langid_open, py3langid_restricted = _py3langid(None), _py3langid(LANGUAGES)
    return {
        "langdetect": langdetect_restricted,
        "py3langid": py3langid_restricted,
        "lingua": _lingua(),
        "ours": lambda text: detect(text, None, LANGUAGES).language,
        "langdetect, any language": langdetect_open,
        "py3langid, any language": py3langid_open,
        "ours, any language": lambda text: detect(text).language,
    }


def _langdetect(allowed: Sequence[str] | None) -> Identify:
    from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory
    from langdetect.lang_detect_exception import LangDetectException

    factory = DetectorFactory()
    factory.seed = 0
    factory.load_profile(PROFILES_DIRECTORY)
    chosen = {code: 1.0 for code in factory.langlist if allowed is None or _CHINESE.get(code, code) in allowed}

    def identify(text: str) -> str | None:
        detector = factory.create()
        detector.set_prior_map(chosen)
        detector.append(text)
        try:
            found = detector.get_probabilities()
        except LangDetectException:
            return None
        return _CHINESE.get(found[0].lang, found[0].lang) if found else None

    return identify


def _py3langid(allowed: Sequence[str] | None) -> Identify:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    if allowed is not None:
        identifier.set_languages(allowed)

    def identify(text: str) -> str | None:
        code: str = identifier.classify(text)[0]
        return _CHINESE.get(code, code)

    return identify


def _lingua() -> Identify:
    try:
        from lingua import IsoCode639_1, LanguageDetectorBuilder
    except ImportError as exc:
        raise UsageError("lingua is not installed, so nothing was measured; install the extra `dev`.") from exc

    codes = [getattr(IsoCode639_1, code.upper()) for code in LANGUAGES]
    detector = LanguageDetectorBuilder.from_iso_codes_639_1(*codes).with_preloaded_language_models().build()

    def identify(text: str) -> str | None:
        found = detector.detect_language_of(text)
        return None if found is None else str(found.iso_code_639_1.name.lower())

    return identify


def _with_priors(samples: Sequence[Sample], switches: float) -> Identify:
    """Identifies the samples in their order, each after two others of its conversation's language."""
    by_language: dict[str, list[str]] = {code: [] for code in LANGUAGES}
    for text, language, _ in samples:
        by_language[language].append(text)
    draw = random.Random(0)  # noqa: S311 - a simulation, not a secret
    priors = []
    for text, language, _ in samples:
        before = language
        if draw.random() < switches:
            before = draw.choice([code for code in LANGUAGES if code != language])
        earlier = draw.sample([other for other in by_language[before] if other != text], 2)
        prior = detect(earlier[0], None, LANGUAGES).language
        priors.append(detect(earlier[1], prior, LANGUAGES).language)
    left = iter(priors)
    return lambda text: detect(text, next(left), LANGUAGES).language


def _word_rows(corpus: Sequence[dict[str, Any]], identifiers: dict[str, Identify]) -> dict[str, dict[str, Any]]:
    """Right counts on single words and word pairs, as information: customers do not write words out of a book."""
    rows = [row for row in corpus if row["language"] in LANGUAGES]
    result: dict[str, dict[str, Any]] = {}
    for kind in ("single-words", "word-pairs"):
        chosen = [(row["text"], row["language"]) for row in rows if row["kind"] == kind]
        if chosen:
            hits = {name: sum(identify(t) == code for t, code in chosen) for name, identify in identifiers.items()}
            result[kind] = {"of": len(chosen), **{name: round(hit / len(chosen), 4) for name, hit in hits.items()}}
    return result


def main(data_folder: DataFolder = DATA_FOLDER, as_json: JsonOption = False) -> None:
    """How often the language of a short text is right, alone and in a conversation, beside three identifiers."""
    report(partial(run, data_folder), _show, as_json=as_json)


def _show(console: Console, result: dict[str, Any]) -> None:
    console.print(f"{result['texts']} texts of <= {LONGEST} characters in {' '.join(result['languages'])}")
    table = Table("identifier", "right", "accuracy", "tuned half", "held-out half", "ms a text")
    for name, row in result["rows"].items():
        cells = (f"{row['right']}/{row['of']}", f"{row['accuracy']:.4f}", row["tuned"], row["held_out"], str(row["ms"]))
        table.add_row(name, *cells)
    console.print(table)
    for kind, row in result["words"].items():
        console.print(f"{kind} ({row['of']}): " + ", ".join(f"{k} {v:.3f}" for k, v in row.items() if k != "of"))


if __name__ == "__main__":
    run_alone(main)

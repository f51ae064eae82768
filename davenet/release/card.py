"""The data card of a release: README.md with the header by which dataset libraries find its files, and what a user must know.

A pure function of the manifest and the counts; called by `build`.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from davenet.corpora.splits import SPLIT_NAMES
from davenet.release.agreement import Agreement
from davenet.release.columns import LABEL_FIELDS, TABLES, Column
from davenet.release.facts import MANIFEST, Manifest, MiningFacts, SourceFacts
from davenet.release.summary import NOT_REVIEWED, Summary

_VERDICTS = ("accept", "reject", "unsure", NOT_REVIEWED)
_MOST_CLASSES = 30
_MOST_REVIEWERS = 20
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_SETTINGS = {  # in the order of the card; others follow by name
    "food_threshold": "least P(food) of a food frame",
    "non_food_threshold": "least P(no food) of a non-food frame",
    "window_s": "seconds around a frame whose words are searched",
    "segment_s": "seconds of sound of a food pair",
    "non_food_segment_s": "seconds of sound of a non-food pair",
    "match": "how a class is found among the words",
    "seed": "of the draw of non-food pairs",
}
_TOLD_ELSEWHERE = ("detector", "recogniser")  # what begins so names the sources, listed above with their versions


def card(manifest: Manifest, summary: Summary) -> str:
    """Returns the card as Markdown behind its YAML header."""
    facts = manifest.facts
    parts = [
        _header(manifest, summary),
        f"# {facts.title}",
        _what(manifest, summary),
        "## Loading\n\n" + _loading(manifest),
        "## Counts\n\n" + _counts(summary),
        "## How it was made\n\n" + _making(manifest, summary),
        "## Agreement between reviewers\n\n" + _agreement(manifest, summary),
        "## Fields\n\n" + _fields(),
        "## Limits\n\n" + _limits(),
        "## Licence\n\n" + _licence(manifest),
    ]
    return "\n\n".join(parts) + "\n"


def _header(manifest: Manifest, summary: Summary) -> str:
    lines = [f"pretty_name: {_yaml(manifest.facts.title)}", f"license: {_yaml(manifest.facts.licence)}"]
    languages = sorted(name for name in summary.languages if name.isascii() and name.isalpha() and 2 <= len(name) <= 3)
    if languages:
        lines += ["language:", *(f"- {_yaml(name)}" for name in languages)]
    makers = ["machine-generated"] + (["expert-generated"] if summary.n_verdicts else [])
    lines += ["annotations_creators:", *(f"- {maker}" for maker in makers)]
    size = next((name for bound, name in _SIZES if summary.n_pairs < bound), "1M<n<10M")
    tags = ["audio-visual", "speech", "cooking", "weak-supervision"]
    lines += ["size_categories:", f"- {size}", "tags:", *(f"- {tag}" for tag in tags), "configs:"]
    for table in TABLES:
        files = [split for split in SPLIT_NAMES if f"{table}/{split}.parquet" in manifest.files]
        if not files:
            continue
        lines += [f"- config_name: {table}", *(["  default: true"] if table == "pairs" else []), "  data_files:"]
        for split in files:
            lines += [f"  - split: {split}", f"    path: {table}/{split}.parquet"]
    return "\n".join(["---", *lines, "---"])


def _what(manifest: Manifest, summary: Summary) -> str:
    food, non_food = summary.pairs(kind="food"), summary.pairs(kind="non-food")
    text = (
        f"{_number(food, 'food pair')} and {_number(non_food, 'non-food pair')} of "
        f"{_number(summary.videos.total(), 'cooking video')}. A pair is a video frame with the audio segment centred on it. A "
        "food pair carries weak labels: a detector sees a food in the frame, and a speech recogniser heard that food's name "
        "nearby; a non-food pair is a frame in which the detector is sure that there is no food. "
    )
    if summary.judged:
        text += f"People judged {_number(summary.judged, 'pair')}, accepting or rejecting the claim."
    else:
        text += "No person has judged any of them yet: every label is a machine's."
    text += (
        "\n\nThe pairs are made as in *Grounding Spoken Words in Unlabeled Video* (Boggust et al., CVPR Workshops 2019, "
        "Section 6). "
    )
    if manifest.media is None:
        text += (
            "There are no media here: ids and times only. Get the videos from where they were published, by their ids."
        )
    else:
        text += "The frames and audio segments lie beside the tables as WebDataset shards."
    return text


def _loading(manifest: Manifest) -> str:
    tables = [table for table in TABLES if any(name.startswith(f"{table}/") for name in manifest.files)]
    lines = [
        "```python",
        "from datasets import load_dataset",
        "",
        'pairs = load_dataset("PATH_OF_THIS_FOLDER")',
        *(['accepted = pairs.filter(lambda pair: pair["verdict"] == "accept")'] if "verdicts" in tables else []),
        *(f'{table} = load_dataset("PATH_OF_THIS_FOLDER", "{table}")' for table in tables if table != "pairs"),
        "```",
        "",
        "The same tables are there as CSV, in UTF-8: lists are JSON in them, and a text that a spreadsheet would run as a "
        "formula has an apostrophe before it. Parquet is exact. "
        f"`{MANIFEST}` holds the SHA-256 of every file.",
    ]
    if manifest.media is not None:
        first = next(name for name in manifest.files if name.endswith(".tar"))
        split = first.split("/")[1].rsplit("-", 1)[0]
        lines += [
            "",
            "The media of a pair are `PAIR_ID.jpg`, `PAIR_ID.flac` (mono, 16 kHz, 16 bit, segment_s seconds, silence where the "
            "video has no sound) and `PAIR_ID.json` (the pair's row):",
            "",
            "```python",
            "import webdataset",
            "",
            f'media = webdataset.WebDataset("PATH_OF_THIS_FOLDER/{first}", shardshuffle=False)',
            "# or with the datasets library (it needs torchcodec for the sound), which must be told that these are shards:",
            f'media = load_dataset("webdataset", data_files={{"{split}": "PATH_OF_THIS_FOLDER/media/{split}-*.tar"}})',
            "```",
            "",
            f"{_number(manifest.media.pairs, 'pair')} {_have(manifest.media.pairs)} media; "
            f"{manifest.media.pairs_without} lack a frame or its sound"
            + (f" (videos {', '.join(manifest.media.videos_without[:10])}" if manifest.media.videos_without else "")
            + (" …" if len(manifest.media.videos_without) > 10 else "")
            + (")." if manifest.media.videos_without else "."),
        ]
    return "\n".join(lines)


def _counts(summary: Summary) -> str:
    rows = []
    kinds = [kind for kind in ("food", "non-food", "uniform") if summary.pairs(kind=kind)]
    for split in [*summary.splits(), None]:
        for kind in kinds:
            counted = [summary.pairs(split, kind, verdict) for verdict in _VERDICTS]
            videos = str(summary.videos[split] if split is not None else summary.videos.total())
            rows.append([split or "all", videos, kind, *map(str, [*counted, sum(counted)])])
    headings = ("split", "videos", "kind", "accepted", "rejected", "unsure", "not reviewed", "pairs")
    text = _table(headings, rows, numbers_from=3)
    text += (
        "\n\nA pair's verdict is its adjudication's, else that of more than half of its reviewers, else the one given last. "
        "Non-food pairs are used without review."
    )
    decided = summary.pairs(verdict="accept") + summary.pairs(verdict="reject")
    if decided:
        share = 100 * summary.pairs(verdict="accept") / decided
        text += f" Of {_number(decided, 'pair')} accepted or rejected, {share:.1f} % are accepted."
    if summary.not_mined:
        text += (
            f" {_number(summary.not_mined, 'pair')} with verdicts {'is' if summary.not_mined == 1 else 'are'} kept although "
            "mining no longer finds them (`is_mined` is false)."
        )
    by_class: Counter[str] = Counter()
    for (name, _), number in summary.classes.items():
        by_class[name] += number
    if by_class:
        ordered = sorted(by_class, key=lambda name: (-by_class[name], name))
        shown = ordered[:_MOST_CLASSES]
        rows = [
            [_cell(name), *(str(summary.classes[name, verdict]) for verdict in _VERDICTS), str(by_class[name])]
            for name in shown
        ]
        more = len(ordered) - len(shown)
        text += f"\n\n{_number(len(ordered), 'class', 'classes')}, by the label that each food pair asks about"
        text += f" (the {len(shown)} most frequent):\n\n" if more else ":\n\n"
        text += _table(("class", "accepted", "rejected", "unsure", "not reviewed", "pairs"), rows, numbers_from=1)
    return text


def _making(manifest: Manifest, summary: Summary) -> str:
    facts = manifest.facts
    corpora = [f"{_corpus(name)} ({_number(number, 'video')})" for name, number in sorted(summary.corpora.items())]
    lines = [f"- Videos: {', '.join(corpora)}."]
    for name, said in facts.splits.items():
        whose = _corpus(name) if name else "videos of no published corpus"
        lines.append(f"- Splits of {whose}: {_text(said)}. A video is in one split only.")
    lines += _sources("Detector", facts.detectors, summary.detectors, "class, probability and P(food)")
    lines += _sources("Recogniser", facts.recognisers, summary.recognisers, "words, their times and confidences")
    lines += [
        "- Mining: a frame with P(food) at or above the threshold becomes a food pair where one of the detector's top classes "
        "is said in the words around it; non-food frames are drawn at random, as many as food pairs where there are enough.",
        f"- Reviewing: people see the frame, hear the segment and answer whether the named food is seen and said. "
        f"{_number(summary.n_verdicts, 'verdict')}"
        + (f", the last on {summary.last_verdict[:10]}." if summary.last_verdict else "."),
        f"- Made with {_text(facts.made_with)}.",
    ]
    text = "\n".join(lines)
    for mining in facts.minings:
        text += f"\n\n{_mining(mining, summary.minings[mining.number])}"
    return text


def _mining(mining: MiningFacts, n_pairs: int) -> str:
    names = [name for name in _SETTINGS if name in mining.settings]
    names += sorted(name for name in mining.settings if name not in _SETTINGS)
    rows = [
        [f"`{_cell(name)}`", _cell(_value(mining.settings[name])), _SETTINGS.get(name, "")]
        for name in names
        if mining.settings[name] is not None and not name.startswith(_TOLD_ELSEWHERE)
    ]
    title = f"Mining {mining.number} of {mining.at.date().isoformat()} ({_number(n_pairs, 'pair')}):"
    return title + ("\n\n" + _table(("setting", "value", "meaning"), rows) if rows else " no settings were kept.")


def _sources(what: str, sources: Sequence[SourceFacts], counted: Mapping[str, int], gives: str) -> list[str]:
    lines = []
    for source in sources:
        settings = ", ".join(
            f"{name} {_value(value)}" for name, value in sorted(source.settings.items()) if value is not None
        )
        lines.append(
            f"- {what}: `{_cell(source.name)}`, version {_text(source.version)}, gave {gives}"
            + (f"; its settings: {_text(settings)}." if settings else ".")
        )
    named = {source.name for source in sources}
    for name, number in sorted(counted.items()):
        if name not in named:
            told = f"`{_cell(name)}`, its version was not kept" if name else "not known"
            lines.append(f"- {what} of {_number(number, 'pair')}: {told}.")
    return lines


def _agreement(manifest: Manifest, summary: Summary) -> str:
    names = ", ".join(f"{_text(name)} ({number})" for name, number in summary.reviewers.most_common(_MOST_REVIEWERS))
    more = len(summary.reviewers) - _MOST_REVIEWERS
    if not summary.n_verdicts:
        return "Nobody has reviewed these pairs yet, so there is no agreement to report."
    text = f"Verdicts by reviewer: {names}{f' and {more} others' if more > 0 else ''}."
    if manifest.facts.anonymous:
        text += " The reviewers' names are replaced."
    if not summary.by_several:
        return text + " No pair was judged by two people, so κ cannot be given."
    text += (
        f" {_number(summary.by_several, 'pair')} {'was' if summary.by_several == 1 else 'were'} judged by two or more people; "
        f"on {summary.in_disagreement} of them they disagree. Cohen's κ over accept, reject and unsure, for each two:\n\n"
    )
    rows = [
        [
            _cell(each.first),
            _cell(each.second),
            str(each.n_pairs),
            f"{100 * each.observed:.1f} %",
            _kappa(each),
        ]
        for each in summary.agreements
    ]
    head = ("reviewer", "reviewer", "pairs of both", "same decision", "κ (95 %)")
    return text + _table(head, rows, numbers_from=2) + "\n\nIntervals hold 95 %, by drawing the pairs again 1000 times."


def _kappa(each: Agreement) -> str:
    if each.kappa is None:
        return "undefined: both gave one decision only"
    low, high = each.interval
    return f"{each.kappa:.2f} ({low:.2f} to {high:.2f})"


def _fields() -> str:
    parts = []
    for table, columns in TABLES.items():
        parts.append(f"### {table}\n\n" + _column_table(columns))
    parts.append("### A weak label, in `labels`\n\n" + _column_table(LABEL_FIELDS))
    return "\n\n".join(parts)


def _column_table(columns: Iterable[Column]) -> str:
    types = {
        "text": "string", "number": "float64", "whole": "int32", "yes or no": "bool", "moment": "timestamp",
        "texts": "list of strings", "labels": "list of weak labels",
    }  # fmt: skip
    rows = [
        [
            f"`{column.name}`",
            types[column.kind] + (", may be null" if column.is_optional else ""),
            column.unit,
            column.meaning,
        ]
        for column in columns
    ]
    return _table(("column", "type", "unit", "meaning"), rows)


def _limits() -> str:
    return (
        "- Weak labels are machines' claims; without a verdict they are often wrong. In the paper people accepted 79.2 % of "
        "those that they reviewed.\n"
        "- That a food is seen and said within the window does not mean that both are about the same thing, nor that the word "
        "lies within the audio segment: `word_start` and `word_end` tell.\n"
        "- Times are seconds on the clock of the file whose `source_hash` is given. Another encoding of the same video may "
        "be cut or shifted: compare its `duration_s`.\n"
        "- Videos that were taken down cannot be got any more; the tables keep their rows."
    )


def _licence(manifest: Manifest) -> str:
    facts = manifest.facts
    text = (
        "The labels, verdicts and times were made by the publisher of this release"
        + (
            f" and are under the licence `{facts.licence}`."
            if facts.licence != "unknown"
            else ", who has not said yet under which licence they may be used: ask before using them."
        )
        + " The videos belong to those who made them and are under their own terms, which this licence does not touch."
    )
    if manifest.media is None:
        return text + " No frame and no sound of them is here."
    return text + (
        " **Frames and sounds of the videos are included here**: pass them on only where the videos' own terms, and the people "
        "who are seen and heard in them, allow it."
    )


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, numbers_from: int | None = None) -> str:
    first_number = len(headings) if numbers_from is None else numbers_from
    rule = ["---:" if place >= first_number else "---" for place in range(len(headings))]
    return "\n".join("| " + " | ".join(row) + " |" for row in [headings, rule, *rows])


def _number(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _have(number: int) -> str:
    return "has" if number == 1 else "have"


def _corpus(name: str) -> str:
    return {"": "no published corpus", "youcook2": "YouCook2", "youtube8m": "YouTube-8M"}.get(name, _text(name))


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _text(text: str) -> str:
    """Returns a text as one line in which nothing is markup."""
    line = "".join(c if c.isprintable() else " " for c in text)
    return "".join(f"\\{c}" if c in "\\`*_[]<>|#" else c for c in " ".join(line.split()))


def _cell(text: str) -> str:
    """Returns a text for a cell of a table: one line, its bars escaped."""
    line = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(line.split()).replace("|", "\\|").replace("`", "'").replace("<", "&lt;")


def _yaml(text: str) -> str:
    """Returns a text as YAML's double-quoted scalar, which JSON's strings are."""
    return json.dumps(text, ensure_ascii=True)

"""The report on a table of the paper: its numbers and ours side by side, as JSON, CSV, Markdown and a picture.

Besides the numbers it says what makes them incomparable: sizes of galleries and of training, model, weights, labels.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from davenet import __version__
from davenet.evaluation import paper
from davenet.evaluation.differences import differences
from davenet.evaluation.recall import Share, mean_recall, paired_difference
from davenet.evaluation.report_picture import picture
from davenet.files import write_text_atomically
from davenet.intervals import wilson_interval

WAYS = ("audio", "visual")
_ENDINGS = {"report": "md", "csv": "csv", "json": "json", "picture": "svg"}
_CSV_HEAD = (
    *("row", "gallery", "state", "train_pairs", "gallery_size", "gallery_hash", "chance"),
    *(f"{way}_{column}" for way in WAYS for column in ("paper", "ours", "ours_low", "ours_high")),
    *("mean_paper", "mean_ours", "mean_ours_low", "mean_ours_high", "paper_gallery_size", "paper_chance"),
)


def written(
    folder: Path,
    table: paper.TableName,
    *,
    finished: Mapping[paper.RowName, Mapping[str, Any]],
    reasons: Mapping[paper.RowName, str],
    changed: Mapping[str, Any],
    sources: Mapping[str, str],
) -> dict[str, Any]:
    """Writes report.json, .csv, .md and .svg; returns their paths, the lines of numbers, and the order's sentence.

    `finished` holds what row.json holds of each finished row, `reasons` why others could not be trained, `changed` the
    training values that differ from the presets', `sources` what the data came from.
    """
    finished = {name: _with_wilson(row) for name, row in finished.items()}
    values: dict[str, Any] = {
        "table": table,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": __version__,
        "lines": [_line(cell, finished.get(cell.row), reasons.get(cell.row)) for cell in paper.TABLES[table]],
        "order": _order(table, finished),
        "differences": differences(table, finished, changed=changed, sources=sources),
        "trained": {name: row["trained"] for name, row in finished.items()},
    }
    paths = {kind: folder / f"report.{ending}" for kind, ending in _ENDINGS.items()}
    write_text_atomically(paths["json"], json.dumps(values, indent=1, ensure_ascii=False) + "\n")
    write_text_atomically(paths["csv"], csv_text(values["lines"]))
    write_text_atomically(paths["picture"], picture(values["lines"], title=_title(table)))
    write_text_atomically(paths["report"], markdown(values))
    return {
        **{kind: str(path) for kind, path in paths.items()},
        "lines": values["lines"],
        "order": values["order"]["sentence"] if values["order"] else None,
    }


def _with_wilson(row: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a finished row with Wilson's intervals, whatever those were that it was kept with.

    That of the mean is computed from the pairs' ranks; without them from the mean alone, as if both ways were one.
    """
    cells: dict[str, Any] = {}
    for gallery, cell in row["cells"].items():
        figures, size = dict(cell["figures"]), cell["figures"]["gallery_size"]
        for way in (*WAYS, "mean"):
            found = wilson_interval(figures[f"{way}_recall_at_10"] * size, size)
            figures[f"{way}_recall_at_10_interval_95"] = list(found)
        if ranks := cell.get("ranks"):
            audio_B, visual_B = np.array(list(ranks.values()), np.int64).T
            figures["mean_recall_at_10_interval_95"] = list(mean_recall(audio_B, visual_B, 10).interval_95)
        cells[gallery] = {**cell, "figures": figures}
    return {**row, "cells": cells}


def _line(cell: paper.Cell, row: Mapping[str, Any] | None, reason: str | None) -> dict[str, Any]:
    paper_size = paper.GALLERY_SIZES[cell.gallery]
    line: dict[str, Any] = {
        "row": cell.row,
        "gallery": cell.gallery,
        "paper": {
            "audio": cell.audio,
            "visual": cell.visual,
            "mean": cell.mean,
            "size": paper_size,
            "chance": 10 / paper_size,
        },
        "ours": None,
        "train_pairs": None,
        "reason": reason or "not trained yet",
    }
    if row is None:
        return line
    figures = row["cells"][cell.gallery]["figures"]
    ours = {"size": figures["gallery_size"], "hash": figures["gallery_hash"], "chance": figures["chance_at_10"]}
    for way in (*WAYS, "mean"):
        ours[way] = figures[f"{way}_recall_at_10"]
        ours[f"{way}_interval_95"] = figures[f"{way}_recall_at_10_interval_95"]
    return {**line, "ours": ours, "train_pairs": row["trained"]["pairs"], "reason": None}


def _order(table: paper.TableName, finished: Mapping[paper.RowName, Mapping[str, Any]]) -> dict[str, Any] | None:
    """Compares the order of the rows with the paper's, pair by pair of rows on the same gallery; None for one row."""
    cells = sorted((cell for cell in paper.TABLES[table] if cell.row in finished), key=lambda cell: -cell.mean)
    gallery = cells[0].gallery if cells else None
    if len({cell.row for cell in cells}) < 2:
        return None
    compared = []
    for place, better in enumerate(cells):
        for worse in cells[place + 1 :]:
            one, other = (finished[cell.row]["cells"][gallery] for cell in (better, worse))
            low, high = (cell["figures"]["mean_recall_at_10_interval_95"] for cell in (one, other))
            difference = _difference(one["ranks"], other["ranks"])
            compared.append(
                {
                    "paper_better": better.row,
                    "paper_worse": worse.row,
                    "difference": difference.value,
                    "interval_95": list(difference.interval_95),
                    "same_order": difference.value > 0,
                    "is_sure": difference.interval_95[0] > 0 or difference.interval_95[1] < 0,
                    "intervals_overlap": low[0] <= high[1] and high[0] <= low[1],
                }
            )
    figures = {cell.row: finished[cell.row]["cells"][gallery]["figures"] for cell in cells}
    ours = sorted(figures, key=lambda name: -figures[name]["mean_recall_at_10"])
    return {
        "gallery": gallery,
        "paper": [cell.row for cell in cells],
        "ours": ours,
        "at_chance": [row for row in ours if _is_at_chance(figures[row])],
        "compared": compared,
        "sentence": _order_sentence(compared, [cell.row for cell in cells], ours, all_rows=len(paper.TABLES[table])),
    }


def _is_at_chance(figures: Mapping[str, Any]) -> bool:
    return float(figures["mean_recall_at_10_interval_95"][0]) <= float(figures["chance_at_10"])


def _difference(one: Mapping[str, Sequence[int]], other: Mapping[str, Sequence[int]]) -> Share:
    """Returns the difference of the mean Recall@10 over the pairs that both could read."""
    common = [uid for uid in one if uid in other]
    ranks = [np.array([found[uid] for uid in common], np.int64).T for found in (one, other)]
    return paired_difference(ranks[0], ranks[1], 10)


def _order_sentence(
    compared: Sequence[Mapping[str, Any]], wanted: Sequence[str], ours: Sequence[str], *, all_rows: int
) -> str:
    some = "" if len(wanted) == all_rows else f" (of the {len(wanted)} rows measured so far)"
    n_sure = sum(pair["is_sure"] for pair in compared if pair["same_order"])
    if all(pair["same_order"] for pair in compared):
        return (
            f"The order of the rows by mean Recall@10 is the paper's{some}: {' > '.join(wanted)}; {n_sure} of "
            f"{len(compared)} comparisons hold beyond chance (95 % paired bootstrap)."
        )
    return (
        f"The order of the rows by mean Recall@10 is not the paper's{some}: {' > '.join(ours)} here, "
        f"{' > '.join(wanted)} there."
    )


def markdown(values: Mapping[str, Any]) -> str:
    """Returns the report as Markdown."""
    parts = [
        f"# {_title(values['table'])}: the paper's numbers and ours",
        f"Made {values['made_at']} by Matchmap Annotator {values['version']}. Recall@10 in per cent, with 95 % Wilson "
        "intervals over the gallery's pairs; ties count against the model.",
        _markdown_table(values["lines"]),
        "![The numbers with their intervals](report.svg)",
        "A Recall@10 means nothing without its gallery: 10 of 100 is chance where 10 of 1000 is not. The last columns "
        "divide by chance (10 / size), which makes galleries of unlike sizes roughly comparable, no more.",
    ]
    missing = [line for line in values["lines"] if line["ours"] is None]
    if missing:
        parts.append("## Not trained\n\n" + "\n".join(f"- {line['row']}: {line['reason']}" for line in missing))
    if values["order"]:
        parts.append("## The order of the rows\n\n" + _markdown_order(values["order"]))
    parts.append("## Where this differs from the paper\n\n" + "\n".join(f"- {told}" for told in values["differences"]))
    if values["trained"]:
        parts.append("## The rows\n\n" + "\n".join(_markdown_row(*item) for item in values["trained"].items()))
    return "\n\n".join(parts) + "\n"


def _markdown_table(lines: Sequence[Mapping[str, Any]]) -> str:
    head: tuple[str, ...] = ("row", "training pairs", "gallery", "pairs in it", "hash", "chance")
    head += ("audio: paper", "audio: ours", "visual: paper", "visual: ours", "× chance: paper", "× chance: ours")
    rows = [head, ("---",) * len(head)]
    for line in lines:
        ours, theirs = line["ours"], line["paper"]
        known = (f"{theirs['audio']:.1%}", f"{theirs['visual']:.1%}", f"{theirs['mean'] / theirs['chance']:.1f}")
        if ours is None:
            rows.append((line["row"], "–", line["gallery"], "–", "–", "–", known[0], "–", known[1], "–", known[2], "–"))
            continue
        rows.append(
            (
                line["row"],
                f"{line['train_pairs']:,}",
                line["gallery"],
                f"{ours['size']:,}",
                f"`{ours['hash']}`",
                f"{ours['chance']:.1%}",
                known[0],
                _with_interval(ours, "audio"),
                known[1],
                _with_interval(ours, "visual"),
                known[2],
                f"{ours['mean'] / ours['chance']:.1f}",
            )
        )
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _markdown_order(order: Mapping[str, Any]) -> str:
    told = [str(order["sentence"])]
    if order["at_chance"]:
        rows = ", ".join(order["at_chance"])
        told[0] += f" Not told from chance by their intervals, so that their order says nothing: {rows}."
    for pair in order["compared"]:
        if pair["same_order"]:
            continue
        low, high = pair["interval_95"]
        overlap = "their intervals overlap" if pair["intervals_overlap"] else "their intervals do not overlap"
        sure = "beyond chance" if pair["is_sure"] else "which may be chance"
        told.append(
            f"- {pair['paper_better']} is {-100 * pair['difference']:.1f} points below {pair['paper_worse']} "
            f"(difference {100 * low:+.1f} to {100 * high:+.1f} points by a paired bootstrap, {sure}); {overlap}."
            if pair["difference"] < 0
            else f"- {pair['paper_better']} and {pair['paper_worse']} are equal; {overlap}."
        )
    return told[0] + ("\n\n" + "\n".join(told[1:]) if len(told) > 1 else "")


def _markdown_row(name: str, trained: Mapping[str, Any]) -> str:
    model = trained["model"]
    begun = trained["begins_with"] or (f"ImageNet ({trained['image_weights']})" if trained["image_weights"] else None)
    return (
        f"- {name}: {model['image_branch']} and {model['audio_branch']}, pictures of {model['image_size']} pixels, "
        f"beginning {f'with {begun}' if begun else 'at random'}; {trained['epochs']} epochs of {trained['pairs']:,} pairs "
        f"in batches of {trained['batch_size']}, learning rate {trained['learning_rate']:g}; epoch "
        f"{trained['best_epoch']} chosen on {trained['chosen_on']}; checkpoint `{trained['checkpoint']}`"
        + (f"; {trained['unreadable_pairs']} pairs could not be read" if trained["unreadable_pairs"] else "")
        + "."
    )


def csv_text(lines: Sequence[Mapping[str, Any]]) -> str:
    """Returns one line a row and gallery, shares in 0..1; what was not measured is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_CSV_HEAD)
    for line in lines:
        ours = line["ours"] or {}
        values: list[Any] = [line["row"], line["gallery"], "measured" if ours else line["reason"], line["train_pairs"]]
        values += [ours.get("size"), ours.get("hash"), ours.get("chance")]
        for way in (*WAYS, "mean"):
            values += [line["paper"][way], ours.get(way), *(ours.get(f"{way}_interval_95") or (None, None))]
        writer.writerow([*values, line["paper"]["size"], line["paper"]["chance"]])
    return out.getvalue()


def _with_interval(ours: Mapping[str, Any], way: str) -> str:
    low, high = ours[f"{way}_interval_95"]
    return f"{ours[way]:.1%} ({100 * low:.1f}–{100 * high:.1f})"


def _title(table: str) -> str:
    return f"Table {table.removeprefix('table')}"

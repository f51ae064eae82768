"""Reproducing a table on small clips: it reports beside the paper's numbers, goes on after a kill, and says what differs."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from synthetic_clips import write_synthetic_clip

from davenet import events
from davenet.errors import UserError
from davenet.evaluation import paper
from davenet.evaluation.differences import differences
from davenet.evaluation.galleries import freeze_gallery
from davenet.evaluation.report import written
from davenet.evaluation.reproduce import reproduce
from davenet.intervals import wilson_interval
from davenet.jobs import run_job
from davenet.pairs import Pair, WeakLabel, write_pairs
from davenet.specs import ReproduceSpec

QUICK: dict[str, object] = {
    "model": "small",
    "image_size": 32,
    "batch_size": 16,
    "epochs": 2,
    "learning_rate": 0.03,
    "threads": 1,
}
LABEL = WeakLabel("onion", 0.9, 1, "onion", 1.0, 1.4, 0.9)


def _as(pair: Pair, kind: Any) -> Pair:
    labels = (LABEL,) if kind == "food" else ()
    return Pair(f"{pair.uid}-{kind}", pair.video_uid, pair.time_s, pair.segment_s, kind, labels, 0.9)


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips of three training videos and a validation one, with the pairs and galleries of both tables."""
    folder = tmp_path_factory.mktemp("material")
    (folder / "clips").mkdir()
    uniform = [p for seed in range(3) for p in write_synthetic_clip(folder / "clips", f"video-{seed}", 12, seed)]
    unseen = write_synthetic_clip(folder / "clips", "unseen", 16, 99)
    write_pairs(folder / "uniform.jsonl", uniform)
    write_pairs(folder / "weak.jsonl", [_as(p, "food" if n % 2 else "non-food") for n, p in enumerate(uniform)])
    freeze_gallery(folder / "val-1000.jsonl", "val-1000", unseen)
    freeze_gallery(folder / "food-val-1000.jsonl", "food-val-1000", unseen[::2])
    freeze_gallery(folder / "verified.jsonl", "verified", [_as(pair, "food") for pair in unseen[:12]])
    return folder


def spec_of(material: Path, out_dir: Path, table: paper.TableName = "table3", **values: Any) -> ReproduceSpec:
    config = {**QUICK, **values.pop("config", {})}
    return ReproduceSpec(
        table=table,
        out_dir=out_dir,
        clips_dir=material / "clips",
        uniform_pairs=material / "uniform.jsonl",
        weak_pairs=material / "weak.jsonl",
        galleries={name: material / f"{name}.jsonl" for name in paper.galleries_of(table)},
        config=config,
        sources={"videos": "3 training, 1 validation", "detector": "colours"},
        device="cpu",
        **values,
    )


def never() -> bool:
    return False


def _rows(out_dir: Path) -> dict[str, dict[str, Any]]:
    return {path.parent.name: json.loads(path.read_text()) for path in out_dir.glob("*/row.json")}


def test_table_3_stands_beside_the_papers_and_says_why_a_row_is_missing(material: Path, tmp_path: Path) -> None:
    seen: list[events.Event] = []
    final = run_job(spec_of(material, tmp_path / "out"), seen.append)
    assert isinstance(final, events.Finished)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    told = {line["row"]: line for line in report["lines"]}
    assert {row: (line["paper"]["audio"], line["paper"]["visual"]) for row, line in told.items()} == {
        "unsupervised": (0.219, 0.221),
        "weak-random": (0.134, 0.146),
        "weak-imagenet": (0.391, 0.381),
        "weak-unsupervised": (0.272, 0.233),
    }
    assert told["weak-imagenet"]["ours"] is None
    assert "no ImageNet weights for the small image branch" in told["weak-imagenet"]["reason"]
    measured = [told[name] for name in ("unsupervised", "weak-random", "weak-unsupervised")]
    assert len({line["ours"]["hash"] for line in measured}) == 1
    for line in measured:
        assert line["ours"]["size"] == 12
        assert line["ours"]["chance"] == pytest.approx(10 / 12)
        assert line["ours"]["audio_interval_95"][0] <= line["ours"]["audio"] <= line["ours"]["audio_interval_95"][1]
    assert "(of the 3 rows measured so far)" in report["order"]["sentence"]
    assert len(report["order"]["compared"]) == 3

    markdown = (tmp_path / "out" / "report.md").read_text()
    for text in (
        "39.1%",
        f"`{measured[0]['ours']['hash']}`",
        "× chance",
        "1,169,255 in the paper",
        "image branch small",
    ):
        assert text in markdown
    rows = list(csv.DictReader((tmp_path / "out" / "report.csv").read_text().splitlines()))
    assert [row["row"] for row in rows] == list(told)
    assert float(rows[1]["audio_ours"]) == told["weak-random"]["ours"]["audio"]
    assert rows[2]["audio_ours"] == ""
    picture = ElementTree.fromstring((tmp_path / "out" / "report.svg").read_text())
    n_circles = sum(element.tag.endswith("circle") for element in picture.iter())
    assert n_circles == 1 + 2 * 3  # the legend's, and both ways of each measured row

    begun = json.loads((tmp_path / "out" / "weak-unsupervised" / "config.json").read_text())
    assert begun["start_from"]["path"] == str(tmp_path / "out" / "unsupervised" / "checkpoints" / "best.safetensors")
    progress = [event for event in seen if isinstance(event, events.Progress)]
    assert [event.done for event in progress] == sorted(event.done for event in progress)
    assert sum(isinstance(event, events.Started) for event in seen) == 1


def test_table_2_measures_one_model_on_both_galleries_and_finished_rows_are_not_trained_again(
    material: Path, tmp_path: Path
) -> None:
    spec = spec_of(material, tmp_path / "out", "table2")
    first = reproduce(spec, lambda event: None, never)
    assert [(line["gallery"], line["ours"]["size"]) for line in first["lines"]] == [
        ("val-1000", 16),
        ("food-val-1000", 8),
    ]
    assert first["order"] is None
    (tmp_path / "out" / "unsupervised" / "checkpoints" / "state.safetensors").unlink()
    seen: list[events.Event] = []
    assert reproduce(spec, seen.append, never) == first
    assert not any(isinstance(event, events.Metrics) for event in seen)


def test_other_settings_than_those_of_finished_rows_are_refused_by_name(material: Path, tmp_path: Path) -> None:
    reproduce(spec_of(material, tmp_path / "out", "table2"), lambda event: None, never)
    with pytest.raises(UserError, match=r"trained with epochs 2 instead of 3; give the same options"):
        reproduce(spec_of(material, tmp_path / "out", "table2", config={"epochs": 3}), lambda event: None, never)
    reproduce(spec_of(material, tmp_path / "out", "table2", config={"threads": 2}), lambda event: None, never)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal that cannot be caught")
def test_a_table_that_was_killed_goes_on_in_the_row_that_was_cut_off(material: Path, tmp_path: Path) -> None:
    rows = ["unsupervised", "weak-unsupervised"]
    slow = {"epochs": 3, "save_every_s": 0.01}
    whole = spec_of(material, tmp_path / "whole", rows=rows, config=slow)
    reproduce(whole, lambda event: None, never)
    cut = spec_of(material, tmp_path / "cut", rows=rows, config=slow)
    (tmp_path / "spec.json").write_text(cut.model_dump_json())
    command = [sys.executable, "-m", "davenet", "reproduce", "--spec", str(tmp_path / "spec.json")]
    second_state = tmp_path / "cut" / "weak-unsupervised" / "checkpoints" / "state.safetensors"
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        while child.poll() is None and not second_state.exists():
            time.sleep(0.01)
        child.send_signal(signal.SIGKILL)
    assert set(_rows(tmp_path / "cut")) == {"unsupervised"}, "it was killed too late to show anything"
    seen: list[events.Event] = []
    reproduce(cut, seen.append, never)
    said = [event.text for event in seen if isinstance(event, events.Message)]
    assert "Row unsupervised is finished; it is not trained again." in said
    assert any(text.startswith("Goes on from step") for text in said)
    for name, row in _rows(tmp_path / "whole").items():
        again = _rows(tmp_path / "cut")[name]
        assert again["cells"]["verified"]["ranks"] == row["cells"]["verified"]["ranks"]
        assert again["trained"]["steps"] == row["trained"]["steps"]


def test_a_table_that_is_stopped_reports_what_is_finished_and_the_rest_when_started_again(
    material: Path, tmp_path: Path
) -> None:
    spec = spec_of(material, tmp_path / "out", rows=["unsupervised", "weak-random"])
    first_row = tmp_path / "out" / "unsupervised" / "row.json"
    seen: list[events.Event] = []
    final = run_job(spec, seen.append, first_row.exists)
    assert isinstance(final, events.Cancelled)
    assert [line["row"] for line in final.result["lines"] if line["ours"]] == ["unsupervised"]
    assert "not trained yet" in Path(final.result["report"]).read_text()
    lines = reproduce(spec, lambda event: None, never)["lines"]
    assert [line["row"] for line in lines if line["ours"]] == ["unsupervised", "weak-random"]


def test_a_table_that_is_worked_on_is_not_begun_twice(material: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "heartbeat").write_text(f"{os.getppid()}\n")
    with pytest.raises(UserError, match=f"still worked on by process {os.getppid()}"):
        reproduce(spec_of(material, tmp_path / "out"), lambda event: None, never)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rows": ["weak-unsupervised"]}, "row unsupervised, which is not trained yet; add it to --rows"),
        ({"rows": ["weak-imagenet"]}, "no ImageNet weights for the small image branch"),
        ({"config": {"image_init": "imagenet"}}, "tells the rows of table3 apart"),
        ({"config": {"epochs": 0}}, "epochs"),
        ({"image_weights": Path("nowhere.pth")}, "no file nowhere.pth"),
        ({"table": "table2", "rows": ["weak-random"]}, "table2 has no row weak-random"),
    ],
)
def test_what_cannot_be_reproduced_is_told_in_one_sentence(
    material: Path, tmp_path: Path, values: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        reproduce(spec_of(material, tmp_path / "out", **values), lambda event: None, never)


def test_the_row_of_imagenet_weights_begins_with_those_of_a_file(
    material: Path, tmp_path: Path, shared_data: Path
) -> None:
    weights = shared_data / "models" / "imagenet" / "mobilenet_v2_torchvision_dequant.pth"
    few = {"model": "mobilenet", "epochs": 1, "image_size": 32, "batch_size": 36}
    seen: list[events.Event] = []
    result = reproduce(
        spec_of(material, tmp_path / "out", rows=["weak-imagenet"], config=few, image_weights=weights),
        seen.append,
        never,
    )
    assert any(isinstance(event, events.Message) and "begins with ImageNet weights" in event.text for event in seen)
    line = next(line for line in result["lines"] if line["row"] == "weak-imagenet")
    assert line["ours"]["size"] == 12
    report = Path(result["report"]).read_text()
    assert f"ImageNet weights: {weights.name}, of a mobilenet_v2. The paper's are a VGG network's." in report


def _finished(hits: dict[str, int], *, n: int = 100, train_pairs: int = 500) -> dict[Any, Any]:
    """Rows of table 3 whose first `hits` pairs are found, both ways."""
    rows = {}
    for name, found in hits.items():
        share, low, high = found / n, max(0.0, found / n - 0.08), min(1.0, found / n + 0.08)
        figures: dict[str, Any] = {"gallery_size": n, "gallery_hash": "0123", "chance_at_10": 10 / n}
        for way in ("audio", "visual", "mean"):
            figures |= {f"{way}_recall_at_10": share, f"{way}_recall_at_10_interval_95": [low, high]}
        ranks = {f"pair-{i}": [1, 1] if i < found else [50, 50] for i in range(n)}
        trained = {
            "pairs": train_pairs,
            "food_pairs": train_pairs // 2,
            "non_food_pairs": train_pairs // 2,
            "unreadable_pairs": 0,
            "epochs": 3,
            "best_epoch": 2,
            "steps": 9,
            "batch_size": 100,
            "learning_rate": 0.001,
            "chosen_on": "verified",
            "begins_with": None,
            "image_weights": None,
            "model": {"image_branch": "vgg16", "audio_branch": "davenet", "image_size": 224},
            "checkpoint": f"{name}/checkpoints/best.safetensors",
        }
        rows[name] = {"cells": {"verified": {"figures": figures, "ranks": ranks}}, "trained": trained}
    return rows


@pytest.fixture
def told(tmp_path: Path) -> Callable[[dict[str, int]], tuple[str, dict[str, Any]]]:
    def tell(hits: dict[str, int]) -> tuple[str, dict[str, Any]]:
        written(tmp_path, "table3", finished=_finished(hits), reasons={}, changed={}, sources={})
        return (tmp_path / "report.md").read_text(), json.loads((tmp_path / "report.json").read_text())["order"]

    return tell


def test_the_papers_order_is_told_with_how_surely_it_holds(
    told: Callable[[dict[str, int]], tuple[str, dict[str, Any]]],
) -> None:
    markdown, order = told({"weak-random": 20, "weak-imagenet": 60, "weak-unsupervised": 41, "unsupervised": 40})
    assert order["ours"] == ["weak-imagenet", "weak-unsupervised", "unsupervised", "weak-random"] == order["paper"]
    assert (
        "is the paper's: weak-imagenet > weak-unsupervised > unsupervised > weak-random; 5 of 6 comparisons hold "
        "beyond chance"
    ) in markdown


def test_another_order_names_the_rows_that_differ_and_whether_their_intervals_overlap(
    told: Callable[[dict[str, int]], tuple[str, dict[str, Any]]],
) -> None:
    markdown, order = told({"weak-random": 20, "weak-imagenet": 40, "weak-unsupervised": 70, "unsupervised": 20})
    assert order["ours"][:2] == ["weak-unsupervised", "weak-imagenet"]
    assert "weak-imagenet is 30.0 points below weak-unsupervised (difference -3" in markdown
    assert "beyond chance); their intervals do not overlap" in markdown
    assert "- unsupervised and weak-random are equal; their intervals overlap." in markdown
    assert "Not told from chance" not in markdown
    markdown, _ = told({"weak-imagenet": 14, "weak-unsupervised": 15, "unsupervised": 60})
    assert "so that their order says nothing: weak-unsupervised, weak-imagenet." in markdown
    markdown, _ = told({"weak-imagenet": 40, "weak-unsupervised": 41})
    assert "is not the paper's (of the 2 rows measured so far)" in markdown
    assert "which may be chance); their intervals overlap" in markdown


def test_a_row_measured_before_intervals_were_wilsons_is_told_with_wilsons(tmp_path: Path) -> None:
    rows = _finished({"weak-random": 100, "weak-imagenet": 40})
    cell = rows["weak-imagenet"]["cells"]["verified"]
    cell["ranks"] = {f"pair-{i}": [1 if i < 40 else 50, 1 if i >= 60 else 50] for i in range(100)}  # never both ways
    without_ranks = _finished({"unsupervised": 40})
    del without_ranks["unsupervised"]["cells"]["verified"]["ranks"]
    for finished in (rows, without_ranks):
        lines = written(tmp_path, "table3", finished=finished, reasons={}, changed={}, sources={})["lines"]
        ours = {line["row"]: line["ours"] for line in lines if line["ours"]}
        for told in ours.values():
            for way in ("audio", "visual"):
                found = wilson_interval(100 * told[way], 100)
                assert told[f"{way}_interval_95"] == pytest.approx(found)
        if finished is rows:
            assert ours["weak-random"]["mean_interval_95"][0] < 1  # the bootstrap's was a point
            assert ours["weak-imagenet"]["mean_interval_95"] == pytest.approx(wilson_interval(80, 200))
        else:
            assert ours["unsupervised"]["mean_interval_95"] == pytest.approx(wilson_interval(40, 100))


def test_what_is_as_in_the_paper_is_not_told_as_a_difference() -> None:
    rows = _finished({"weak-random": 300}, n=845, train_pairs=2 * paper.FOOD_PAIRS)
    same = differences("table3", rows, changed={}, sources={})
    assert len(same) == 1
    assert same[0].startswith("The paper states batches of 100")
    rows["weak-random"]["trained"] |= {
        "food_pairs": 271,
        "model": {**QUICK, "image_branch": "small", "audio_branch": "x"},
    }
    other = differences("table3", rows, changed={"epochs": 3}, sources={"recogniser": "pocketsphinx 5"})
    assert any("271 of food and 2,860 of none here, 2,860 of each in the paper" in line for line in other)
    assert any(line.startswith("Speech recogniser: pocketsphinx 5.") for line in other)
    assert any(line == "Training values set for this report, not the presets': epochs 3." for line in other)

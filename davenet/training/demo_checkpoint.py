"""Makes the demo checkpoint again from nothing: generated videos, mined pairs (Section 6), preset `small`, figures.

Run as: python -m davenet.training.demo_checkpoint --work DIR --out resources/checkpoint (make demo-checkpoint does).
Each stage skips what it finds done in DIR. The demo's own videos are only measured on, never trained on.
"""

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from davenet import events
from davenet.clips import open_clip
from davenet.corpora.kitchen.foods import FOODS
from davenet.errors import UserError
from davenet.evaluation.localisation import clips_with_truth, measure
from davenet.files import write_text_atomically
from davenet.jobs import run_job
from davenet.labels.detections import adopt_detections, detections_path, newest_detections, read_detections
from davenet.labels.mining import mine
from davenet.labels.pocketsphinx_keywords import KeywordTranscriber
from davenet.labels.transcribe import transcribe_with
from davenet.labels.words import adopt_transcript, newest_transcript, read_transcript
from davenet.media.probe import probe, video_uid
from davenet.pairs import Pair, WeakLabel, write_pairs
from davenet.specs import EvaluateSpec, ExtractSpec, TrainSpec, TranscribeSpec, VideoRef
from davenet.training.presets import PRESETS

REPOSITORY = Path(__file__).resolve().parents[2]
NAME = "kitchen-small.safetensors"
PRESET = "small"
CORPUS_SEED = 1000  # the demo has 2019
CORPUS_SECONDS = 40, 75
CORPUS_VIDEOS = 144
VALIDATION_SHARE = 0.15  # of the videos


def make(
    work: Path, out: Path, demo: Path, *, n_videos: int = CORPUS_VIDEOS, config: dict[str, object] | None = None
) -> dict[str, Any]:
    """Runs every stage and returns the figures that it wrote beside the checkpoint."""
    corpus = work / "corpus"
    generate_corpus(corpus, n_videos)
    clips = extract(corpus, work / "corpus-clips")
    labels = label(corpus, work / "corpus-labels")
    train_pairs, validation_pairs = split_pairs(clips, labels, work)
    run_dir = work / "run"
    began_s = time.monotonic()
    final = run_job(
        TrainSpec(
            run_dir=run_dir,
            clips_dir=clips,
            train_pairs=train_pairs,
            validation_pairs=validation_pairs,
            preset=PRESET,
            config=config or {},
        ),
        report,
    )
    minutes = (time.monotonic() - began_s) / 60
    checkpoint = Path(str(final.result["best_checkpoint"]))
    demo_clips = extract(demo, work / "demo-clips")
    figures = {
        "corpus": {"videos": n_videos, "seed": CORPUS_SEED},
        "training": {"preset": PRESET, "minutes": round(minutes, 1), **dict(final.result)},
        "demo": measured(checkpoint, demo_clips, demo, work),
    }
    for name in ("checkpoint", "best_checkpoint"):
        figures["training"].pop(name)
    out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(checkpoint, out / NAME)
    write_text_atomically(out / "figures.json", json.dumps(figures, indent=2) + "\n")
    write_text_atomically(out / "RECIPE.md", recipe(figures, out / NAME))
    return figures


def generate_corpus(folder: Path, n_videos: int) -> None:
    """Makes the videos of the corpus with their truth, where they are not there yet."""
    from davenet.corpora.kitchen.__main__ import main as generate  # needs programs that nothing else does

    options = ["--out", str(folder), "--count", str(n_videos), "--seed", str(CORPUS_SEED), "--fast"]
    options += ["--seconds-min", str(CORPUS_SECONDS[0]), "--seconds-max", str(CORPUS_SECONDS[1])]
    if generate([*options, "--jobs", str(os.cpu_count() or 1)]):
        raise UserError(f"The videos in {folder} could not be generated; the reason is told above.")


def refs_of(videos: Path) -> list[VideoRef]:
    """Returns the videos of a folder by the uids that a project would give them."""
    paths = sorted(videos.glob("*.mp4"))
    if not paths:
        raise UserError(f"There are no videos in {videos}; make them first.")
    return [VideoRef(uid=video_uid(path, probe(path).source_hash), path=path) for path in paths]


def extract(videos: Path, clips: Path) -> Path:
    """Extracts every video of a folder into clip files and returns their folder."""
    refs = refs_of(videos)
    run_job(ExtractSpec(videos=refs, clips_dir=clips), report)
    return clips


def label(videos: Path, labels: Path) -> Path:
    """Puts the detections that lie beside the videos into `labels`, and the food words that pocketsphinx spots."""
    refs = refs_of(videos)
    for ref in refs:
        if not detections_path(labels, ref.uid, "simulated").exists():
            adopt_detections(ref.path.with_name(f"{ref.path.stem}.detections.jsonl"), ref.uid, labels)
    recognise = KeywordTranscriber(FOODS)
    spec = TranscribeSpec(videos=refs, labels_dir=labels, recogniser=recognise.name, jobs=1)
    result = transcribe_with(recognise, recognise.name, spec, report, lambda: False)
    if result["unusable"]:
        raise UserError(result["unusable"][0]["reason"])
    return labels


def split_pairs(clips: Path, labels: Path, work: Path) -> tuple[Path, Path]:
    """Writes the mined food pairs of all clips (Section 6), those of the last videos for validation; returns both files."""
    paths = sorted(clips.glob("*.safetensors"))
    n_validation = max(1, round(len(paths) * VALIDATION_SHARE))
    files = work / "train.jsonl", work / "validation.jsonl"
    for file, chosen in zip(files, (paths[:-n_validation], paths[-n_validation:]), strict=True):
        write_pairs(file, mined_pairs(chosen, labels))
    return files


def mined_pairs(clip_files: Sequence[Path], labels: Path) -> list[Pair]:
    """Returns the food pairs of clip files from the labels of their videos."""
    pairs: list[Pair] = []
    for path in clip_files:
        clip = open_clip(path)
        words, seen = newest_transcript(labels, clip.video_uid), newest_detections(labels, clip.video_uid)
        if words is None or seen is None:
            raise UserError(f"{labels} has no words or no detections of {clip.video_uid}; delete it and start again.")
        pairs += mine(read_detections(seen), read_transcript(words), clip.frame_times_s).food
    return pairs


def demo_labels(videos: Path, labels: Path) -> Path:
    """Puts the shipped labels of the demo's videos where mining finds them."""
    for ref in refs_of(videos):
        adopt_detections(ref.path.with_name(f"{ref.path.stem}.detections.jsonl"), ref.uid, labels)
        adopt_transcript(ref.path.with_name(f"{ref.path.stem}.words.pocketsphinx.jsonl"), ref.uid, labels)
    return labels


def spoken_pairs(clips: Path, truth: Path) -> list[Pair]:
    """Returns a pair for each food that is named while it is in view, by the truth: its frame, its word as the label."""
    pairs = []
    for clip, facts in clips_with_truth(clips, truth):
        for spoken in facts["spoken"]:
            if not spoken["in_view"]:
                continue
            start, end = float(spoken["start"]), float(spoken["end"])
            time_s = float(clip.frame_times_s[clip.nearest_frame((start + end) / 2)])
            said = WeakLabel(spoken["food"], 1.0, 1, spoken["food"], start, end, 1.0)
            pairs.append(Pair(f"{clip.video_uid}:{start}", clip.video_uid, time_s, 2.0, "food", (said,), 1.0))
    return pairs


def measured(checkpoint: Path, clips: Path, truth: Path, work: Path) -> dict[str, Any]:
    """Returns Recall@10 over the demo's own mined pairs and over the foods named in view, and the pointing accuracy.

    The first gallery is what the app evaluates on (words of the recogniser, each segment once, errors included), the second
    is free of the recognisers' errors: which foods are named, and when, is read from the truth.
    """
    mined = mined_pairs(sorted(clips.glob("*.safetensors")), demo_labels(truth, work / "demo-labels"))
    values: dict[str, Any] = {}
    for gallery_name, pairs in (("mined", mined), ("named", spoken_pairs(clips, truth))):
        write_pairs(work / f"demo.{gallery_name}.jsonl", pairs)
        spec = EvaluateSpec(
            checkpoint=checkpoint,
            clips_dir=clips,
            pairs=work / f"demo.{gallery_name}.jsonl",
            out=work / f"demo.{gallery_name}.json",
        )
        run_job(spec, report)
        found = json.loads(spec.out.read_text(encoding="utf-8"))
        values[gallery_name] = {k: v for k, v in found.items() if k != "checkpoint"}
    values["pointing"] = measure(checkpoint, clips, truth)
    return values


def recipe(figures: dict[str, Any], checkpoint: Path) -> str:
    """Returns the text beside the checkpoint: how it was made and what it reaches."""
    training, demo = figures["training"], figures["demo"]
    config = json.dumps(PRESETS[PRESET].model_dump(exclude={"description"}), indent=1)
    rows = [
        f"| {label}, {way} Recall@10 | {demo[name][f'{way}_recall_at_10']:.1%} "
        f"({_interval(demo[name][f'{way}_recall_at_10_interval_95'])}) | {demo[name]['chance_at_10']:.1%} | "
        f"{demo[name]['gallery_size']} pairs |"
        for name, label in (("mined", "Mined pairs"), ("named", "Foods named in view"))
        for way in ("audio", "visual")
    ]
    pointing = demo["pointing"]
    rows.append(
        f"| Matchmap peak on the named food | {pointing['pointing_accuracy']:.1%} "
        f"({_interval(pointing['pointing_accuracy_interval_95'])}) | {pointing['chance']:.1%} | {pointing['namings']} words |"
    )
    return f"""# The demo checkpoint

`{checkpoint.name}` is a small DAVEnet ({checkpoint.stat().st_size / 1e6:.1f} MB) that was trained from random weights by
this program on videos that this program generated. Make it again with

    make demo-checkpoint

which runs `python -m davenet.training.demo_checkpoint --work DIR --out resources/checkpoint`:

1. generates {figures["corpus"]["videos"]} kitchen videos (`davenet.corpora.kitchen`, seed {figures["corpus"]["seed"]};
   the demo's videos have other seeds),
2. extracts them at one frame a second, spots food words in their sound with pocketsphinx, and mines pairs from these words
   and the simulated detections (Section 6; the truth is not read),
3. trains the preset `{PRESET}` and keeps the epoch with the best Recall@10 on the last {VALIDATION_SHARE:.0%} of the
   videos (epoch {training["best_epoch"]} of {training["epochs"]}; training took {training["minutes"]} minutes),
4. measures it on the demo's videos, which it has never seen, and writes `figures.json` and this page.

| On the demo's videos | reached (95 % interval) | by chance | over |
|---|---|---|---|
{chr(10).join(rows)}

With the sound of another food on the same frames the peak lies on the food in {pointing["other_word"]:.1%}; always
pointing at the middle gives {pointing["centre"]:.1%}.

The preset's values:

```json
{config}
```
"""


def _interval(bounds: Sequence[float]) -> str:
    return f"{bounds[0]:.1%} to {bounds[1]:.1%}"


def report(event: events.Event) -> None:
    """Prints what a person who waits wants to see."""
    if isinstance(event, events.Metrics):
        known = {k: v for k, v in event.values.items() if k in ("loss", "audio_recall_at_10", "visual_recall_at_10")}
        if known:
            print(f"epoch {event.epoch:.2f}  " + "  ".join(f"{k} {v:.3f}" for k, v in known.items()), flush=True)
    elif isinstance(event, events.Skipped | events.Message | events.Failed):
        print(event, file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description="Makes the demo checkpoint again and measures it on the demo's videos."
    )
    parser.add_argument("--work", type=Path, required=True, help="folder for the corpus, clips and run; kept")
    parser.add_argument("--out", type=Path, required=True, help="folder for the checkpoint, its figures and its recipe")
    parser.add_argument(
        "--demo", type=Path, default=REPOSITORY / "resources" / "demo", help="the demo's videos and truth"
    )
    parser.add_argument("--videos", type=int, default=CORPUS_VIDEOS, help="how many videos the corpus has")
    chosen = parser.parse_args(arguments)
    try:
        figures = make(chosen.work, chosen.out, chosen.demo, n_videos=chosen.videos)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(figures["demo"], indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())

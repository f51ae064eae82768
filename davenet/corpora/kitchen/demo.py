"""`python -m davenet.corpora.kitchen.demo`: makes resources/demo again: videos, and their words by the real recogniser.

Seed 2019; the training corpus of the shipped checkpoint has another (davenet.training.demo_checkpoint).
"""

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from davenet import events
from davenet.corpora.kitchen.__main__ import main as make_videos
from davenet.corpora.kitchen.__main__ import planned
from davenet.errors import UserError, one_line
from davenet.files import content_hash
from davenet.jobs import run_job
from davenet.labels.words import read_transcript, transcript_path, write_transcript
from davenet.specs import TranscribeSpec, VideoRef

OUT = Path(__file__).resolve().parents[3] / "resources" / "demo"
SEED, COUNT, SECONDS = 2019, 14, (42.0, 72.0)
LEAST_CONFIDENCE = 0.01  # below it the recogniser guesses, and a guess may be a word that nobody wants to be greeted by


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m davenet.corpora.kitchen.demo", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--jobs", type=int, default=2)
    chosen = parser.parse_args()
    lengths = ["--seconds-min", str(SECONDS[0]), "--seconds-max", str(SECONDS[1])]
    where = ["--out", str(chosen.out), "--count", str(COUNT), "--seed", str(SEED), "--jobs", str(chosen.jobs)]
    status = make_videos([*where, *lengths])
    if status:
        return status
    try:
        transcribe(chosen.out)
    except UserError as error:
        print(one_line(error), file=sys.stderr)
        return 2
    return 0


def transcribe(folder: Path) -> None:
    """Runs pocketsphinx over the videos and puts its words beside them, as NAME.words.pocketsphinx.jsonl.

    Leaves out the words that it gives less than LEAST_CONFIDENCE; the files' settings say so.
    """
    videos = [path.with_suffix(".mp4") for path, _, _ in planned(folder, COUNT, SEED, *SECONDS)]
    with tempfile.TemporaryDirectory() as scratch:
        refs = [VideoRef(uid=video.stem, path=video) for video in videos]
        spec = TranscribeSpec(videos=refs, labels_dir=Path(scratch))
        run_job(spec, _say)
        for video in videos:
            made = transcript_path(Path(scratch), video.stem, "pocketsphinx")
            leave_out_guesses(made, video.with_name(f"{video.stem}.words.pocketsphinx.jsonl"))
            assert content_hash(video) in video.with_name(f"{video.stem}.words.pocketsphinx.jsonl").read_text("utf-8")


def leave_out_guesses(made: Path, shipped: Path) -> None:
    """Writes a transcript without the words below LEAST_CONFIDENCE."""
    transcript = read_transcript(made)
    kept = tuple(word for word in transcript.words if word.confidence >= LEAST_CONFIDENCE)
    settings = {**transcript.settings, "least_confidence": LEAST_CONFIDENCE}
    write_transcript(shipped, replace(transcript, words=kept, settings=settings))


def _say(event: events.Event) -> None:
    if isinstance(event, events.Progress | events.Skipped):
        print(event, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())

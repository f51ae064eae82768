"""What the Data workspace shows, as plain values: each step's state over all videos, and how a job's pace reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from annotator.project import VideoState
from annotator.store.records import QueueCounts
from annotator.views.runs.values import Rate, duration_text, number_text
from davenet import events

Verb = Literal["import", "extract", "transcribe", "detect", "mine", "release"]
VERBS: tuple[Verb, ...] = ("import", "extract", "transcribe", "detect", "mine", "release")
CARDS: Mapping[str, Verb] = {verb: verb for verb in VERBS} | {"import-corpus": "import"}  # where a job's pace stands
RUNNING_TITLES: Mapping[str, str] = {
    "import": "Importing videos",
    "import-corpus": "Importing a corpus",
    "release": "Writing a release",
    "extract": "Extracting frames and sound",
    "transcribe": "Transcribing speech",
    "detect": "Detecting foods",
    "mine": "Mining pairs",
}


@dataclass(frozen=True, slots=True)
class StepState:
    """One verb over the whole project: how many videos are done, of how many it could be done for."""

    verb: Verb
    done: int
    total: int
    says: str
    is_next: bool = False
    is_possible: bool = True
    why_not: str = ""


def release_state(counts: QueueCounts) -> StepState:
    """Returns the last step: how many of the pairs that would go out have verdicts."""
    says = f"{number_text(counts.done)} of {number_text(counts.total)} decided" if counts.total else "no pairs yet"
    return StepState("release", counts.done, counts.total, says)


def step_states(states: Sequence[VideoState]) -> tuple[StepState, ...]:
    """Returns the five steps to pairs in order; the first that lacks something it could do is the next."""
    n = len(states)
    present = [state for state in states if state.is_present]
    extracted = sum(state.is_extracted for state in states)
    spoken = sum(bool(state.recognisers) for state in states)
    detected = sum(bool(state.detectors) for state in states)
    ready = sum(bool(state.recognisers and state.detectors) for state in states)
    food = sum(state.n_food_pairs for state in states)
    other = sum(state.n_non_food_pairs for state in states)
    lacking: dict[Verb, bool] = {
        "import": n == 0,
        "extract": any(not state.is_extracted for state in present),
        "transcribe": any(not state.recognisers for state in present if state.video.sound_rate),
        "detect": any(not state.detectors for state in states if state.is_extracted),
        "mine": ready > 0 and food + other == 0,
    }
    upcoming = next((verb for verb in VERBS if lacking.get(verb)), None)
    if upcoming == "detect" and ready and not food + other:
        upcoming = "mine"  # what is there can be mined; a detector is not at hand on every day
    pairs = f"{number_text(food)} + {number_text(other)} non-food" if food + other else "no pairs yet"
    videos = "no videos yet" if not n else f"{number_text(n)} video{'s' if n > 1 else ''}"

    def of_videos(n_done: int) -> str:
        return f"{number_text(n_done)} of {number_text(n)} videos" if n else "waits for videos"

    no_videos, not_ready = "Import videos first", "Needs the words and the detections of at least one video"
    return tuple(
        StepState(verb, done, total, says, verb == upcoming, is_possible, "" if is_possible else why_not)
        for verb, done, total, says, is_possible, why_not in (
            ("import", n, n, videos, True, ""),
            ("extract", extracted, n, of_videos(extracted), n > 0, no_videos),
            ("transcribe", spoken, n, of_videos(spoken), n > 0, no_videos),
            ("detect", detected, n, of_videos(detected), n > 0, no_videos),
            ("mine", ready, n, pairs, ready > 0, not_ready),
        )
    )


def pace_texts(progress: events.Progress | None, rate: Rate) -> tuple[str, str]:
    """Returns how far a job is and how fast, ("3 of 12 videos", "1.2 videos/s · 8 s left"), as much as is known."""
    if progress is None:
        return "starting", ""
    unit = progress.unit
    if unit.startswith("s of") and progress.total:  # of video, of sound: hours say more
        far = f"{progress.done / 3600:.1f} of {progress.total / 3600:.1f} h"
        if progress.total < 3600:
            far = f"{progress.done / 60:.1f} of {progress.total / 60:.1f} min"
    elif progress.total:
        far = f"{number_text(progress.done)} of {number_text(progress.total)} {unit}".strip()
    else:
        far = f"{number_text(progress.done)} {unit}".strip()
    per_s, parts = rate.per_s(), []
    if per_s:
        if unit.startswith("s of"):  # seconds of video a second
            parts.append(f"{per_s:.0f}× real time" if per_s >= 3 else f"{per_s:.1f}× real time")
        else:
            parts.append(f"{number_text(per_s)} {unit}/s" if per_s >= 10 else f"{per_s:.1f} {unit}/s")
        if progress.total:
            parts.append(f"{duration_text((progress.total - progress.done) / per_s)} left")
    return far, " · ".join(parts)


def summary_text(verb: str, summary: Mapping[str, object]) -> str:
    """Returns what a finished step did, in one sentence; the reasons of what could not be used stand in the table."""

    def count(name: str) -> int:
        value = summary.get(name)
        return len(value) if isinstance(value, (list, tuple)) else int(value) if isinstance(value, int) else 0

    unusable = count("unusable")
    lost = f" {unusable} could not be used: see Skipped." if unusable else ""
    match verb:
        case "import" | "import-corpus":
            known = f", {count('known')} were here already" if count("known") else ""
            missing = f" {_were(count('missing'))} not found." if count("missing") else ""
            left_out = count("left_out") - unusable
            others = f" {_were(left_out)} left out." if left_out > 0 else ""
            named = summary.get("named")
            told = f" {number_text(len(named))} of YouCook2, by name." if isinstance(named, dict) and named else ""
            return f"Imported {_videos(count('imported'))}{known}.{told}{missing}{others}{lost}"
        case "extract" | "transcribe" | "detect":
            done = {"extract": "extracted", "transcribe": "transcribed", "detect": "detected"}[verb]
            skipped = f", {count('skipped')} were done already" if count("skipped") else ""
            words = {"extract": "Extracted", "transcribe": "Transcribed", "detect": "Detected the foods of"}[verb]
            return f"{words} {_videos(count(done))}{skipped}.{lost}"
        case "mine":
            gone = f" {count('gone')} are no longer found: marked, not deleted." if count("gone") else ""
            mined = f"Mined {number_text(count('food'))} food and {number_text(count('non_food'))} non-food pairs"
            no_pair = summary.get("no_pair")
            if isinstance(no_pair, Mapping):
                return f"{no_pair_text(no_pair)}{gone}{lost}"
            return f"{mined}, {number_text(count('new'))} of them new; they wait in Review.{gone}{lost}"
        case "release":
            wrote = f"{number_text(count('pairs'))} pairs with {number_text(count('verdicts'))} verdicts"
            return f"Released {wrote}, {size_text(count('bytes'))}, in {summary.get('out', '')}."
        case "import release":
            return (
                f"Took in {number_text(count('new_pairs'))} new pairs ({number_text(count('known_pairs'))} known) and "
                f"{number_text(count('new_verdicts'))} new verdicts on {_videos(count('videos'))}."
                + (f" {number_text(count('missing'))} videos of it are not here." if count("missing") else "")
            )
        case _:
            return ""


def no_pair_text(why: Mapping[str, Any]) -> str:
    """Returns why mining found no pair and what to change, from what it saw and heard (mining_reasons.NoPair)."""
    if not why["n_food_frames"]:
        return (
            f"No pairs: no frame is food enough, the most is {why['most_food']:.2f}. Lower “Food from” in Mine's options, "
            "or detect with another model."
        )
    seen, said = (", ".join(name for name, _ in why[kind][:4]) for kind in ("seen", "said"))
    if why["by_lemma"]:
        return (
            f"No pairs by exact names, but {number_text(why['by_lemma'])} where plurals count: choose “also plurals” at "
            "Match in Mine's options."
        )
    if not said:
        return f"No pairs: foods are seen ({seen}) but none is said. Transcribe with another recogniser."
    return (
        f"No pairs: seen are {seen}; said are {said}. List the foods that your videos are about, one a line, at “Which are "
        "foods” in Detect's options, and detect again: only they then compete for a frame's five labels."
    )


def size_text(n_bytes: int) -> str:
    """Returns a size as "812 KB", "14.2 MB" or "1.31 GB"."""
    for limit, unit, decimals in ((1e6, "KB", 0), (1e9, "MB", 1)):
        if n_bytes < limit:
            return f"{n_bytes / (limit / 1000):.{decimals}f} {unit}"
    return f"{n_bytes / 1e9:.2f} GB"


def sound_text(rate: int | None, channels: int | None) -> str:
    if not rate:
        return "none"
    return f"{rate / 1000:g} kHz" + (
        f", {'mono' if channels == 1 else 'stereo' if channels == 2 else channels}" if channels else ""
    )


def _were(n: int) -> str:
    return f"{number_text(n)} {'was' if n == 1 else 'were'}"


def _videos(n: int) -> str:
    return f"{number_text(n)} video{'' if n == 1 else 's'}"

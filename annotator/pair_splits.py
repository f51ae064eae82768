"""Which pairs train and which validate: the project's splits by video, or a part held out where those leave too few."""

import hashlib
from collections.abc import Mapping, Sequence

from annotator.project import Project
from annotator.store.records import PairRecord, Split
from davenet.errors import UserError

LEAST_PAIRS = 2  # a pair has no impostor without another
HELD_OUT_SHARE = 0.25  # of the accepted pairs, where the project's own splits leave no validation


def split_accepted(
    project: Project, by_split: Mapping[Split, Sequence[PairRecord]]
) -> tuple[list[PairRecord], list[PairRecord], str]:
    """Returns the training and the validation pairs and, in a sentence for the run's record, how they were chosen.

    `by_split` are the accepted pairs by their videos' splits. Raises UserError where there are too few for any run.
    """
    total = sum(len(pairs) for pairs in by_split.values())
    if total < LEAST_PAIRS:
        raise UserError(
            f"{project.path} has {total or 'no'} accepted pair{'s' if total != 1 else ''} and training needs at least "
            f"{LEAST_PAIRS}; accept pairs in Review first."
        )
    if len(by_split["train"]) >= LEAST_PAIRS and len(by_split["validation"]) >= LEAST_PAIRS:
        return list(by_split["train"]), list(by_split["validation"]), "the project's splits by video"
    drawn = _of_drawn_splits(project, [*by_split["validation"], *by_split["test"]])
    pool, note = [*by_split["train"], *(pair for pair in by_split["validation"] if pair.uid in drawn)], "are left out"
    if len(pool) < 2 * LEAST_PAIRS and (test := [pair for pair in by_split["test"] if pair.uid in drawn]):
        pool, note = [*pool, *test], "are used too, for want of others"
    if len(pool) < LEAST_PAIRS:
        raise UserError(
            f"The training videos of {project.path} have {len(by_split['train']) or 'no'} accepted pair"
            f"{'s' if len(by_split['train']) != 1 else ''} and training needs at least {LEAST_PAIRS}; accept more of them in "
            "Review (a corpus's validation and test videos never train)."
        )
    train, validation, how = _hold_out(sorted(pool, key=lambda pair: (pair.position, pair.uid)))
    return train, validation, f"{how}: the project's own splits leave too few accepted pairs; the test videos {note}"


def non_food_of(project: Project, train: Sequence[PairRecord]) -> list[PairRecord]:
    """Returns non-food pairs of the training videos, as many as there are food pairs where it can be (Section 6).

    Which ones is decided by their names, so that the same pairs are chosen again.
    """
    videos = {pair.video_uid for pair in train}
    candidates = [pair for pair in project.store.non_food_pairs() if pair.video_uid in videos]
    return sorted(candidates, key=lambda pair: pair.uid)[: len(train)]


def leaking_videos(
    project: Project, train: Sequence[PairRecord], validation: Sequence[PairRecord]
) -> list[tuple[str, str]]:
    """Returns the titles of a training and a validation video that are the same one, by content or by corpus id.

    A video that lends pairs to both is named with itself: Recall@10 is then measured on what was nearly seen.
    """
    videos = {video.uid: video for video in project.store.videos()}
    by_identity: dict[tuple[str, str], str] = {}
    for uid in sorted({pair.video_uid for pair in train}):
        for identity in _identities(videos, uid):
            by_identity.setdefault(identity, uid)
    found = []
    for uid in sorted({pair.video_uid for pair in validation}):
        same = next((by_identity[each] for each in _identities(videos, uid) if each in by_identity), None)
        if same is not None:
            found.append((videos[same].title, videos[uid].title))
    return found


def _identities(videos: Mapping[str, object], uid: str) -> list[tuple[str, str]]:
    video = videos.get(uid)
    found = [("uid", uid)]
    if source_hash := getattr(video, "source_hash", ""):
        found.append(("hash", source_hash))
    if corpus_id := getattr(video, "corpus_id", ""):
        found.append(("id", corpus_id))
    return found


def _of_drawn_splits(project: Project, pairs: Sequence[PairRecord]) -> set[str]:
    """Returns the uids of pairs whose videos have their split by their names alone: those of a corpus keep to its splits."""
    own = {video.uid for video in project.store.videos() if not video.corpus}
    return {pair.uid for pair in pairs if pair.video_uid in own}


def _hold_out(pool: Sequence[PairRecord]) -> tuple[list[PairRecord], list[PairRecord], str]:
    """Holds out about a quarter: whole videos where there are several, else the end of the one, else nothing."""
    if len(pool) < 2 * LEAST_PAIRS:
        return list(pool), list(pool), f"validated on the {len(pool)} training pairs themselves"
    wanted = max(LEAST_PAIRS, round(HELD_OUT_SHARE * len(pool)))
    held: set[str] = set()
    n_held = 0
    for video in sorted({pair.video_uid for pair in pool}, key=lambda uid: hashlib.blake2b(uid.encode()).digest()):
        n_video = sum(pair.video_uid == video for pair in pool)
        if n_held < wanted and len(pool) - n_held - n_video >= max(LEAST_PAIRS, len(pool) // 2):
            held.add(video)
            n_held += n_video
    if n_held >= LEAST_PAIRS:
        train = [pair for pair in pool if pair.video_uid not in held]
        return train, [pair for pair in pool if pair.video_uid in held], f"{len(held)} whole videos held out"
    by_time = sorted(pool, key=lambda pair: (pair.time_s, pair.uid))
    return by_time[:-wanted], by_time[-wanted:], "the latest quarter of the pairs held out, by time in their videos"

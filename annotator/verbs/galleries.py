"""The paper's evaluation galleries of a project: drawn from its validation videos, verdicts applied (Sections 5, 6)."""

from pathlib import Path

from annotator.project import Project
from annotator.store.records import PairRecord
from davenet.errors import UserError
from davenet.evaluation.paper import GalleryName
from davenet.pairs import Pair


def gallery_pairs(project: Project, name: GalleryName) -> list[Pair]:
    """Returns the pairs of a gallery; raises UserError where the project has none for it, with the step that is missing."""
    from davenet.evaluation import galleries

    videos = [video.uid for video in project.store.videos() if video.split == "validation"]
    if not videos:
        raise UserError(
            f"{project.path} has no validation videos, which the gallery {name} is drawn from; import more videos: about "
            "a quarter of them become validation videos."
        )
    if name == "verified":
        accepted = [pair for pair in project.store.accepted_pairs("validation") if pair.kind == "food"]
        return _enough(_one_a_frame(accepted), project, name, "accept food pairs of the validation videos in Review")
    uniform = galleries.uniform_pairs_of(project.clips_dir, videos)
    _enough(uniform, project, name, "extract the validation videos")
    if name == "val-1000":
        return galleries.drawn(uniform)
    spoken = galleries.with_food_words(uniform, project.labels_dir)
    return galleries.drawn(_enough(spoken, project, name, "transcribe the validation videos, or import more of them"))


def freeze(project: Project, name: GalleryName, path: Path) -> tuple[int, str]:
    """Writes the pairs of a gallery to a file and returns its size and hash."""
    from davenet.evaluation.galleries import freeze_gallery

    frozen = freeze_gallery(path, name, gallery_pairs(project, name))
    return frozen.size, frozen.hash


def _one_a_frame(accepted: list[PairRecord]) -> list[Pair]:
    """Returns one pair for each frame: two labels of it that people accepted would be each other's rival."""
    by_frame: dict[tuple[str, int], PairRecord] = {}
    for pair in sorted(accepted, key=lambda pair: not pair.active):
        by_frame.setdefault((pair.video_uid, round(pair.time_s * 1000)), pair)
    kept = {pair.uid for pair in by_frame.values()}
    return [pair.to_pair() for pair in accepted if pair.uid in kept]


def _enough(pairs: list[Pair], project: Project, name: GalleryName, remedy: str) -> list[Pair]:
    if len(pairs) < 2:
        raise UserError(
            f"The gallery {name} of {project.path} would have {len(pairs) or 'no'} pair{'' if len(pairs) == 1 else 's'} "
            f"and Recall@10 needs two; {remedy}."
        )
    return pairs

"""Looks into the files that a form names and says what is in them, or what is wrong; off the GUI thread.

Each function returns a short sentence or raises UserError as the verb itself would, with the readers of the verb.
"""

from pathlib import Path

from annotator.views.runs.values import number_text
from davenet.errors import UserError, one_line


def annotations(path: Path) -> str:
    from davenet.corpora.youcook2 import read_annotations

    entries = read_annotations(path)
    n_segments = sum(len(entry.segments) for entry in entries.values())
    return f"{number_text(len(entries))} annotated videos, {number_text(n_segments)} sentences."


def recipes(path: Path) -> str:
    from davenet.corpora.youcook2 import read_recipes

    return f"{number_text(len(read_recipes(path)))} recipe types."


def split_lists(folder: Path) -> str:
    from davenet.corpora.entries import YOUTUBE_ID
    from davenet.corpora.splits import list_files, read_split_lists

    files = list_files(folder)
    if not files:
        raise UserError(f"{folder} holds no lists of splits; it needs train_list.txt, val_list.txt or test_list.txt.")
    listed = read_split_lists(files, pattern=YOUTUBE_ID)
    counted = [
        f"{number_text(sum(each.split == split for each in listed.values()))} {split}"
        for split in ("train", "validation", "test")
    ]
    return f"{', '.join(counted)} ids."


def videos_below(folder: Path) -> str:
    from davenet.corpora.media_files import walk_files
    from davenet.media.probe import MEDIA_SUFFIXES

    paths, unreadable = walk_files(folder, MEDIA_SUFFIXES)
    if not paths:
        raise UserError(f"{folder} holds no video files; choose a folder with MP4, MOV, MKV or WebM files.")
    return _counted(len(paths), "video file") + (f", {len(unreadable)} folders cannot be read." if unreadable else ".")


def table_of(path: Path) -> str:
    from davenet.corpora.texts import read_table

    columns = {"video": ("video", "file", "path"), "split": ("split",)}
    return f"{_counted(sum(1 for _ in read_table(path, columns, needed=('video',))), 'line')}."


def split_by(text: str) -> str:
    from davenet.corpora.splits import parse_split_by

    parse_split_by(text)
    return ""


def vocabulary(path: Path) -> str:
    from davenet.corpora.youtube8m import category_labels

    return f"Knows all {len(category_labels(path))} categories of cooking."


def records(paths: list[Path]) -> str:
    from davenet.corpora.youtube8m import record_files

    return f"{_counted(len(record_files(paths)), 'file')} of label records."


def youtube_ids(path: Path) -> str:
    from davenet.corpora.youtube8m import read_ids

    return f"{number_text(len(read_ids(path)))} YouTube ids."


def onnx_model(path: Path) -> str:
    from davenet.labels.food.model_file import settings_file

    try:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except UserError:
        raise
    except Exception as error:  # whatever the runtime says of a file that is no model
        raise UserError(
            f"{path} cannot be used as a model ({one_line(error)[:160]}); give another ONNX file."
        ) from error
    taken = session.get_inputs()[0]
    gives = ", ".join(output.name for output in session.get_outputs())
    shape = " × ".join(str(side) for side in taken.shape)
    settings = settings_file(path)
    beside = f" Its settings stand in {settings.name}." if settings.is_file() else ""
    return f"Takes {shape}, gives {gives}.{beside}"


def class_file(path: Path) -> str:
    from davenet.labels.food.classes import class_names

    return f"{number_text(len(class_names(path)))} classes."


def food_class_file(path: Path) -> str:
    from davenet.labels.food.classes import read_food_classes

    return f"{number_text(len(read_food_classes(path)))} food classes."


def sentences(path: Path) -> str:
    from davenet.labels.food.classes import read_lines

    return f"{_counted(len(read_lines(path, 'sentences')), 'sentence')}."


def noun_list(path: Path) -> str:
    from davenet.labels.food_words import food_words

    return f"{number_text(len(food_words(path)))} food words."


def synonyms(path: Path) -> str:
    from davenet.labels.matching import read_synonyms

    return f"Synonyms of {_counted(len(read_synonyms(path)), 'word')}."


def frame_names(pattern: str) -> str:
    from davenet.labels.food.frame_names import frame_names as parsed

    parsed(pattern)
    return ""


def release(folder: Path) -> str:
    from davenet.release.reading import Release

    found = Release(folder)
    n_videos = sum(1 for _ in found.videos())
    return f"{_counted(n_videos, 'video')} in the release."


def release_target(folder: Path) -> str:
    from davenet.release.target import check_target

    check_target(folder, force=True)
    is_taken = folder.is_dir() and next(folder.iterdir(), None) is not None
    return "It holds an earlier release: turn on Replace to write over it." if is_taken else ""


def _counted(number: int, what: str) -> str:
    return f"{number_text(number)} {what}{'' if number == 1 else 's'}"

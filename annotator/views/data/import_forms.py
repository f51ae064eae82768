"""The form of Import: files, a folder with its table, YouCook2 and YouTube-8M."""

from typing import Any

from annotator.views.data import checks
from annotator.views.data.fields import Field, Form, Variant, field_of
from annotator.views.data.form_parts import CSV, JSON
from davenet.specs import FolderSource, YouCook2Source, YouTube8MSource


def import_form() -> Form:
    split_by = "How the videos are split into train, validation and test."
    videos = {"kind": "folder", "is_needed": True, "look": checks.videos_below}
    lists = {"kind": "folder", "look": checks.split_lists, "section": "Splits", "blank": "beside the annotations"}
    ways = (("published", "published"), ("lists", "lists"), ("seed:0", "seed:0"))
    files = Variant(
        "files",
        "Files and folders",
        "Videos are linked where they lie, never copied; folders are searched with all that is below them. "
        "They can also be dropped on this page.",
        (Field("paths", "Videos", "paths", help="Video files, or folders of them.", is_needed=True),),
    )
    folder = Variant(
        "folder",
        "Folder with a table",
        "A folder of your own videos, with a table of what you know of them.",
        (
            field_of(FolderSource, "folder", "Folder", help="Searched with all folders below.", **videos),
            field_of(
                FolderSource,
                "table",
                "Table",
                file_kinds=CSV,
                look=checks.table_of,
                blank="none",
                help="CSV with the columns video (a path below the folder), split, recipe type, language.",
            ),
            field_of(
                FolderSource,
                "split_by",
                "Split by",
                help=f"{split_by} lists: the table's column; seed:N draws 67-23-10 by the names.",
                choices=ways[1:],
                blank="the table, else drawn",
                look=checks.split_by,
            ),
        ),
    )
    youcook2 = Variant(
        "youcook2",
        "YouCook2",
        "2000 recipe videos with their segments and sentences. The videos are found by their YouTube ids, in any usual "
        "container and folders; what is not found is listed and counted.",
        (
            field_of(
                YouCook2Source,
                "annotations",
                "Annotations",
                help="youcookii_annotations_trainval.json, as it was published.",
                is_needed=True,
                file_kinds=JSON,
                look=checks.annotations,
            ),
            field_of(YouCook2Source, "videos", "Folder of the videos", help="Where the video files lie.", **videos),
            field_of(
                YouCook2Source,
                "recipes",
                "Recipe types",
                help="label_foodtype.csv, the names of the 89 types.",
                file_kinds=CSV,
                blank="beside the annotations",
                look=checks.recipes,
            ),
            field_of(
                YouCook2Source,
                "splits",
                "Lists of the splits",
                help="Folder of train_list.txt, val_list.txt …",
                **lists,
            ),
            field_of(
                YouCook2Source,
                "split_by",
                "Split by",
                help=f"{split_by} published: 1333, 457 and 210 ids; seed:N draws 67-23-10.",
                choices=ways,
                blank="published",
                section="Splits",
                look=checks.split_by,
            ),
        ),
    )
    return Form("import", "Import", "Import", (files, folder, youcook2, _youtube8m(split_by, videos, lists, ways)))


def _youtube8m(split_by: str, videos: dict[str, Any], lists: dict[str, Any], ways: Any) -> Variant:
    sound = "Language and speech"
    return Variant(
        "youtube8m",
        "YouTube-8M",
        "Its cooking videos in one language: categories baking, cooking, cooking show, cuisine, dish, food and recipe.",
        (
            field_of(
                YouTube8MSource,
                "records",
                "Label records",
                kind="paths",
                help="Video-level .tfrecord or .csv files, or folders of them.",
                is_needed=True,
                look=checks.records,
            ),
            field_of(
                YouTube8MSource,
                "vocabulary",
                "Vocabulary",
                help="vocabulary.csv or label_names_2018.csv.",
                is_needed=True,
                file_kinds=CSV,
                look=checks.vocabulary,
            ),
            field_of(YouTube8MSource, "videos", "Folder of the videos", help="Named by their YouTube ids.", **videos),
            field_of(
                YouTube8MSource,
                "ids",
                "YouTube ids",
                kind="path",
                help="A CSV of id and youtube_id, or a folder of YouTube-8M's saved .js answers.",
                blank="the records' own",
                look=checks.youtube_ids,
            ),
            field_of(
                YouTube8MSource,
                "metadata",
                "Metadata",
                kind="folder",
                help="Folder of yt-dlp's .info.json files, which say the language.",
                blank="beside the videos",
                section=sound,
            ),
            field_of(
                YouTube8MSource,
                "language",
                "Language",
                help="The one to keep, such as en; any keeps all.",
                section=sound,
            ),
            field_of(
                YouTube8MSource,
                "language_model",
                "Language model",
                help="A Whisper model that hears the language where no tag says it.",
                blank="a small one, where Whisper is installed",
                section=sound,
            ),
            field_of(
                YouTube8MSource,
                "least_speech",
                "Least speech",
                help="Videos with less speech than this share of their sound stay out; 0 keeps all.",
                unit="of 1",
                section=sound,
            ),
            field_of(YouTube8MSource, "splits", "Lists of the splits", help="Folder of train_list.txt …", **lists),
            field_of(
                YouTube8MSource,
                "split_by",
                "Split by",
                help=split_by,
                choices=ways,
                blank="published",
                section="Splits",
                look=checks.split_by,
            ),
        ),
    )

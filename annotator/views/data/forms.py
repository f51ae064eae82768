"""The form of every verb of the Data workspace, made from the specs' own fields: labels, units and sections are here.

Built off the GUI thread: what `auto` would take and which recognisers are installed is looked up while building.
"""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

from annotator.project import Project, VideoState
from annotator.views.data import checks
from annotator.views.data.fields import Field, Form, Variant, field_of
from davenet.errors import UserError
from davenet.release.facts import DEFAULT_TITLE
from davenet.specs import (
    DetectorOptions,
    ExtractSpec,
    FolderSource,
    MineSpec,
    TranscribeSpec,
    YouCook2Source,
    YouTube8MSource,
)

ALL, SHOWN, CHOSEN = "all", "shown", "chosen"
USUAL_WHISPER = "small"
_JSON, _TEXT, _CSV = (
    "JSON (*.json);;All files (*)",
    "Text (*.txt *.csv *.json);;All files (*)",
    "CSV (*.csv);;All files (*)",
)
_WHICH = "Which videos"
_OWN_RECOGNISERS = ("pocketsphinx", "pocketsphinx-keywords", "faster-whisper")
_OWN_DETECTORS = ("onnx", "clip")


def build(verb: str, project: Project, states: Sequence[VideoState], n_shown: int, chosen: str) -> Form:
    """Returns the form of a verb as the project stands; `chosen` is the title of the video that is chosen, '' of none."""
    scope = (
        Field(
            "videos",
            "Videos",
            "choice",
            ALL,
            "What is done with the same settings is passed over.",
            section=_WHICH,
            choices=(
                (ALL, f"all {len(states)}"),
                *(((SHOWN, f"the {n_shown} that the filter shows"),) if n_shown < len(states) else ()),
                *(((CHOSEN, f"only {chosen}"),) if chosen else ()),
            ),
        ),
        Field("force", "Do again what is done", "bool", False, "Replaces what is there.", section=_WHICH),
    )
    scope = (*scope, *_machines())
    builders: dict[str, Callable[[], Form]] = {
        "import": _import,
        "extract": lambda: _extract(scope),
        "transcribe": lambda: _transcribe(project, scope),
        "detect": lambda: _detect(project, scope),
        "mine": lambda: _mine(states, scope[:1]),
        "release": _release,
        "analyse": lambda: _analyse(states),
    }
    return builders[verb]()


def _machines() -> tuple[Field, ...]:
    """Returns the fields of a job over more than one machine."""
    others = "More than one machine"
    return (
        field_of(
            ExtractSpec,
            "engine",
            "Engine",
            section=others,
            choices=(("local", "this machine"), ("ray", "a Ray cluster")),
            help="Ray takes as many machines as its cluster has.",
        ),
        field_of(
            ExtractSpec,
            "address",
            "Address",
            section=others,
            help="HOST:PORT of the cluster.",
            blank="found, or this machine",
        ),
        field_of(
            ExtractSpec,
            "out",
            "Files go to",
            section=others,
            help="A folder or an address such as s3://…",
            blank="the project's folder",
        ),
        field_of(
            ExtractSpec, "fetch", "Bring them back", section=others, help="Also brings the files into the project."
        ),
        Field(
            "videos_at",
            "Videos at",
            section=others,
            help="FOLDER=URL: machines fetch from there what lies in FOLDER here.",
            blank="their paths",
        ),
    )


def _import() -> Form:
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
                file_kinds=_CSV,
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
                file_kinds=_JSON,
                look=checks.annotations,
            ),
            field_of(YouCook2Source, "videos", "Folder of the videos", help="Where the video files lie.", **videos),
            field_of(
                YouCook2Source,
                "recipes",
                "Recipe types",
                help="label_foodtype.csv, the names of the 89 types.",
                file_kinds=_CSV,
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
                file_kinds=_CSV,
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


def _extract(scope: tuple[Field, ...]) -> Form:
    about = "Frames and the log-mel spectrogram, one clip file a video; what was cut off anywhere goes on from there."
    fields = (
        field_of(ExtractSpec, "frame_rate", "Frame rate", unit="a second", help="1 in the paper."),
        field_of(
            ExtractSpec,
            "nearest_reference",
            "Nearest reference frame",
            help="Takes one within 0.1 s of the time: quicker where files have non-reference frames.",
        ),
        field_of(
            ExtractSpec,
            "audio_track",
            "Audio track",
            help="Counted from 1, for files with several.",
            blank="the default one",
        ),
        field_of(ExtractSpec, "shorter_side", "Shorter side", unit="pixels", help="Of the frames; 256 in the paper."),
        field_of(ExtractSpec, "jpeg_quality", "JPEG quality", unit="of 100"),
        field_of(ExtractSpec, "jobs", "Videos at once", help="Each in a process of its own.", blank="as many as cores"),
    )
    return Form("extract", "Extract", "Extract", (Variant("extract", "", about, (*fields, *scope)),))


def _transcribe(project: Project, scope: tuple[Field, ...]) -> Form:
    from davenet.labels.speech import auto
    from davenet.labels.speech.transcriber import transcriber_names

    language = field_of(
        TranscribeSpec,
        "language",
        "Language",
        default="",
        help="Its code, such as en or pt-BR.",
        blank="found out",
    )
    jobs = field_of(
        TranscribeSpec, "jobs", "Processes", help="0: what suits the machine and the recogniser.", unit="at once"
    )
    device = field_of(TranscribeSpec, "device", "Runs on", help="cuda is an NVIDIA GPU.")
    try:
        told = auto.choose(project.labels_dir).told
    except UserError as error:
        told = str(error)
    models = auto.cached_models() if auto.has_whisper() else []
    missing = "" if auto.has_whisper() else f"faster-whisper is not installed: {auto.INSTALL}"
    whisper = Field(
        "model",
        "Model",
        default=USUAL_WHISPER,
        help="A name (a new one comes over the network once), or a folder.",
        choices=tuple((name, name) for name in dict.fromkeys([*models, "tiny", "base", "small", "medium", "large-v3"])),
    )
    source = Field(
        "source",
        "Transcripts",
        "path",
        is_needed=True,
        help="One file, or a folder of files named by their videos.",
    )
    imported_as = field_of(
        TranscribeSpec,
        "imported_as",
        "Call them",
        default="",
        help="To keep several of one format.",
        blank="by their format",
    )
    sphinx = "Needs no model and no network. English only; it hears far less than Whisper."
    variants = (
        Variant("auto", "Best here", told, (language, jobs, *scope)),
        Variant("pocketsphinx", "pocketsphinx", sphinx, (jobs, *scope)),
        Variant(
            "pocketsphinx-keywords", "Food words only", "pocketsphinx, listening for food words only.", (jobs, *scope)
        ),
        Variant(
            "faster-whisper",
            "Whisper",
            "Speech in many languages, with the times of words.",
            (whisper, language, device, jobs, *scope),
            missing,
        ),
        Variant(
            "import",
            "From files",
            "Words that were heard elsewhere: JSON of IBM Watson or Whisper, WebVTT and SRT captions (words are spread "
            "over their cues and marked approximate), CTM, words files.",
            (source, imported_as, scope[0]),
        ),
        *(
            Variant(name, name, "A recogniser that another package brings.", (language, device, jobs, *scope))
            for name in transcriber_names()
            if name not in _OWN_RECOGNISERS
        ),
    )
    return Form("transcribe", "Transcribe", "Transcribe", variants)


def _detect(project: Project, scope: tuple[Field, ...]) -> Form:
    from davenet.labels.food import auto
    from davenet.labels.food.detector import detector_names

    try:
        told = auto.choose(project.labels_dir).told
    except UserError as error:
        told = str(error)
    has_clip = all(find_spec(name) is not None for name in auto.CLIP_PACKAGES)
    missing = "" if has_clip else f"CLIP's packages are not installed: {auto.install_command()}"
    clip_models = dict.fromkeys([*auto.cached_clip_models(), auto.DEFAULT_CLIP, auto.BETTER_CLIP])
    clip = (
        Field(
            "model",
            "Model",
            default=auto.DEFAULT_CLIP,
            help="A name (a new one comes over the network once), or a folder.",
            choices=tuple((name, name) for name in clip_models),
        ),
        _option(
            "classes", "Foods to look for", "One a line.", kind="file", blank="the food words", look=checks.class_file
        ),
        _option("prompt", "Sentence", "{} stands for the food.", blank="a photo of {}, a type of food."),
        _option(
            "non_food", "What else there is", "Sentences of no food, one a line.", kind="file", look=checks.sentences
        ),
        _option("food_model", "P(food) from", "Another detector, such as onnx:FILE.", blank="this one"),
        _option("device", "Runs on"),
        *scope,
    )
    source = Field(
        "source", "Detections", "path", is_needed=True, help="One file, or a folder of Watson's answers, one a frame."
    )
    imported = (
        source,
        _option(
            "frame_names",
            "Names of frames",
            "Such as {video}/{second}.jpg, {video}_{ms} or {video}/{frame@25}.",
            look=checks.frame_names,
        ),
        _option("classifier", "Classifier", "Whose classes, of Watson's classifiers.", blank="the only one"),
        _option("classes", "Allowed classes", "Others are refused.", kind="file", blank="all", look=checks.class_file),
        _option("food_classes", "Which are foods", "One a line.", kind="file", look=checks.food_class_file),
        scope[0],
    )
    variants = (
        Variant("auto", "Best here", told, (_option("device", "Runs on"), *scope)),
        Variant(
            "onnx",
            "ONNX model",
            "An image classifier of your own. What is left empty stands in MODEL.json beside it, or is found out.",
            (*_onnx_fields(), *scope),
        ),
        Variant("clip", "CLIP", "Finds foods by their names alone, without classes of its own.", clip, missing),
        Variant(
            "import",
            "From files",
            "What another program saw: JSON lines with video, time, food and top, or the answers of IBM Watson Visual "
            "Recognition.",
            imported,
        ),
        *(
            Variant(name, name, "A detector that another package brings.", (_option("device", "Runs on"), *scope))
            for name in detector_names()
            if name not in _OWN_DETECTORS
        ),
    )
    return Form("detect", "Detect foods", "Detect", variants)


def _onnx_fields() -> tuple[Field, ...]:
    head, pixels = "What its outputs mean", "What it is given"
    model = Field(
        "model",
        "Model",
        "file",
        help="An image classifier, .onnx.",
        is_needed=True,
        file_kinds="Models (*.onnx);;All files (*)",
        look=checks.onnx_model,
    )
    save = Field(
        "save_settings",
        "Keep these settings",
        "bool",
        False,
        "Writes them to MODEL.json beside the model.",
        section=_WHICH,
    )
    return (
        model,
        _option(
            "classes",
            "Classes",
            "One a line, or a JSON list, in the order of the outputs.",
            kind="file",
            file_kinds=_TEXT,
            look=checks.class_file,
            blank="of MODEL.json",
        ),
        _option(
            "food_classes",
            "Which are foods",
            "One a line: CLASS, CLASS = WORD (as it is said) or CLASS = - (no food).",
            kind="file",
            file_kinds=_TEXT,
            look=checks.food_class_file,
            blank="those among the food words",
        ),
        _option("device", "Runs on", "A GPU's provider is taken where there is one."),
        _option(
            "scores", "Scores", "Logits of one softmax, of classes by themselves (sigmoid), or probabilities.", head
        ),
        _option("output", "Output of classes", "Its name, where there are several.", head),
        _option("food_label", "Food label", "The class whose score is P(food).", head, blank="none"),
        _option("p_food", "P(food) from the foods", "Their scores' sum, or the most of them.", head, blank="sum"),
        _option("food_output", "Food or not", "The output that says it: NAME or NAME:COLUMN.", head, blank="none"),
        _option("food_model", "P(food) from", "A second model, such as onnx:FILE.", head, blank="this one"),
        _option("layout", "Layout", "Of the input's sides.", pixels),
        _option("side", "Side", "Where the model leaves its size open.", pixels, unit="pixels", blank="224"),
        _option("fit", "Fit", "The frame's centre, all of it squeezed, or with black bars.", pixels, blank="crop"),
        _option("crop_share", "Crop", "Of the shorter side: 0.875 is 224 of 256.", pixels, unit="of 1", blank="1"),
        _option("order", "Order of colours", "", pixels, blank="RGB"),
        _option("scale", "Scale", "Times a value of 0 to 255.", pixels, kind="fraction", blank="1/255"),
        _option("mean", "Mean", "Taken off; ImageNet's is 0.485, 0.456, 0.406.", pixels, blank="0.5"),
        _option("std", "Deviation", "Divided by; ImageNet's is 0.229, 0.224, 0.225.", pixels, blank="0.5"),
        save,
    )


def _option(name: str, label: str, help_: str = "", section: str = "", **others: Any) -> Field:
    values = {"help": help_} if help_ else {}
    return field_of(DetectorOptions, name, label, section=section, **({"blank": "found out"} | values | others))


def _mine(states: Sequence[VideoState], scope: tuple[Field, ...]) -> Form:
    words, sound = "How names are matched", "Lengths"
    recognisers = sorted({name for state in states for name in state.recognisers})
    detectors = sorted({name for state in states for name in state.detectors})
    about = (
        "Pairs of a frame that shows food with the words around it that name what is seen. Mining again keeps every "
        "verdict: pairs that are no longer found are marked, not deleted."
    )
    fields = (
        field_of(
            MineSpec, "food_threshold", "Food from", unit="P(food)", help="Least of a food frame; 0.5 in the paper."
        ),
        field_of(
            MineSpec,
            "non_food_threshold",
            "Non-food from",
            unit="P(no food)",
            help="Least of a non-food frame; 0.95 in the paper.",
        ),
        _source_choice("recogniser", "Words by", recognisers),
        _source_choice("detector", "Foods by", detectors),
        field_of(
            MineSpec,
            "match",
            "Match",
            section=words,
            choices=(("exact", "exact names"), ("lemma", "also plurals"), ("synonyms", "also synonyms")),
            help="Exact in the paper, case and punctuation aside.",
        ),
        field_of(
            MineSpec,
            "synonyms",
            "Synonyms",
            section=words,
            help="CSV with the columns word, synonym; goes with “also synonyms”.",
            file_kinds=_CSV,
            look=checks.synonyms,
            blank="none",
        ),
        field_of(
            MineSpec, "window_s", "Window", unit="s", section=sound, help="Around the frame, whose words count; 20."
        ),
        field_of(MineSpec, "segment_s", "Food segment", unit="s", section=sound, help="Sound of a food pair; 2."),
        field_of(
            MineSpec,
            "non_food_segment_s",
            "Non-food segment",
            unit="s",
            section=sound,
            help="Sound of a non-food pair; 1.",
        ),
        field_of(MineSpec, "seed", "Seed", section=sound, help="Of the draw of as many non-food pairs.", low=0),
    )
    return Form("mine", "Mine pairs", "Mine", (Variant("mine", "", about, (*fields, *scope)),))


def _source_choice(name: str, label: str, sources: Sequence[str]) -> Field:
    choices = ((None, "each video's newest"), *((source, source) for source in sources))
    return Field(name, label, "choice", None, "Whose label files are taken.", choices=choices)


def _release() -> Form:
    export = Variant(
        "export",
        "Export",
        "Pairs, weak labels and verdicts as Parquet and CSV with a data card: ids and times only, no media.",
        (
            Field(
                "out",
                "Folder",
                "folder",
                help="A new or an empty one, outside of the project.",
                is_needed=True,
                makes_new=True,
                look=checks.release_target,
            ),
            Field("title", "Title", default=DEFAULT_TITLE, help="Of the data card."),
            Field("licence", "Licence", default="unknown", help="Of the labels, by its short name: cc-by-4.0."),
            Field("anonymous", "Anonymous reviewers", "bool", False, "They are called reviewer 1, reviewer 2, …"),
            Field(
                "with_media",
                "With media",
                "bool",
                False,
                "Also frames and sounds, as WebDataset shards: mind the videos' own terms.",
                section="Media",
            ),
            Field(
                "shard_mb",
                "Shard",
                "int",
                500,
                "Of one shard at most.",
                unit="MB",
                low=1,
                high=100_000,
                section="Media",
            ),
            Field("force", "Replace", "bool", False, "Writes over an earlier release."),
        ),
    )
    take_in = Variant(
        "import",
        "Import",
        "Takes in a release's pairs, labels and verdicts on videos that this project has: all of it, or nothing.",
        (
            Field("folder", "Folder", "folder", help="Of the release.", is_needed=True, look=checks.release),
            Field(
                "keep_splits", "Keep the splits here", "bool", False, "Each video stays in the split that it has here."
            ),
        ),
    )
    return Form("release", "Release", "Start", (export, take_in))


def _analyse(states: Sequence[VideoState]) -> Form:
    sync = "Synchrony"
    fields = (
        Field(
            "split",
            "Videos",
            "choice",
            None,
            "The paper's figures are of YouCook2.",
            choices=((None, "all"), ("train", "train"), ("validation", "validation"), ("test", "test")),
        ),
        Field(
            "nouns",
            "Food words",
            "file",
            None,
            "One a line; counted singular and plural.",
            blank="the project's 350",
            file_kinds=_TEXT,
            look=checks.noun_list,
        ),
        _source_choice("recogniser", "Words by", sorted({name for state in states for name in state.recognisers})),
        _source_choice("detector", "Foods by", sorted({name for state in states for name in state.detectors})),
        Field(
            "food_threshold",
            "Food over",
            "float",
            0.5,
            "Of the frames that count.",
            "P(food)",
            low=0,
            high=1,
            section=sync,
        ),
        Field(
            "match",
            "Match",
            "choice",
            "exact",
            "How labels are found in the words.",
            choices=(("exact", "exact names"), ("lemma", "also plurals"), ("synonyms", "also synonyms")),
            section=sync,
        ),
        Field(
            "synonyms",
            "Synonyms",
            "file",
            None,
            "CSV with the columns word, synonym; goes with “also synonyms”.",
            blank="none",
            section=sync,
            file_kinds=_CSV,
            look=checks.synonyms,
        ),
        Field("whole_names", "Whole names", "bool", False, "All words of a label, as mining asks.", section=sync),
    )
    about = "What the plots are made of. The paper: all words, P(food) over 0.5, any word of a label."
    return Form("analyse", "Plots", "Plot", (Variant("analyse", "", about, fields),))

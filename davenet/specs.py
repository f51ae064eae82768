"""What each job is asked to do: one validated model a verb, written to a file by whoever starts the job.

The command line runs a spec in its own process, the app in a child (``python -m davenet VERB --spec FILE``);
both through ``davenet.jobs.run_job``. Jobs read and write files only, never the project's database.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from davenet.evaluation.paper import GalleryName, RowName, TableName
from davenet.live import Mode
from davenet.overlay import ColourMap


class Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class VideoRef(Spec):
    """A video for a job to work on; `path` is where the media lies, `uid` its name in the project."""

    uid: str
    path: Path
    duration_s: float | None = None  # where known, it spares a look before extraction at how much there is to do
    url: str | None = None  # where the machines of a cluster fetch it from; None: they all see `path`


class EngineOptions(Spec):
    """Where a job's videos are worked on, and where what comes of them goes (davenet.engines)."""

    engine: Literal["local", "ray"] = "local"
    address: str | None = Field(None, description="of the Ray cluster; none: the one that is found, or this machine's")
    out: str | None = Field(None, description="an address (fsspec) for the files in place of the project's folder")
    fetch: bool = Field(False, description="also bring the files from `out` into the project's folder")


class ImportSpec(Spec):
    """Probe files and folders (searched for media) and say for each whether it can be used."""

    verb: Literal["import"] = "import"
    paths: list[Path]
    known: dict[str, Path] = Field(default_factory=dict, description="uids already in the project, with their paths")


class YouCook2Source(Spec):
    corpus: Literal["youcook2"] = "youcook2"
    annotations: Path
    videos: Path
    splits: Path | None = None  # the folder of the lists; None: beside the annotations
    recipes: Path | None = None
    split_by: str | None = None  # "published", "lists" or "seed:N"


class YouTube8MSource(Spec):
    corpus: Literal["youtube8m"] = "youtube8m"
    records: list[Path]
    vocabulary: Path
    videos: Path
    metadata: Path | None = None  # the folder of yt-dlp's info files; None: beside the videos
    ids: Path | None = None  # YouTube ids by the records' ids
    language: str = "en"  # "any" keeps all
    language_model: str | None = None  # a Whisper model; None: a small one where the extra is installed
    least_speech: float = Field(0.05, ge=0, le=1, description="share of the sound; 0 keeps all and measures none")
    splits: Path | None = None
    split_by: str | None = None


class FolderSource(Spec):
    corpus: Literal["folder"] = "folder"
    folder: Path
    table: Path | None = None
    split_by: str | None = None


class KnownVideo(Spec):
    """What the project knows already of a video's sound."""

    language: str = ""
    speech_share: float | None = None


class ImportCorpusSpec(Spec):
    """Read a corpus's annotations, find its videos by their ids and open them."""

    verb: Literal["import-corpus"] = "import-corpus"
    source: YouCook2Source | YouTube8MSource | FolderSource = Field(discriminator="corpus")
    out: Path  # JSON lines, collected into the database by whoever asked
    known: dict[str, KnownVideo] = Field(default_factory=dict, description="by the hash of a file's content")


class ExtractSettings(Spec):
    """All that decides what a clip file holds, beside the video itself."""

    frame_rate: float = Field(1.0, gt=0, le=60, description="frames a second")
    shorter_side: int = Field(256, ge=64, le=1080, description="pixels")
    jpeg_quality: int = Field(90, ge=50, le=100)
    nearest_reference: bool = Field(
        False, description="take a reference frame within 0.1 s for the one shown, where that spares decoding"
    )
    audio_track: int | None = Field(None, ge=1, description="the sound to take, counted from 1; none: the default one")


class ExtractSpec(ExtractSettings, EngineOptions):
    verb: Literal["extract"] = "extract"
    videos: list[VideoRef]
    clips_dir: Path
    jobs: int | None = Field(None, ge=1, le=512, description="videos at once; none: as many as there are cores")
    force: bool = False

    def settings(self) -> ExtractSettings:
        return ExtractSettings(**{name: getattr(self, name) for name in ExtractSettings.model_fields})


class ProxySpec(Spec):
    """Make small copies of videos to seek in, one file a video, for playback."""

    verb: Literal["proxy"] = "proxy"
    videos: list[VideoRef]
    out_dir: Path
    force: bool = False


class TranscriberOptions(Spec):
    """What a recogniser is told beside its name."""

    language: str = Field("", pattern=r"^([a-z]{2,3}(-[A-Za-z0-9]+)*)?$", description='such as "en"; "": found out')
    device: Literal["auto", "cpu", "cuda"] = "auto"


class TranscribeSpec(TranscriberOptions, EngineOptions):
    verb: Literal["transcribe"] = "transcribe"
    videos: list[VideoRef]
    labels_dir: Path
    recogniser: str = "pocketsphinx"  # NAME[:MODEL], "import:FILE_OR_FOLDER" or "auto"
    names: dict[str, list[str]] = Field(default_factory=dict, description="by uid: what else files may call a video")
    imported_as: str = Field("", description="what to call imported words in place of their format")
    audio_track: int | None = Field(None, ge=1, description="the sound to hear, counted from 1; none: the default one")
    jobs: int = Field(0, ge=0, description="processes; 0: what suits the machine and the recogniser")
    force: bool = False

    def options(self) -> TranscriberOptions:
        return TranscriberOptions(language=self.language, device=self.device)


class DetectorOptions(Spec):
    """What a food detector is told beside its name. None: the model's settings file says it, else it is found out."""

    classes: Path | tuple[str, ...] | None = None  # names of the model's classes; for imports: the only ones allowed
    food_label: str | None = Field(None, description="the class whose score is P(food)")
    food_classes: Path | tuple[str, ...] | None = None  # which classes are foods (davenet.labels.food.classes)
    food_words: Path | None = None
    p_food: Literal["sum", "most"] | None = Field(None, description="P(food) from the food classes' scores")
    food_model: str | None = Field(None, description="another detector, whose P(food) is taken")
    scores: Literal["softmax", "logits", "sigmoid", "probabilities"] | None = None
    output: str | None = Field(None, description="the output with a score for each class, where there are several")
    food_output: str | None = Field(None, description="the food/non-food head: NAME or NAME:COLUMN")
    layout: Literal["NCHW", "NHWC"] | None = None
    side: int | None = Field(None, gt=0, le=4096, description="pixels, where the model leaves its size open")
    fit: Literal["squeeze", "crop", "letterbox"] | None = None
    crop_share: float | None = Field(None, gt=0, le=1, description="of the shorter side, for fit=crop")
    order: Literal["RGB", "BGR"] | None = None
    scale: float | None = Field(None, gt=0, description="times a value of 0 to 255, before mean and std")
    mean: float | tuple[float, float, float] | None = None
    std: float | tuple[float, float, float] | None = None
    device: Literal["auto", "cpu", "cuda", "directml", "coreml", "mps"] | None = None
    prompt: str | None = Field(None, description="a food's sentence for CLIP; {} stands for its name")
    non_food: Path | tuple[str, ...] | None = None  # what else CLIP may see
    classifier: str | None = Field(None, description="whose classes are taken from an import that has several")
    frame_names: str | None = Field(None, description="how a file name gives a video and a time, e.g. {video}/{second}")


class DetectSpec(DetectorOptions, EngineOptions):
    verb: Literal["detect"] = "detect"
    videos: list[VideoRef]
    clips_dir: Path
    labels_dir: Path
    detector: str = "auto"  # the text before its first colon names an adapter; or "import:FILE_OR_FOLDER", "auto"
    save_settings: bool = Field(False, description="write the options beside the model, once it could be used")
    force: bool = False

    def options(self) -> DetectorOptions:
        return DetectorOptions(**{name: getattr(self, name) for name in DetectorOptions.model_fields})


class MineSpec(Spec):
    verb: Literal["mine"] = "mine"
    videos: list[VideoRef]
    clips_dir: Path
    labels_dir: Path
    out: Path  # pairs.jsonl, collected into the database by whoever asked
    recogniser: str | None = None  # None: the newest words of each video
    detector: str | None = None
    food_threshold: float = Field(0.5, ge=0, le=1)
    non_food_threshold: float = Field(0.95, ge=0, le=1)
    window_s: float = Field(20.0, gt=0)
    segment_s: float = Field(2.0, gt=0)
    non_food_segment_s: float = Field(1.0, gt=0)
    seed: int = 0
    match: Literal["exact", "lemma", "synonyms"] = "exact"
    synonyms: Path | None = None
    splits: dict[str, str] = Field(
        default_factory=dict, description="of each video, by uid; each is balanced by itself"
    )


class TrainSpec(Spec):
    """A run: `config` holds the training configuration (davenet.training.presets.TrainConfig) as JSON."""

    verb: Literal["train"] = "train"
    run_dir: Path
    clips_dir: Path
    train_pairs: Path
    validation_pairs: Path
    preset: str
    config: dict[str, object] = Field(default_factory=dict, description="values that differ from the preset's")
    start_from: Path | None = None  # a checkpoint to fine-tune
    image_weights: Path | None = None  # a file of ImageNet weights, where the image branch begins with them
    device: str = "auto"
    resume: bool = True


class EstimateSpec(Spec):
    """A dry run: what a training would take, measured on two of its steps."""

    verb: Literal["estimate"] = "estimate"
    train: TrainSpec


class PairsThroughModel(Spec):
    """The pairs of a file through a checkpoint, and where what comes of them goes."""

    checkpoint: Path
    clips_dir: Path
    pairs: Path
    out: Path
    device: str = "auto"


class EvaluateSpec(PairsThroughModel):
    """Recall over the pairs as a gallery; `out` is evaluation.json."""

    verb: Literal["evaluate"] = "evaluate"
    gallery: str = Field("", description="what the pairs are called beside their figures, e.g. val-1000")


class ScoreSpec(PairsThroughModel):
    """What a checkpoint makes of each pair: its similarity, and its own segment's place among the others'.

    `out` has JSON lines, collected into the database by whoever asked.
    """

    verb: Literal["score"] = "score"
    run: str = Field("", description="whose checkpoint it is, for whoever collects the scores")


class EvidenceSpec(PairsThroughModel):
    """What a checkpoint makes of each pair's weak label, for choosing which pairs to judge next.

    `out` has JSON lines of davenet.labels.choosing.Evidence.
    """

    verb: Literal["evidence"] = "evidence"


class RetrieveSpec(Spec):
    """What each frame of a gallery finds among its segments by a checkpoint, and each segment among its frames."""

    verb: Literal["retrieve"] = "retrieve"
    checkpoint: Path
    clips_dir: Path
    pairs: Path
    out_dir: Path  # <gallery hash>.safetensors and .json (davenet.retrieval_file)
    gallery: str = Field("", description="what the pairs are called beside their figures, e.g. validation")
    splits: dict[str, str] = Field(default_factory=dict, description="of each video, by uid, to be shown")
    umap: bool = Field(False, description="also place the embeddings by UMAP, an extra, beside PCA")
    device: str = "auto"


class ReproduceSpec(Spec):
    """A table of the paper: its rows are trained and measured one after the other, and told side by side."""

    verb: Literal["reproduce"] = "reproduce"
    table: TableName
    out_dir: Path  # a run's folder for each row, and the report
    clips_dir: Path
    uniform_pairs: Path  # of the training videos, Section 5
    weak_pairs: Path | None = None  # food and non-food pairs of the training videos, Section 6
    galleries: dict[GalleryName, Path]
    rows: list[RowName] = Field(default_factory=list, description="those to train now; none: all of the table")
    config: dict[str, object] = Field(default_factory=dict, description="values that differ from every row's preset")
    image_weights: Path | None = None  # a file of ImageNet weights for the rows that begin with them
    sources: dict[str, str] = Field(default_factory=dict, description="for the report: what the data came from")
    device: str = "auto"


class LiveSpec(Spec):
    """A warm job that computes matchmaps as a window asks for them (davenet.live)."""

    verb: Literal["live"] = "live"
    checkpoint: Path
    cache_dir: Path
    device: str = "auto"


class MatchmapsSpec(Spec):
    """Matchmaps of a whole video into one cache file (safetensors), as the app plays them."""

    verb: Literal["matchmaps"] = "matchmaps"
    checkpoint: Path
    video: VideoRef
    out: Path
    maps_a_second: float = Field(4.0, gt=0, le=60)
    segment_s: float = Field(2.0, gt=0)
    device: str = "auto"


class RenderSpec(Spec):
    verb: Literal["render"] = "render"
    checkpoint: Path
    video: VideoRef
    out: Path
    segment_s: float = Field(2.0, gt=0)
    maps_a_second: float = Field(24.0, gt=0, le=60)
    frame_rate: Literal["source"] | Annotated[float, Field(gt=0, le=60)] = "source"
    live_dir: Path | None = Field(None, description="the cache of live maps: what lies there is not computed again")
    mode: Mode = Field(Mode(), description="with `live_dir`: which sound each frame is compared with")
    colour_map: ColourMap = "inferno"
    alpha: float = Field(0.6, ge=0, le=1)
    threshold: float = Field(0.3, ge=0, le=1)
    contour: bool = False
    heard_only: bool = Field(False, description="darken all but what is heard, in place of colours")
    second_checkpoint: Path | None = Field(None, description="seen beside the first one, in one picture")
    difference: bool = Field(False, description="with a second checkpoint: beside both what it has more")
    names: tuple[str, ...] = Field((), description="of the checkpoints, written into pictures side by side")
    start_s: float = Field(0.0, ge=0)
    end_s: float | None = None
    device: str = "auto"


class ReleaseMedia(Spec):
    """Frames and sounds that go with a release's pairs, in shards; `videos` are by their names in the release."""

    clips_dir: Path
    videos: dict[str, VideoRef]
    shard_mb: int = Field(500, ge=1, le=100_000, description="megabytes in one shard at most")


class ReleaseSpec(Spec):
    """A release of the tables that were written from the project to `tables_dir`."""

    verb: Literal["release"] = "release"
    tables_dir: Path
    out: Path
    media: ReleaseMedia | None = None
    force: bool = Field(False, description="replace a release that is there")


class ConvertSpec(Spec):
    """Checkpoints of other programs into one of ours; its report lies beside it."""

    verb: Literal["convert"] = "convert"
    files: list[Path] = Field(min_length=1)
    out: Path  # NAME.safetensors; the report is NAME.safetensors.report.json
    partial: bool = Field(False, description="let what the files lack begin at random")
    seed: int = 0


AnySpec = Annotated[
    ImportSpec
    | ImportCorpusSpec
    | ExtractSpec
    | ProxySpec
    | TranscribeSpec
    | DetectSpec
    | MineSpec
    | TrainSpec
    | EstimateSpec
    | EvaluateSpec
    | ScoreSpec
    | EvidenceSpec
    | RetrieveSpec
    | ReproduceSpec
    | LiveSpec
    | MatchmapsSpec
    | RenderSpec
    | ReleaseSpec
    | ConvertSpec,
    Field(discriminator="verb"),
]

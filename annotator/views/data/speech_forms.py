"""The form of Transcribe; which recognisers are installed is looked up while it is built."""

from annotator.project import Project
from annotator.views.data.fields import Field, Form, Variant, field_of
from davenet.errors import UserError
from davenet.specs import TranscribeSpec

USUAL_WHISPER = "small"
_OWN_RECOGNISERS = ("pocketsphinx", "pocketsphinx-keywords", "faster-whisper")


def transcribe_form(project: Project, scope: tuple[Field, ...]) -> Form:
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
    track = field_of(
        TranscribeSpec,
        "audio_track",
        "Audio track",
        help="Counted from 1, for files with several; as in Extract.",
        blank="the default one",
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
        Variant("auto", "Best here", told, (language, track, jobs, *scope)),
        Variant("pocketsphinx", "pocketsphinx", sphinx, (track, jobs, *scope)),
        Variant(
            "pocketsphinx-keywords",
            "Food words only",
            "pocketsphinx, listening for food words only.",
            (track, jobs, *scope),
        ),
        Variant(
            "faster-whisper",
            "Whisper",
            "Speech in many languages, with the times of words.",
            (whisper, language, device, track, jobs, *scope),
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
            Variant(name, name, "A recogniser that another package brings.", (language, device, track, jobs, *scope))
            for name in transcriber_names()
            if name not in _OWN_RECOGNISERS
        ),
    )
    return Form("transcribe", "Transcribe", "Transcribe", variants)

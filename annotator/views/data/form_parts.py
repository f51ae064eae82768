"""What the forms of several verbs share: kinds of files, which videos and machines, and a choice of label files."""

from collections.abc import Sequence

from annotator.views.data.fields import Field, field_of
from davenet.specs import ExtractSpec

ALL, SHOWN, CHOSEN = "all", "shown", "chosen"  # which videos a job works on
JSON, TEXT, CSV = (
    "JSON (*.json);;All files (*)",
    "Text (*.txt *.csv *.json);;All files (*)",
    "CSV (*.csv);;All files (*)",
)
WHICH = "Which videos"


def scope_fields(n_videos: int, n_shown: int, chosen: str) -> tuple[Field, ...]:
    """Returns what says on which videos and machines a job works; `chosen` is the title of the one chosen, '' of none."""
    return (
        Field(
            "videos",
            "Videos",
            "choice",
            ALL,
            "What is done with the same settings is passed over.",
            section=WHICH,
            choices=(
                (ALL, f"all {n_videos}"),
                *(((SHOWN, f"the {n_shown} that the filter shows"),) if n_shown < n_videos else ()),
                *(((CHOSEN, f"only {chosen}"),) if chosen else ()),
            ),
        ),
        Field("force", "Do again what is done", "bool", False, "Replaces what is there.", section=WHICH),
        *_machines(),
    )


def source_choice(name: str, label: str, sources: Sequence[str]) -> Field:
    """Returns the choice of whose label files are read, of those that the videos have."""
    choices = ((None, "each video's newest"), *((source, source) for source in sources))
    return Field(name, label, "choice", None, "Whose label files are taken.", choices=choices)


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

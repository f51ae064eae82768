"""The form of every verb of the Data workspace, made from the specs' own fields; each subject has a module of its own.

Built off the GUI thread: what `auto` would take and which recognisers are installed is looked up while building.
"""

from collections.abc import Callable, Sequence

from annotator.project import Project, VideoState
from annotator.views.data.detect_forms import detect_form
from annotator.views.data.fields import Field, Form, Variant, field_of
from annotator.views.data.form_parts import ALL, CHOSEN, SHOWN, scope_fields
from annotator.views.data.import_forms import import_form
from annotator.views.data.mining_forms import analyse_form, mine_form
from annotator.views.data.release_forms import release_form
from annotator.views.data.speech_forms import transcribe_form
from davenet.specs import ExtractSpec

__all__ = ["ALL", "CHOSEN", "SHOWN", "build"]


def build(verb: str, project: Project, states: Sequence[VideoState], n_shown: int, chosen: str) -> Form:
    """Returns the form of a verb as the project stands; `chosen` is the title of the video that is chosen, '' of none."""
    scope = scope_fields(len(states), n_shown, chosen)
    builders: dict[str, Callable[[], Form]] = {
        "import": import_form,
        "extract": lambda: _extract(scope),
        "transcribe": lambda: transcribe_form(project, scope),
        "detect": lambda: detect_form(project, scope),
        "mine": lambda: mine_form(states, scope[:1]),
        "release": release_form,
        "analyse": lambda: analyse_form(states),
    }
    return builders[verb]()


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

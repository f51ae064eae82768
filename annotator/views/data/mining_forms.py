"""The forms of Mine and of the plots."""

from collections.abc import Sequence

from annotator.project import VideoState
from annotator.views.data import checks
from annotator.views.data.fields import Field, Form, Variant, field_of
from annotator.views.data.form_parts import CSV, TEXT, source_choice
from davenet.specs import MineSpec


def mine_form(states: Sequence[VideoState], scope: tuple[Field, ...]) -> Form:
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
        source_choice("recogniser", "Words by", recognisers),
        source_choice("detector", "Foods by", detectors),
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
            file_kinds=CSV,
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


def analyse_form(states: Sequence[VideoState]) -> Form:
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
            file_kinds=TEXT,
            look=checks.noun_list,
        ),
        source_choice("recogniser", "Words by", sorted({name for state in states for name in state.recognisers})),
        source_choice("detector", "Foods by", sorted({name for state in states for name in state.detectors})),
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
            file_kinds=CSV,
            look=checks.synonyms,
        ),
        Field("whole_names", "Whole names", "bool", False, "All words of a label, as mining asks.", section=sync),
    )
    about = "What the plots are made of. The paper: all words, P(food) over 0.5, any word of a label."
    return Form("analyse", "Plots", "Plot", (Variant("analyse", "", about, fields),))

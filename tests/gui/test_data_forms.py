"""The forms of Data: what can be typed, what is said of it at once, and what becomes of it in the verb's plan."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from annotator.project import Project
from annotator.views.background import Background
from annotator.views.data import forms, verb_form
from annotator.views.data.fields import Field, Wish
from annotator.views.data.listing import Filter, Listed, matching, row_of
from annotator.views.data.planning import plan
from annotator.views.data.remembered import keep_wish, read_wishes
from annotator.views.data.verb_form import FIELDS_A_TURN, VerbForm
from annotator.views.data.video_table import VideoTable
from davenet.errors import UserError
from davenet.specs import ImportCorpusSpec, YouTube8MSource
from tests.annotator.project_maker import fill_store, make_video_record


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project.create(tmp_path / "project")
    fill_store(made.store, ["train", "validation"])
    yield made
    made.close()


@pytest.fixture
def form(qtbot: QtBot) -> Iterator[VerbForm]:
    background = Background()
    made = VerbForm(background.run)
    qtbot.addWidget(made)
    made.resize(1200, 500)
    made.show()
    yield made
    background.shutdown()


def shown(form: VerbForm, project: Project, verb: str, variant: str = "") -> VerbForm:
    form.set_form(forms.build(verb, project, project.video_states(), 2, ""))
    if variant:
        form.choose(variant)
    return form


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        (Field("a", "A", "float", 0.5, low=0, high=1), "0.25", 0.25),
        (Field("a", "A", "float", 0.5, low=0, high=1), "1.5", "Give a number from 0 to 1."),
        (Field("a", "A", "float", 0.5, low=0, high=1), "nan", "Give a number from 0 to 1."),
        (Field("a", "A", "float", 1.0, low=0, high=60, low_is_out=True), "0", "Give a number over 0 and up to 60."),
        (Field("a", "A", "float", 0.5), "", "Give a value."),
        (Field("a", "A", "int", None), "", None),
        (Field("a", "A", "int", None, low=1), "2.5", "Give a whole number."),
        (Field("a", "A", "numbers"), "0.485, 0.456, 0.406", (0.485, 0.456, 0.406)),
        (Field("a", "A", "numbers"), "1, 2", "Give one number, or three with commas between them."),
        (Field("a", "A", "fraction"), "1/255", 1 / 255),
        (Field("a", "A", "fraction"), "1/0", "Give a number or a fraction over 0, such as 1/255."),
        (Field("a", "A", "file"), "/no/such file", "/no/such file does not exist; check its name."),
    ],
)
def test_what_is_typed_becomes_a_value_or_a_sentence(field: Field, text: str, value: object) -> None:
    try:
        parsed: object = field.parsed(text)
    except UserError as error:
        parsed = str(error)
    assert parsed == value


def test_a_file_is_looked_into_at_once_with_the_sentence_at_its_field(
    form: VerbForm, project: Project, qtbot: QtBot, tmp_path: Path
) -> None:
    shown(form, project, "mine")
    synonyms = form.rows()["synonyms"]
    (tmp_path / "wrong.csv").write_text("apple,pear\n")
    synonyms.input.setText(str(tmp_path / "wrong.csv"))
    qtbot.waitUntil(lambda: bool(synonyms.trouble()))
    assert "wrong.csv" in synonyms.says.text() and not form.start.isEnabled()
    (tmp_path / "right.csv").write_text("word,synonym\ncorn,maize\n")
    synonyms.input.setText(f"file://{tmp_path / 'right.csv'}")  # as file managers drop it
    qtbot.waitUntil(lambda: synonyms.says.text().startswith("Synonyms of"))
    assert form.start.isEnabled() and synonyms.label.is_changed()
    assert form.wish() == Wish("mine", "mine", (("synonyms", tmp_path / "right.csv"),))


def test_needed_fields_keep_the_form_from_starting(
    form: VerbForm, project: Project, tmp_path: Path, qtbot: QtBot
) -> None:
    shown(form, project, "import", "youcook2")
    assert form.rows()["annotations"].is_missing()
    assert form.says.text() == "Still needed: Annotations, Folder of the videos."
    assert not form.start.isEnabled()
    form.rows()["videos"].input.setText(str(tmp_path / "nowhere"))
    qtbot.waitUntil(lambda: "To be corrected: Folder of the videos." in form.says.text())  # looked at off this thread


def test_changed_values_are_marked_and_brought_back(form: VerbForm, project: Project, qtbot: QtBot) -> None:
    shown(form, project, "mine")
    row = form.rows()["food_threshold"]
    assert not row.back.isVisible()
    row.input.setText("0.7")
    assert row.back.isVisible() and form.says.text() == "1 setting changed from the default."
    assert form.wish() == Wish("mine", "mine", (("food_threshold", 0.7),))
    row.back.click()
    assert form.wish() == Wish("mine", "mine", ())
    with qtbot.waitSignal(form.start_requested):
        qtbot.keyClick(row.input, Qt.Key.Key_Return)


def test_every_form_offers_what_its_verb_takes(form: VerbForm, project: Project) -> None:
    """Every field has a help or a name that says it, a default within its own limits, and fits the page."""
    for verb in ("import", "extract", "transcribe", "detect", "mine", "release", "analyse"):
        shown(form, project, verb)
        built = form.form()
        assert built is not None
        for variant in built.variants:
            form.choose(variant.key)
            for row in form.rows().values():
                assert not row.trouble(), (verb, variant.key, row.field.name)
                assert row.field.is_needed or not row.is_changed()
                assert row.input.accessibleName() and row.input.toolTip()


def test_a_corpus_form_makes_the_corpus_spec(project: Project, tmp_path: Path) -> None:
    (tmp_path / "vocabulary.csv").write_text("x")
    (tmp_path / "train.tfrecord").write_text("x")
    wish = Wish(
        "import",
        "youtube8m",
        (
            ("records", [tmp_path / "train.tfrecord"]),
            ("vocabulary", tmp_path / "vocabulary.csv"),
            ("videos", tmp_path),
            ("least_speech", 0.0),
            ("split_by", "seed:4"),
        ),
    )
    spec = plan(project, wish, None)
    assert isinstance(spec, ImportCorpusSpec) and isinstance(spec.source, YouTube8MSource)
    assert (spec.source.videos, spec.source.least_speech, spec.source.split_by) == (tmp_path, 0.0, "seed:4")


def test_extraction_over_a_cluster_is_planned_for_it(project: Project) -> None:
    values = (("frame_rate", 2.0), ("engine", "ray"), ("address", "head:6379"))
    spec: Any = plan(project, Wish("extract", "extract", values), [project.store.videos()[0].uid])
    assert (spec.frame_rate, spec.engine, spec.address, len(spec.videos)) == (2.0, "ray", "head:6379", 1)


def test_a_page_of_many_fields_is_made_a_field_a_turn_and_never_all_at_once(
    form: VerbForm, project: Project, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []  # fields in each turn

    def counted(page: verb_form._Fields) -> None:
        before = len(page.rows)
        make_some(page)
        made.append(len(page.rows) - before)

    make_some = verb_form._Fields.make_some
    monkeypatch.setattr(verb_form._Fields, "make_some", counted)
    form.set_form(forms.build("detect", project, project.video_states(), 2, ""))
    form.choose("onnx")
    form.focus_first()
    page = form._pages["onnx"]
    assert len(page.rows) == FIELDS_A_TURN  # what shows the page and takes the focus makes no more
    assert not form.start.isEnabled()
    assert page.rows["model"].input.hasFocus()
    qtbot.waitUntil(page.is_made)
    assert max(made) <= FIELDS_A_TURN
    assert len(page.rows) > 20 > FIELDS_A_TURN


@pytest.mark.parametrize(
    ("verb", "variant"), [("detect", "onnx"), ("import", "youtube8m"), ("transcribe", "import"), ("release", "export")]
)
def test_tab_goes_through_every_field_as_one_reads_and_then_to_the_buttons(
    form: VerbForm, project: Project, qtbot: QtBot, verb: str, variant: str
) -> None:
    form.resize(1200, 2000)
    shown(form, project, verb, variant)
    qtbot.waitUntil(form.start.isVisible)
    qtbot.waitUntil(lambda: form._pages[variant].is_made())
    form.rows()
    QApplication.processEvents()
    form.focus_first()
    rows = list(form.rows().values())
    inputs = {row.input: row for row in rows}
    walked: list[QWidget] = []
    for _ in range(4 * len(rows)):
        focused = QApplication.focusWidget()
        if focused is None or focused is form.cancel:
            break
        if focused in inputs:
            walked.append(focused)
        qtbot.keyClick(focused, Qt.Key.Key_Tab)
    assert QApplication.focusWidget() is form.cancel
    places = [row.mapTo(form, row.rect().topLeft()) for row in (inputs[each] for each in walked)]
    assert len(walked) == len(rows)
    assert places == sorted(places, key=lambda place: (place.y(), place.x()))


def test_what_was_asked_for_is_kept_with_the_project_but_not_what_would_surprise(
    project: Project, tmp_path: Path
) -> None:
    values = (
        ("classes", tmp_path / "classes.txt"),
        ("mean", (0.485, 0.456, 0.406)),
        ("scores", "sigmoid"),
        ("force", True),
        ("videos", "shown"),
    )
    keep_wish(project, "detect", Wish("detect", "onnx", values))
    keep_wish(project, "mine", Wish("mine", "mine", (("match", "lemma"),)))
    with Project.open(project.path) as again:
        assert read_wishes(again) == {
            "detect": Wish("detect", "onnx", values[:3]),
            "mine": Wish("mine", "mine", (("match", "lemma"),)),
        }
    keep_wish(project, "detect", None)
    assert list(read_wishes(project)) == ["mine"]
    project.store.set_setting("forms", {"mine": {"of": "another version"}, "extract": 3})
    assert read_wishes(project) == {}


def test_only_the_rows_in_view_of_thousands_of_videos_are_made(project: Project, qtbot: QtBot) -> None:
    blank = project.video_states()[0]
    listed = {
        f"video-{n}": Listed(
            replace(blank, video=make_video_record(n, "test" if n % 4 == 0 else "train")), f"video-{n} soup"
        )
        for n in range(2000)
    }
    made: list[str] = []

    def row(key: str) -> Any:
        made.append(key)
        return row_of(listed[key], None)

    table = VideoTable()
    qtbot.addWidget(table)
    table.resize(900, 400)
    table.show()
    table.set_videos(list(listed), row)
    qtbot.waitExposed(table)
    table.grab()
    assert 5 <= len(set(made)) < 40
    table.choose("video-1500")
    assert table.chosen_key() == "video-1500"
    table.set_videos(matching(list(listed.values()), Filter("SOUP 150", "test")), row)
    assert [each.key for each in table.rows()] == ["video-1500", "video-1504", "video-1508"]
    assert table.chosen_key() == "video-1500"
    assert len(set(made)) < 100


def test_youcook2_is_imported_by_its_form_with_what_is_missing_told(
    form: VerbForm, project: Project, qtbot: QtBot, shared_data: Path
) -> None:
    folder = shared_data / "annotations" / "youcook2"
    shown(form, project, "import", "youcook2")
    annotations = form.rows()["annotations"]
    annotations.input.setText(str(folder / "youcookii_annotations_trainval.json"))
    qtbot.waitUntil(
        lambda: annotations.says.text().replace("\u202f", "").startswith("1790 annotated videos"), timeout=60_000
    )

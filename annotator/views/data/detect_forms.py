"""The form of Detect; which detectors are installed is looked up while it is built."""

from importlib.util import find_spec
from typing import Any

from annotator.project import Project
from annotator.views.data import checks
from annotator.views.data.fields import Field, Form, Variant, field_of
from annotator.views.data.form_parts import TEXT, WHICH
from davenet.errors import UserError
from davenet.specs import DetectorOptions

_OWN_DETECTORS = ("onnx", "clip")


def detect_form(project: Project, scope: tuple[Field, ...]) -> Form:
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
        section=WHICH,
    )
    return (
        model,
        _option(
            "classes",
            "Classes",
            "One a line, or a JSON list, in the order of the outputs.",
            kind="file",
            file_kinds=TEXT,
            look=checks.class_file,
            blank="of MODEL.json",
        ),
        _option(
            "food_classes",
            "Which are foods",
            "One a line: CLASS, CLASS = WORD (as it is said) or CLASS = - (no food).",
            kind="file",
            file_kinds=TEXT,
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

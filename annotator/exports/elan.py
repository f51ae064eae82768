"""Verdicts as ELAN documents (EAF 3.0), one a video: tiers of pairs and heard words, and for each reviewer what they said.

ELAN's tiers hold no two annotations at once, so pairs that overlap lie on several. Under each verdict hangs its entry as
JSON: it is what an import reads, and ELAN keeps it.
"""

import json
import os
import re
import xml.sax
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.sax.handler import ContentHandler

from annotator.exports.entries import AskedSettings, Entry, json_entry, settings_entry
from annotator.store.records import PairRecord, ReviewSettings, VideoRecord
from davenet.errors import UserError, one_line
from davenet.files import atomic_path

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
_MIME_TYPES = {
    ".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/quicktime", ".mpg": "video/mpeg", ".mpeg": "video/mpeg",
    ".avi": "video/x-msvideo", ".mkv": "video/x-matroska", ".webm": "video/webm", ".ts": "video/mp2t",
}  # fmt: skip
_SETTINGS = "review settings"  # a property of the header
_SPAN, _SAID, _DETAILS = "span", "said", "details"  # the linguistic types of tiers
_CONSTRAINTS = {
    "Time_Subdivision": "Time subdivision of parent annotation's time interval, no time gaps allowed within this interval",
    "Symbolic_Subdivision": "Symbolic subdivision of a parent annotation. Annotations refering to the same parent are "
    "ordered",
    "Symbolic_Association": "1-1 association with a parent annotation",
    "Included_In": "Time alignable annotations within the parent annotation's time interval, gaps are allowed",
}
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # in XML 1.0


def write_elan(
    path: Path,
    video: VideoRecord,
    pairs: Sequence[PairRecord],
    entries: Iterable[Mapping[str, Any]],
    settings: ReviewSettings | None = None,
) -> None:
    """Writes a video's pairs with the entries on them, by their `pair_uid`, and how people are asked where given."""
    of_pair: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for entry in entries:
        of_pair[entry["pair_uid"]].append(entry)
    document = _Document(video, path.parent)
    if settings is not None:
        document.add_property(_SETTINGS, json.dumps(settings_entry(settings)))
    spans = sorted(((*_span_ms(pair), pair) for pair in pairs), key=lambda one: (one[0], one[1], one[2].uid))
    for lane, some in enumerate(_lanes(spans), 1):
        tier = "pairs" if lane == 1 else f"pairs {lane}"
        document.add_tier(tier, _SPAN)
        for start, end, pair in some:
            annotation = document.align(tier, start, end, pair.label.class_name if pair.label else pair.kind)
            for entry in of_pair[pair.uid]:
                document.say(annotation, tier, entry, lane)
    words = {
        (round(1000 * label.word_start), round(1000 * label.word_end), label.word)
        for pair in pairs
        for label in pair.labels
    }
    heard = sorted((max(0, start), max(start, 0) + max(1, end - start), word) for start, end, word in words)
    for lane, spoken in enumerate(_lanes(heard), 1):
        tier = "words" if lane == 1 else f"words {lane}"
        document.add_tier(tier, _SPAN)
        for start, end, word in spoken:
            document.align(tier, start, end, word)
    with atomic_path(path) as temporary:
        document.write(temporary)


def read_elan(path: Path) -> Iterator[Entry | AskedSettings]:
    """Yields the entries of a document written here; raises UserError naming the line where it is none or broken."""
    handler = _Reader()
    parser = xml.sax.make_parser()
    parser.setContentHandler(handler)
    try:
        with open(path, "rb") as source:
            parser.parse(source)
    except xml.sax.SAXParseException as error:
        place = f"{path}, line {error.getLineNumber()}"
        raise UserError(f"{place} is not XML ({error.getMessage()}); export the verdicts again.") from error
    except (UnicodeError, LookupError, ValueError) as error:
        raise UserError(f"{path} is in an unknown encoding ({one_line(error)}); export the verdicts again.") from error
    if not handler.is_ours:
        raise UserError(f"{path}, line 1 is not an ELAN document with verdicts; choose one that was exported here.")
    for line, text in handler.details:
        yield json_entry(path, line, text)


class _Document:
    """An EAF document in the making; elements are put in the schema's order when it is written."""

    def __init__(self, video: VideoRecord, folder: Path) -> None:
        """`folder` is where the document will lie: ELAN looks for the video from there, and then where it was."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self._root = ElementTree.Element(
            "ANNOTATION_DOCUMENT",
            {
                "AUTHOR": "Matchmap Annotator",
                "DATE": now,
                "FORMAT": "3.0",
                "VERSION": "3.0",
                "xmlns:xsi": _XSI,
                "xsi:noNamespaceSchemaLocation": _SCHEMA,
            },
        )
        header = ElementTree.SubElement(self._root, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
        media = {
            "MEDIA_URL": video.path.as_uri() if video.path.is_absolute() else str(video.path),
            "MIME_TYPE": _MIME_TYPES.get(video.path.suffix.lower(), "unknown"),
            "RELATIVE_MEDIA_URL": _path_from(folder, video.path),
        }
        ElementTree.SubElement(header, "MEDIA_DESCRIPTOR", media)
        self._header = header
        self._slots: list[int] = []  # times in ms; slot n is ts{n + 1}
        self._tiers: dict[str, ElementTree.Element] = {}
        self._last_said: dict[tuple[str, str], str] = {}  # of a tier under an annotation
        self._n_annotations = 0

    def add_property(self, name: str, text: str) -> None:
        ElementTree.SubElement(self._header, "PROPERTY", {"NAME": name}).text = text

    def add_tier(self, name: str, kind: str, *, parent: str | None = None, participant: str | None = None) -> None:
        if name in self._tiers:
            return
        values = {"LINGUISTIC_TYPE_REF": kind, "TIER_ID": name}
        if parent is not None:
            values["PARENT_REF"] = parent
        if participant is not None:
            values["PARTICIPANT"] = participant
        self._tiers[name] = ElementTree.Element("TIER", values)

    def align(self, tier: str, start_ms: int, end_ms: int, value: str) -> str:
        """Adds an annotation with times of its own and returns its id."""
        slots = {"TIME_SLOT_REF1": self._slot(start_ms), "TIME_SLOT_REF2": self._slot(end_ms)}
        return self._annotate(tier, "ALIGNABLE_ANNOTATION", slots, value)

    def say(self, pair: str, pair_tier: str, entry: Mapping[str, Any], lane: int) -> None:
        """Adds what a reviewer said of a pair, for people to read, and under it the whole entry."""
        reviewer = _writable(entry["reviewer"])
        number = "" if lane == 1 else f" {lane}"
        said, details = f"verdicts{number} of {reviewer}", f"details{number} of {reviewer}"
        self.add_tier(said, _SAID, parent=pair_tier, participant=reviewer)
        self.add_tier(details, _DETAILS, parent=said, participant=reviewer)
        values = {"ANNOTATION_REF": pair}
        if (before := self._last_said.get((said, pair))) is not None:
            values["PREVIOUS_ANNOTATION"] = before
        annotation = self._last_said[said, pair] = self._annotate(said, "REF_ANNOTATION", values, spoken(entry))
        text = json.dumps(entry)  # in ASCII: whatever XML may not hold is escaped
        self._annotate(details, "REF_ANNOTATION", {"ANNOTATION_REF": annotation}, text)

    def write(self, path: Path) -> None:
        self.add_property("lastUsedAnnotationId", str(self._n_annotations))
        order = ElementTree.SubElement(self._root, "TIME_ORDER")
        for number, time_ms in enumerate(self._slots, 1):
            ElementTree.SubElement(order, "TIME_SLOT", {"TIME_SLOT_ID": f"ts{number}", "TIME_VALUE": str(time_ms)})
        order[:] = sorted(order, key=lambda slot: int(slot.get("TIME_VALUE", "0")))
        self._root.extend(self._tiers.values())
        for kind, stereotype in (
            (_SPAN, None),
            (_SAID, "Symbolic_Subdivision"),
            (_DETAILS, "Symbolic_Association"),
        ):
            values = {"GRAPHIC_REFERENCES": "false", "LINGUISTIC_TYPE_ID": kind}
            values["TIME_ALIGNABLE"] = "true" if stereotype is None else "false"
            if stereotype is not None:
                values["CONSTRAINTS"] = stereotype
            ElementTree.SubElement(self._root, "LINGUISTIC_TYPE", values)
        for stereotype, description in _CONSTRAINTS.items():
            ElementTree.SubElement(self._root, "CONSTRAINT", {"DESCRIPTION": description, "STEREOTYPE": stereotype})
        ElementTree.indent(self._root)
        ElementTree.ElementTree(self._root).write(path, encoding="UTF-8", xml_declaration=True)

    def _slot(self, time_ms: int) -> str:
        self._slots.append(time_ms)
        return f"ts{len(self._slots)}"

    def _annotate(self, tier: str, kind: str, values: dict[str, str], text: str) -> str:
        self._n_annotations += 1
        name = f"a{self._n_annotations}"
        annotation = ElementTree.SubElement(self._tiers[tier], "ANNOTATION")
        inner = ElementTree.SubElement(annotation, kind, {"ANNOTATION_ID": name, **values})
        ElementTree.SubElement(inner, "ANNOTATION_VALUE").text = _writable(text)
        return name


class _Reader(ContentHandler):
    """Collects the texts of the tiers that hold entries, each with its line."""

    def __init__(self) -> None:
        super().__init__()
        self.is_ours = False
        self.details: list[tuple[int, str]] = []
        self._in_details = False
        self._parts: list[str] | None = None
        self._line = 0

    def startElement(self, name: str, attrs: Any) -> None:
        if name == "TIER":
            self._in_details = attrs.get("LINGUISTIC_TYPE_REF") == _DETAILS
        elif name == "LINGUISTIC_TYPE":
            self.is_ours = self.is_ours or attrs.get("LINGUISTIC_TYPE_ID") == _DETAILS
        elif (name == "ANNOTATION_VALUE" and self._in_details) or (
            name == "PROPERTY" and attrs.get("NAME") == _SETTINGS
        ):
            self._parts = []
            self._line = self._locator.getLineNumber()  # type: ignore[attr-defined]

    def characters(self, content: str) -> None:
        if self._parts is not None:
            self._parts.append(content)

    def endElement(self, name: str) -> None:
        if name in ("ANNOTATION_VALUE", "PROPERTY") and self._parts is not None:
            self.details.append((self._line, "".join(self._parts)))
            self._parts = None


def spoken(entry: Mapping[str, Any]) -> str:
    """Returns an entry in words: the decision, what it is about, why, and the comment."""
    purpose = (
        entry["purpose"]
        if entry["entry"] == "gold" or entry["purpose"] in ("adjudication", "revealed", "second")
        else ""
    )
    about = "" if entry["entry"] == "remark" else entry["label"] or ""
    words = [purpose, "blind" if entry["blind"] else "", entry["decision"], about]
    told = " ".join(word for word in words if word)
    return ": ".join(part for part in (told, entry["reason"] or "", entry["comment"] or "") if part)


def _path_from(folder: Path, video: Path) -> str:
    """Returns the way from a folder to a video, with slashes; beside it where there is none (another drive, no path)."""
    try:
        way = Path(os.path.relpath(video, folder)).as_posix() if video.is_absolute() else video.name
    except ValueError:
        way = video.name
    return way if way.startswith("../") else f"./{way}"


def _span_ms(pair: PairRecord) -> tuple[int, int]:
    """Returns the pair's sound in ms on the video's clock, at least 1 ms long."""
    start = max(0, round(1000 * (pair.sound_s - pair.segment_s / 2)))
    return start, max(start + 1, round(1000 * (pair.sound_s + pair.segment_s / 2)))


def _lanes(spans: Sequence[tuple[int, int, Any]]) -> list[list[tuple[int, int, Any]]]:
    """Divides spans, in the order of their starts, so that no two of a lane overlap; one lane at least."""
    lanes: list[list[tuple[int, int, Any]]] = [[]]
    for span in spans:
        for lane in lanes:
            if not lane or lane[-1][1] <= span[0]:
                lane.append(span)
                break
        else:
            lanes.append([span])
    return lanes


def _writable(text: str) -> str:
    return _UNWRITABLE.sub("\ufffd", text)

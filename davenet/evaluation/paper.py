"""The paper's tables of results: which model was trained on what, measured where, with which Recall@10.

Table 2 is the unsupervised model on two galleries of uniform pairs (Section 5); Table 3 is what weak supervision does,
on food pairs that people verified, beside the unsupervised model's figures from Section 6's text. Imports nothing heavy.
"""

from dataclasses import dataclass
from typing import Literal

TableName = Literal["table2", "table3"]
GalleryName = Literal["val-1000", "food-val-1000", "verified"]
RowName = Literal["unsupervised", "weak-random", "weak-imagenet", "weak-unsupervised"]
PairsName = Literal["uniform", "weak"]

TABLE_NAMES: tuple[TableName, ...] = ("table2", "table3")
GALLERY_SIZES: dict[GalleryName, int] = {"val-1000": 1000, "food-val-1000": 1000, "verified": 845}
UNIFORM_PAIRS = 1_169_255  # Section 5
FOOD_PAIRS = 2860  # of the training videos, Section 6; as many non-food pairs beside them
IMAGE_BRANCH = "vgg16"
BATCH_SIZE = 100


@dataclass(frozen=True, slots=True)
class Row:
    """A model of the tables: its preset's name, what it learns from, and on which gallery its epoch is chosen."""

    name: RowName
    pairs: PairsName
    chosen_on: GalleryName
    begins_with: RowName | None = None  # the row whose checkpoint it is fine-tuned from
    needs_image_weights: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """The paper's Recall@10 of one row on one gallery, shares in 0..1."""

    row: RowName
    gallery: GalleryName
    audio: float
    visual: float

    @property
    def mean(self) -> float:
        return (self.audio + self.visual) / 2


ROWS: dict[RowName, Row] = {
    "unsupervised": Row("unsupervised", "uniform", "val-1000"),
    "weak-random": Row("weak-random", "weak", "verified"),
    "weak-imagenet": Row("weak-imagenet", "weak", "verified", needs_image_weights=True),
    "weak-unsupervised": Row("weak-unsupervised", "weak", "verified", begins_with="unsupervised"),
}

TABLES: dict[TableName, tuple[Cell, ...]] = {
    "table2": (
        Cell("unsupervised", "val-1000", 0.182, 0.183),
        Cell("unsupervised", "food-val-1000", 0.203, 0.194),
    ),
    "table3": (
        Cell("unsupervised", "verified", 0.219, 0.221),
        Cell("weak-random", "verified", 0.134, 0.146),
        Cell("weak-imagenet", "verified", 0.391, 0.381),
        Cell("weak-unsupervised", "verified", 0.272, 0.233),
    ),
}


def rows_of(table: TableName) -> tuple[RowName, ...]:
    """Returns the table's rows in an order in which each comes after the one that it begins with."""
    return tuple(dict.fromkeys(cell.row for cell in TABLES[table]))


def galleries_of(table: TableName) -> tuple[GalleryName, ...]:
    """Returns every gallery that the table's rows are measured on or chosen by."""
    chosen = [ROWS[row].chosen_on for row in rows_of(table)]
    return tuple(dict.fromkeys([*chosen, *(cell.gallery for cell in TABLES[table])]))

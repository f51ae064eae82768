"""What selects points of the plane: the mouse's lasso and the box that arrows move. No widget."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF

STEP, LEAST = 16, 16  # pixels that a key moves the box by, and the box's least side


def inside(points_N2: NDArray[np.floating], polygon_P2: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Returns which points lie in a closed polygon, by how often a ray to the right crosses its edges."""
    low, high = polygon_P2.min(axis=0), polygon_P2.max(axis=0)
    near = np.flatnonzero(((points_N2 >= low) & (points_N2 <= high)).all(axis=1))
    x, y = points_N2[near, 0], points_N2[near, 1]
    within = np.zeros(len(near), bool)
    for (x0, y0), (x1, y1) in zip(polygon_P2, np.roll(polygon_P2, -1, axis=0), strict=True):
        if y0 != y1:
            crosses = (y0 > y) != (y1 > y)
            within ^= crosses & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    found = np.zeros(len(points_N2), bool)
    found[near[within]] = True
    return found


def in_box(points_N2: NDArray[np.floating], box: QRectF) -> NDArray[np.bool_]:
    x, y = points_N2[:, 0], points_N2[:, 1]
    return np.asarray((x >= box.left()) & (x <= box.right()) & (y >= box.top()) & (y <= box.bottom()))


def first_box(room: QRectF) -> QRectF:
    """Returns the box as it appears: a quarter of the room, in its middle."""
    side = max(4.0 * LEAST, min(room.width(), room.height()) / 4)
    return QRectF(room.center().x() - side / 2, room.center().y() - side / 2, side, side)


def moved(box: QRectF, x: int, y: int, room: QRectF) -> QRectF:
    """Returns the box so many steps further, inside the room."""
    box = box.translated(x * STEP, y * STEP)
    box.moveLeft(max(room.left(), min(box.left(), room.right() - box.width())))
    box.moveTop(max(room.top(), min(box.top(), room.bottom() - box.height())))
    return box


def sized(box: QRectF, x: int, y: int, room: QRectF) -> QRectF:
    """Returns the box so many steps wider and higher, inside the room."""
    box = QRectF(box.topLeft(), box.bottomRight())
    box.setWidth(min(max(LEAST, box.width() + x * STEP), room.right() - box.left()))
    box.setHeight(min(max(LEAST, box.height() + y * STEP), room.bottom() - box.top()))
    return box

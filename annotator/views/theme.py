"""The look: the tokens of dark and light, the one stylesheet made from them, and the fonts.

`apply_theme` dresses the application; painted widgets ask `current()` inside paintEvent, so a change of theme is a
repaint. No other module names a colour.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication, QWidget

ICONS = Path(__file__).resolve().parents[2] / "resources" / "icons"
BASE_PX = 13
SMALL_PX = 12
SECTION_PX = 11
TITLE_PX = 16
QUESTION_PX = 20
RADIUS = 6


@dataclass(frozen=True, slots=True)
class Tokens:
    """Colours as #rrggbb; `accent_text` is the accent where it is read as small text (4.5:1 on every surface)."""

    name: str
    bg: str
    panel: str
    raised: str
    stage: str
    line: str
    text: str
    muted: str
    faint: str
    accent: str
    accent_text: str
    on_accent: str
    accept: str
    reject: str
    unsure: str
    info: str

    def color(self, token: str, alpha: float = 1.0) -> QColor:
        color = QColor(getattr(self, token))
        color.setAlphaF(alpha)
        return color


DARK = Tokens(
    name="dark",
    bg="#101317",
    panel="#171b21",
    raised="#1e232b",
    stage="#090b0e",
    line="#2a313b",
    text="#e8ebf0",
    muted="#8f99a8",
    faint="#5c6675",
    accent="#f2a33a",
    accent_text="#f2a33a",
    on_accent="#1b1204",
    accept="#37b58f",
    reject="#ef6a5b",
    unsure="#a48cf0",
    info="#5aa9e6",
)
LIGHT = Tokens(
    name="light",
    bg="#f4f5f7",
    panel="#ffffff",
    raised="#f0f2f5",
    stage="#e4e6eb",
    line="#dde1e7",
    text="#1b2027",
    muted="#5d6878",
    faint="#98a2b1",
    accent="#b86e00",
    accent_text="#9a5b00",
    on_accent="#140d02",
    accept="#13795b",
    reject="#c43d2e",
    unsure="#6a4fd0",
    info="#1f6fb2",
)

_current = DARK
_text_scale = 1.0
_followed: set[int] = set()  # applications whose system colour scheme is followed already
_choice = "dark"
_fonts: dict[tuple[int, QFont.Weight], QFont] = {}  # made once each: rows ask for them a hundred times a verdict


def current() -> Tokens:
    """Returns the tokens in force: ask while painting, never keep them."""
    return _current


def contrast(foreground: str, background: str) -> float:
    """Returns the WCAG contrast of two #rrggbb colours, 1 to 21."""
    light, dark = sorted((_luminance(foreground), _luminance(background)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def text_px(px: int) -> int:
    """Returns a text's height in pixels at the text size in force."""
    return round(px * _text_scale)


def font(px: int = BASE_PX, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    """Returns the interface's font at a pixel size, with figures of one width."""
    made = _fonts.get((px, weight))
    if made is None:
        made = QFont(QApplication.font())
        made.setPixelSize(text_px(px))
        made.setWeight(weight)
        made.setFeature(QFont.Tag("tnum"), 1)
        _fonts[px, weight] = made
    return QFont(made)  # the copy shares what was looked up for it, until somebody changes it


def section_font() -> QFont:
    """Returns the 11 px spaced capitals of section heads."""
    made = font(SECTION_PX, QFont.Weight.DemiBold)
    made.setCapitalization(QFont.Capitalization.AllUppercase)
    made.setLetterSpacing(QFont.SpacingType.AbsoluteSpacing, 0.7)
    return made


def set_role(widget: QWidget, role: str) -> None:
    """Gives a widget a look of the stylesheet (its `role` property) and applies it at once."""
    widget.setProperty("role", role)
    widget.style().unpolish(widget)
    widget.style().polish(widget)


def apply_theme(
    app: QApplication,
    name: str = "system",
    *,
    text_scale: float | None = None,
    system: Qt.ColorScheme | None = None,
) -> Tokens:
    """Dresses the application in "dark", "light" or what the system shows ("system" follows its later changes).

    `text_scale` makes all text larger or smaller; without it that stays as it is. `system` is what the system shows, where
    that was just told; else it is asked.
    """
    global _current, _choice, _text_scale
    _choice = name
    _text_scale = _text_scale if text_scale is None else text_scale
    hints = app.styleHints()
    if id(app) not in _followed:
        _followed.add(id(app))
        hints.colorSchemeChanged.connect(
            lambda scheme: apply_theme(app, "system", system=scheme) if _choice == "system" else None
        )
    shown = hints.colorScheme() if system is None else system
    is_light = name == "light" or (name == "system" and shown == Qt.ColorScheme.Light)
    _current = LIGHT if is_light else DARK
    if app.style().name() != "fusion":
        app.setStyle("Fusion")
    app.setFont(_base_font())
    _fonts.clear()
    app.setPalette(_palette(_current))
    app.setStyleSheet(stylesheet(_current))
    return _current


def _base_font() -> QFont:
    families = set(QFontDatabase.families())
    preferred = next((family for family in ("Inter", "Inter Variable") if family in families), None)
    made = QFont(preferred) if preferred else QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    made.setPixelSize(text_px(BASE_PX))
    made.setFeature(QFont.Tag("tnum"), 1)
    made.setHintingPreference(QFont.HintingPreference.PreferVerticalHinting)
    return made


def _palette(tokens: Tokens) -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    for where, token in (
        (role.Window, "bg"),
        (role.Base, "panel"),
        (role.AlternateBase, "raised"),
        (role.Button, "raised"),
        (role.ToolTipBase, "raised"),
        (role.WindowText, "text"),
        (role.Text, "text"),
        (role.ButtonText, "text"),
        (role.ToolTipText, "text"),
        (role.BrightText, "text"),
        (role.PlaceholderText, "muted"),
        (role.Highlight, "accent"),
        (role.HighlightedText, "on_accent"),
        (role.Link, "info"),
        (role.Mid, "line"),
        (role.Dark, "line"),
        (role.Light, "raised"),
    ):
        palette.setColor(where, tokens.color(token))
    for where in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, where, tokens.color("faint"))
    return palette


def stylesheet(tokens: Tokens) -> str:
    """Returns the application's one stylesheet; widgets choose among its looks with `set_role`."""
    values = {field: getattr(tokens, field) for field in Tokens.__dataclass_fields__} | {"icons": ICONS.as_posix()}
    sheet = re.sub(r"@(\w+)", lambda token: values[token[1]], _SHEET)
    return re.sub(r"font-size: (\d+)px", lambda size: f"font-size: {text_px(int(size[1]))}px", sheet)


_SHEET = """
QWidget { color: @text; }
QMainWindow, QDialog { background: @bg; }
QLabel { background: transparent; }
QLabel[role="muted"] { color: @muted; }
QLabel[role="small"] { color: @muted; font-size: 12px; }
QLabel[role="section"] { color: @muted; }
QLabel[role="title"] { font-size: 16px; font-weight: 600; }
QLabel[role="question"] { font-size: 20px; font-weight: 600; }
QLabel[role="strong"] { font-weight: 600; }
QLabel[role="accent"] { color: @accent_text; font-weight: 600; }
QLabel[role="good"] { color: @accept; font-weight: 600; }
QLabel[role="bad"] { color: @reject; }
QLabel[role="field-bad"] { color: @reject; font-size: 12px; }
QLabel[role="field-good"] { color: @accept; font-size: 12px; }
QLabel:disabled { color: @faint; }

*[role="panel"] { background: @panel; border: 0; }
*[role="panel-left"] { background: @panel; border: 0; border-right: 1px solid @line; }
*[role="panel-right"] { background: @panel; border: 0; border-left: 1px solid @line; }
*[role="panel-top"] { background: @panel; border: 0; border-bottom: 1px solid @line; }
*[role="panel-bottom"] { background: @panel; border: 0; border-top: 1px solid @line; }
*[role="card"] { background: @panel; border: 1px solid @line; border-radius: 8px; }
*[role="form-foot"] { background: transparent; border: 0; border-top: 1px solid @line; }
*[role="line"] { background: @line; border: 0; }
QListView[role="nav"], QListView[role="nav"]:focus { background: transparent; border: 0; }
QListView[role="nav"]::item { min-height: 32px; padding: 0 10px; border-radius: 6px; color: @muted; }
QListView[role="nav"]::item:hover { color: @text; }
QListView[role="nav"]::item:selected { background: @raised; color: @text; }
QListView[role="nav"]::item:selected:focus { border: 2px solid @accent; padding: 0 8px; }
*[role="stage"] { background: @stage; border: 0; }

QPushButton, QToolButton {
  background: @raised; color: @text; border: 1px solid @line; border-radius: 6px; padding: 0 12px; min-height: 28px;
  font-weight: 500; outline: 0;
}
QToolButton { padding: 0 6px; }
QPushButton:hover, QToolButton:hover { border-color: @faint; }
QPushButton:pressed, QToolButton:pressed { background: @line; }
QPushButton:focus, QToolButton:focus { border: 2px solid @accent; padding: 0 11px; min-height: 26px; }
QToolButton:focus { padding: 0 5px; }
QPushButton:disabled, QToolButton:disabled { color: @faint; border-color: @line; background: transparent; }
QPushButton:checked, QToolButton:checked { border-color: @accent; }
QPushButton[role="primary"] { border-color: @accent; color: @accent_text; }
QPushButton[role="primary"]:hover { background: @line; }
QPushButton[role="primary"]:disabled { border-color: @line; color: @faint; }
QPushButton[role="danger"] { border-color: @reject; color: @reject; }
QPushButton[role="danger"]:disabled { border-color: @line; color: @faint; }
QPushButton[role="link"], QToolButton[role="link"] {
  background: transparent; border: 0; color: @info; padding: 0; min-height: 20px; text-align: left;
}
QPushButton[role="link"]:hover { text-decoration: underline; }
QPushButton[role="plain"], QToolButton[role="plain"] {
  background: transparent; border-color: transparent; color: @muted;
}
QPushButton[role="plain"]:hover, QToolButton[role="plain"]:hover { background: @raised; color: @text; }
QPushButton[role="plain"]:focus, QToolButton[role="plain"]:focus { border: 2px solid @accent; }
QToolButton::menu-indicator, QPushButton::menu-indicator {
  image: url("@icons/chevron-@name.svg"); width: 10px; height: 10px; subcontrol-position: right center; right: 6px;
}

QLineEdit, QPlainTextEdit, QTextEdit, QSpinBox, QDoubleSpinBox, QComboBox {
  background: @bg; color: @text; border: 1px solid @line; border-radius: 6px; padding: 0 8px; min-height: 28px;
  selection-background-color: @accent; selection-color: @on_accent;
}
QLineEdit:hover, QSpinBox:hover, QDoubleSpinBox:hover, QComboBox:hover { border-color: @faint; }
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus {
  border: 2px solid @accent; padding: 0 7px; min-height: 26px;
}
QLineEdit[role="finder"], QLineEdit[role="finder"]:focus {
  background: transparent; border: 0; border-bottom: 1px solid @line; border-radius: 0; padding: 0 18px; font-size: 15px;
  min-height: 40px;
}
QLineEdit:disabled, QSpinBox:disabled, QDoubleSpinBox:disabled, QComboBox:disabled { color: @faint; }
QPlainTextEdit, QTextEdit { padding: 6px 8px; }
QPlainTextEdit:focus, QTextEdit:focus { padding: 5px 7px; }
QComboBox::drop-down { border: 0; width: 22px; }
QComboBox::down-arrow { image: url("@icons/chevron-@name.svg"); width: 10px; height: 10px; }
QSpinBox::up-button, QDoubleSpinBox::up-button, QSpinBox::down-button, QDoubleSpinBox::down-button {
  border: 0; width: 18px; background: transparent;
}
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow { image: url("@icons/chevron-up-@name.svg"); width: 9px; height: 9px; }
QSpinBox::down-arrow, QDoubleSpinBox::down-arrow { image: url("@icons/chevron-@name.svg"); width: 9px; height: 9px; }
QComboBox QAbstractItemView, QMenu {
  background: @panel; color: @text; border: 1px solid @line; padding: 4px; outline: 0;
}
QComboBox QAbstractItemView::item { min-height: 26px; padding: 0 8px; border-radius: 4px; }
QComboBox QAbstractItemView::item:selected { background: @raised; color: @text; }
QMenu::item { padding: 6px 24px 6px 12px; border-radius: 4px; }
QMenu::item:selected { background: @raised; }
QMenu::item:disabled { color: @faint; }
QMenu::separator { height: 1px; background: @line; margin: 4px 8px; }

QCheckBox, QRadioButton { spacing: 8px; background: transparent; outline: 0; }
QCheckBox::indicator { width: 14px; height: 14px; border: 1px solid @faint; border-radius: 4px; background: @bg; }
QCheckBox::indicator:checked { background: @accent; border-color: @accent; image: url("@icons/check.svg"); }
QCheckBox::indicator:disabled { border-color: @line; background: @line; }
QCheckBox::indicator:focus, QRadioButton::indicator:focus { border: 2px solid @accent; width: 12px; height: 12px; }
QRadioButton::indicator { width: 12px; height: 12px; border: 1px solid @faint; border-radius: 7px; background: @bg; }
QRadioButton::indicator:checked { background: @accent; border: 1px solid @accent; }

QSlider { min-height: 20px; background: transparent; }
QSlider::groove:horizontal { height: 4px; border-radius: 2px; background: @line; }
QSlider::sub-page:horizontal { height: 4px; border-radius: 2px; background: @info; }
QSlider::handle:horizontal { width: 14px; height: 14px; margin: -5px 0; border-radius: 7px; background: @text; }
QSlider::handle:horizontal:focus { border: 2px solid @accent; width: 10px; height: 10px; }
QSlider::handle:horizontal:disabled { background: @faint; }
QSlider::sub-page:horizontal:disabled { background: @line; }

QProgressBar { background: @line; border: 0; border-radius: 3px; max-height: 6px; min-height: 6px; color: transparent; }
QProgressBar::chunk { background: @accent; border-radius: 3px; }

QAbstractItemView {
  background: @panel; border: 0; outline: 0; selection-background-color: @raised; selection-color: @text;
}
QTableView, QTreeView { gridline-color: @line; alternate-background-color: @panel; }
QTableView::item, QTreeView::item { padding: 0 10px; border: 0; border-bottom: 1px solid @line; }
QTableView::item:selected, QTreeView::item:selected { background: @raised; color: @text; }
QTableView:focus, QTreeView:focus, QListView:focus { border: 2px solid @accent; border-radius: 6px; }
QHeaderView { background: @panel; border: 0; }
QHeaderView::section {
  background: @panel; color: @muted; border: 0; border-bottom: 1px solid @line; padding: 0 10px; min-height: 30px;
  font-size: 11px; font-weight: 600;
}
QTableCornerButton::section { background: @panel; border: 0; }

QScrollArea { background: transparent; border: 0; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle:vertical { background: @line; border-radius: 3px; min-height: 32px; margin: 2px; }
QScrollBar::handle:horizontal { background: @line; border-radius: 3px; min-width: 32px; margin: 2px; }
QScrollBar::handle:hover { background: @faint; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }

QMainWindow::separator { background: transparent; width: 4px; height: 4px; }
QMainWindow::separator:hover { background: @accent; }
QSplitter::handle { background: @line; }
QSplitter::handle:horizontal { width: 1px; }
QSplitter::handle:vertical { height: 1px; }
QToolTip { background: @raised; color: @text; border: 1px solid @line; padding: 5px 8px; font-size: 12px; }
QStatusBar { background: @panel; border-top: 1px solid @line; }
QStatusBar::item { border: 0; }
"""

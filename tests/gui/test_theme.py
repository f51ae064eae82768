"""The tokens and the stylesheet: the colours of the design, readable on every surface, and no token left unfilled."""

import re

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QApplication

from annotator.views import theme
from annotator.views.theme import DARK, LIGHT, Tokens


@pytest.mark.parametrize("tokens", [DARK, LIGHT], ids=lambda one: one.name)
def test_everything_to_be_read_has_a_contrast_of_four_and_a_half(tokens: Tokens) -> None:
    for foreground in ("text", "muted", "accent_text", "accept", "reject", "unsure", "info"):
        for background in ("bg", "panel", "raised"):
            value = theme.contrast(getattr(tokens, foreground), getattr(tokens, background))
            assert value >= 4.5, (foreground, background, round(value, 2))
    assert theme.contrast(tokens.on_accent, tokens.accent) >= 4.5


def test_contrast_agrees_with_its_definition_on_black_and_white() -> None:
    assert theme.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert theme.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("tokens", [DARK, LIGHT], ids=lambda one: one.name)
def test_the_stage_is_darker_than_the_window(tokens: Tokens) -> None:
    assert tokens.color("stage").lightness() < tokens.color("bg").lightness()


@pytest.mark.parametrize("tokens", [DARK, LIGHT], ids=lambda one: one.name)
def test_the_stylesheet_leaves_no_token_and_names_only_icons_that_exist(tokens: Tokens) -> None:
    sheet = theme.stylesheet(tokens)
    assert "@" not in sheet
    icons = re.findall(r'url\("(.+?)"\)', sheet)
    assert icons and all(theme.Path(icon).is_file() for icon in icons)


def test_a_theme_can_be_changed_while_the_app_runs(qapp: QApplication) -> None:
    assert theme.apply_theme(qapp, "light") is LIGHT
    assert theme.current() is LIGHT
    assert theme.apply_theme(qapp, "dark") is DARK
    assert qapp.palette().window().color().name() == DARK.bg


def test_the_theme_follows_the_system_while_it_is_asked_to(qapp: QApplication) -> None:
    changed = qapp.styleHints().colorSchemeChanged
    theme.apply_theme(qapp, "system")
    changed.emit(Qt.ColorScheme.Light)
    assert theme.current() is LIGHT and qapp.palette().window().color().name() == LIGHT.bg
    changed.emit(Qt.ColorScheme.Dark)
    assert theme.current() is DARK
    theme.apply_theme(qapp, "dark")
    changed.emit(Qt.ColorScheme.Light)
    assert theme.current() is DARK  # who has chosen is not overruled


def test_figures_have_one_width(qapp: QApplication) -> None:
    theme.apply_theme(qapp, "dark")
    made = theme.font(20, QFont.Weight.DemiBold)
    assert made.pixelSize() == 20
    assert made.featureValue(QFont.Tag("tnum")) == 1

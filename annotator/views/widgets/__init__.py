"""Widgets that every workspace shares: they are given data through setters, emit intentions and know no database."""

"""Generates cooking videos with their truth: cluttered drawn kitchens, a synthetic voice, a simulated food detector.

Run as ``python -m davenet.corpora.kitchen --out DIR --count N --seed S``. Needs resvg-py and the programs flite and
espeak-ng; the rest of the project never does. The truth beside each video is for tests and measurements only.
"""

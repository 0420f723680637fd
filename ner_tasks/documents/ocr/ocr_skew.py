"""Measure the skew of a scanned page by its projection profile.

Tesseract corrects a skew of up to about 4 degrees. Above, it drops words silently: at 6 degrees half of a page, at 8
degrees all of it.

Source: W. Postl, "Detection of linear oblique structures and skew scan in digitized documents", ICPR 1986.
"""

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

_MOST, _STEP, _FINE_STEP = 20.0, 0.5, 0.1  # degrees
_COARSE_DPI = 100
_INK = 64  # shades darker or lighter than the paper
_MAX_POINTS = 100_000
_FEW_POINTS = 200
# Pages that are straight, or have no lines, gain less sharpness than this by rotation.
_GAIN = 1.1

Points: TypeAlias = "np.ndarray[tuple[int, ...], np.dtype[np.float32]]"


def find_skew(grey: "Image.Image", dpi: float) -> float:
    """Return the counterclockwise rotation in degrees that makes the lines of a page level; 0 if undetermined.

    Args:
        grey: the page, of mode L; its lines may be horizontal or vertical.
        dpi: resolution in pixels per inch.
    """
    coarse = np.asarray(grey.reduce(max(round(dpi / _COARSE_DPI), 1)), np.int16)
    down, across = np.nonzero(np.abs(coarse - int(np.median(coarse))) >= _INK)
    if len(down) < _FEW_POINTS:
        return 0.0
    every = -(-len(down) // _MAX_POINTS)
    points: tuple[Points, Points] = across[::every].astype(np.float32), down[::every].astype(np.float32)
    # The same rotation makes horizontal lines level and vertical ones upright.
    ways = (points, (-points[1], points[0]))
    scanned = [(way, *_find_sharpest(*way, 0.0, _MOST, _STEP)) for way in ways]
    (along, off), coarse_angle, sharpness = max(scanned, key=lambda candidate: candidate[2])
    if sharpness < _GAIN * _sharpness(along, off, 0.0):
        return 0.0
    return _find_sharpest(along, off, coarse_angle, _STEP, _FINE_STEP)[0]


def _find_sharpest(along: Points, off: Points, around: float, most: float, step: float) -> tuple[float, float]:
    """Return the angle with the sharpest profile, and its sharpness."""
    n_steps = round(most / step)
    angles = [around + step * index for index in range(-n_steps, n_steps + 1)]
    return max(((angle, _sharpness(along, off, angle)) for angle in angles), key=lambda candidate: candidate[1])


def _sharpness(along: Points, off: Points, angle: float) -> float:
    """Return how much the ink of neighbouring rows differs when the page is rotated by an angle."""
    turn = math.radians(angle)
    rows = off * math.cos(turn) - along * math.sin(turn)
    profile = np.bincount((rows - rows.min()).astype(np.int32))
    return float((np.diff(profile.astype(np.float64)) ** 2).sum())

"""Domains: what each does to pixels and masks, against plain versions of the same."""

from __future__ import annotations

import math

import numpy as np
import pytest
from cadbench.benchmark.data.domains import KINDS, Domain, parse_domains
from cadbench.benchmark.data.images.preprocessing import Preprocessing
from cadbench.results.errors import UsageError
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

EVERY = [Domain(kind, strength) for kind in KINDS for strength in (1, 2, 3)]
MOVING = [domain for domain in EVERY if domain.moves_pixels]
STILL = [domain for domain in EVERY if not domain.moves_pixels]


def drawn(height: int = 64, width: int = 80, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    smooth = gaussian_filter(rng.normal(128, 400, (height, width, 3)), (3, 3, 0))
    return np.clip(smooth, 0, 255).astype(np.uint8)


def square(side: int = 64) -> np.ndarray:
    """Labels (side, side): one square below the center."""
    labels = np.zeros((side, side), np.int32)
    labels[36:48, 20:36] = 7
    return labels


@given(st.sampled_from(EVERY), st.integers(1, 40), st.integers(1, 40))
def test_a_domain_is_a_pure_function_that_keeps_shape_and_type(domain, height, width):
    pixels = np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)
    before = pixels.copy()
    changed = domain.apply(pixels, "aa")
    assert (changed.shape, changed.dtype) == (pixels.shape, np.uint8)
    np.testing.assert_array_equal(pixels, before)
    np.testing.assert_array_equal(changed, domain.apply(pixels.copy(), "aa"))
    labels = pixels[:, :, 0].astype(np.int32)
    moved = domain.apply_to_labels(labels)
    assert (moved.shape, moved.dtype) == (labels.shape, np.int32)
    assert set(np.unique(moved)) <= set(np.unique(labels))


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_changes_images_more_with_its_strength(kind):
    fine = np.random.default_rng(0).normal(0, 4, (256, 256))
    ramp = np.arange(256) * 0.6 + np.arange(256)[:, None] * 0.2 + 20
    pixels = np.repeat((ramp + fine)[:, :, None], 3, axis=2).astype(np.uint8)
    amounts = [
        np.abs(Domain(kind, strength).apply(pixels, "aa").astype(int) - pixels).mean()
        for strength in (1, 2, 3)
    ]
    assert 0 < amounts[0] < amounts[1] < amounts[2]


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("dark:2", lambda p: p * 0.65),
        ("bright:3", lambda p: np.minimum(p * 1.35, 255)),
        ("warm:1", lambda p: np.minimum(p * [1.03, 1, 0.97], 255)),
        ("shade:3", lambda p: p * (1 - 0.5 * (np.arange(80) + 0.5) / 80)[:, None]),
    ],
)
def test_light_is_a_product_rounded_and_cut(name, plain):
    (domain,) = parse_domains([name])
    pixels = drawn()
    wanted = np.rint(plain(pixels.astype(float))).astype(np.uint8)
    np.testing.assert_array_equal(domain.apply(pixels, "aa"), wanted)


@pytest.mark.parametrize(("side", "sigma"), [(256, 1.5), (128, 0.75)])
def test_blur_is_gaussian_with_a_sigma_for_a_shorter_side_of_256(side, sigma):
    dot = np.zeros((side, side + 9, 3), np.uint8)
    dot[40, 50] = 255
    blurred = Domain("blur", 3).apply(dot, "aa")
    x, y = np.meshgrid(np.arange(side + 9) - 50, np.arange(side) - 40)
    bell = np.exp(-(x**2 + y**2) / (2 * sigma**2))
    assert np.abs(blurred - (255 * bell / bell.sum())[:, :, None]).max() <= 1


def test_noise_has_its_sigma_and_depends_on_the_images_content():
    gray = np.full((200, 200, 3), 128, np.uint8)
    one, other = (Domain("noise", 2).apply(gray, content) for content in ("aa", "bb"))
    assert math.isclose(float(one.std()), 6.0, abs_tol=0.1)
    assert abs(float(one.mean()) - 128) < 0.1
    assert (one != other).mean() > 0.8


@pytest.mark.parametrize("domain", STILL, ids=lambda domain: domain.name)
def test_light_blur_and_noise_leave_masks_where_they_are(domain):
    labels = square()
    np.testing.assert_array_equal(domain.apply_to_labels(labels), labels)


def test_a_shift_moves_right_and_down_by_a_share_of_the_shorter_side():
    pixels, labels = drawn(50, 75), np.arange(50 * 75, dtype=np.int32).reshape(50, 75)
    shift = Domain("shift", 2)  # 0.04 of 50: 2 pixels
    np.testing.assert_array_equal(shift.apply(pixels, "aa")[2:, 2:], pixels[:-2, :-2])
    moved = shift.apply_to_labels(labels)
    np.testing.assert_array_equal(moved[2:, 2:], labels[:-2, :-2])
    np.testing.assert_array_equal(moved[:2, 2:], labels[1::-1, :-2])  # mirrored at the border


@pytest.mark.parametrize("domain", MOVING, ids=lambda domain: domain.name)
def test_what_is_moved_is_interpolated_from_where_it_was(domain):
    """Against bilinear sampling written out for some pixels well inside."""
    pixels = drawn(90, 70)
    changed = domain.apply(pixels, "aa")
    center_x, center_y = 35.0, 45.0
    for x, y in np.random.default_rng(1).integers(20, 50, (40, 2)):
        dx, dy = x + 0.5 - center_x, y + 0.5 - center_y
        if domain.kind == "rotate":
            angle = math.radians(domain.value)
            # Where it was: turned back, clockwise on a screen whose y goes down.
            dx, dy = (
                dx * math.cos(angle) - dy * math.sin(angle),
                dx * math.sin(angle) + dy * math.cos(angle),
            )
        elif domain.kind == "scale":
            dx, dy = dx / domain.value, dy / domain.value
        else:
            dx, dy = dx - domain.value * 70, dy - domain.value * 70
        u, v = dx + center_x - 0.5, dy + center_y - 0.5
        left, top = math.floor(u), math.floor(v)
        a, b = u - left, v - top
        around = pixels[top : top + 2, left : left + 2].astype(float)
        wanted = (around[0, 0] * (1 - a) + around[0, 1] * a) * (1 - b)
        wanted += (around[1, 0] * (1 - a) + around[1, 1] * a) * b
        assert np.abs(changed[y, x] - wanted).max() < 1.01  # Pillow cuts, and does not round


@pytest.mark.parametrize("domain", MOVING, ids=lambda domain: domain.name)
def test_masks_move_with_their_images(domain):
    labels = square()
    picture = np.repeat((labels[:, :, None] > 0) * np.uint8(255), 3, axis=2)
    image = domain.apply(picture, "aa")[:, :, 0] > 127
    mask = domain.apply_to_labels(labels) > 0
    assert (mask != (labels > 0)).any()
    # Sampling by the nearest pixel and at half the brightness differ along the outline only.
    assert (image != mask).sum() <= 0.1 * mask.sum()


@pytest.mark.parametrize("domain", MOVING, ids=lambda domain: domain.name)
def test_the_usual_crop_of_a_square_image_shows_no_mirrored_border(domain):
    framed = np.ones((256, 256), np.int32)
    framed[1:-1, 1:-1] = 2
    shown = Preprocessing(256, 224).apply_labels(framed, domain.apply_to_labels)
    # The farthest shift ends on the frame itself.
    assert (shown[1:, 1:] == 2).all()
    assert (shown == 2).all() or domain == Domain("shift", 3)


def test_domains_are_read_from_their_names():
    assert parse_domains(["dark:2", "rotate:1"]) == (Domain("dark", 2), Domain("rotate", 1))
    assert parse_domains([]) == ()
    assert Domain("dark", 2).as_dict() == {"name": "dark:2", "factor": 0.65, "version": 1}


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["drak:2"], r"unknown domain 'drak:2' \(did you mean dark\?\); there are: dark, bright"),
        (["dark"], "'dark' is not a domain; give dark a strength from 1 to 3, as in dark:2"),
        (["dark:4"], "strength from 1 to 3"),
        (["dark:0"], "strength from 1 to 3"),
        (["dark:1.5"], "strength from 1 to 3"),
        (["dark:1", "blur:1", "dark:1"], "dark:1 is given twice"),
    ],
)
def test_what_is_no_domain_is_wrong_usage(texts, said):
    with pytest.raises(UsageError, match=said):
        parse_domains(texts)

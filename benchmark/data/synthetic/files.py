"""The files of the synthetic dataset: their list with checksums, and rendering on first access.

After a change of `VERSION`, `python -m cadbench.benchmark.data.synthetic.files` writes the
checksums again.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ....results.errors import CadbenchError
from ....results.storage.files import whole_file
from . import VERSION
from .render import GOOD, ImageSpec, image_specs, render

if TYPE_CHECKING:
    from .random_stream import Array

_CHECKSUMS = Path(__file__).with_name("checksums.txt")


@dataclass(frozen=True)
class GeneratedRoot:
    """The folder of the dataset: `root / path` is a file in it, rendered if it is missing.

    Processes that need the same file at once render it twice, and write the same bytes.
    """

    folder: Path

    def __truediv__(self, path: str, /) -> Path:
        file = self.folder / path
        if not file.exists():
            _generate(self.folder, path)
        return file

    def __str__(self) -> str:
        return str(self.folder)


@functools.cache
def checksums() -> Mapping[str, str]:
    """The content hash of every image and mask by its path, images before their masks."""
    hashes = _CHECKSUMS.read_text("ascii").split()
    return dict(zip(_specs(), hashes, strict=True))


def image_path(spec: ImageSpec) -> str:
    """The path of an image below the dataset's folder."""
    return f"{spec.category}/{spec.split}/{spec.kind}/{spec.index:03d}.png"


def mask_path(spec: ImageSpec) -> str:
    """The path of the mask of a defective image."""
    return f"{spec.category}/ground_truth/{spec.kind}/{spec.index:03d}_mask.png"


@functools.cache
def _specs() -> Mapping[str, ImageSpec]:
    """The image that each file belongs to, by path."""
    found = {}
    for spec in image_specs():
        found[image_path(spec)] = spec
        if spec.kind != GOOD:
            found[mask_path(spec)] = spec
    return found


def _generate(folder: Path, path: str) -> None:
    """Render the image that a file belongs to; write it and its mask."""
    if path not in _specs():
        return  # opening the file says that it does not exist
    spec = _specs()[path]
    for name, pixels in _contents(spec).items():
        if _content_hash(name, pixels) != checksums()[name]:
            raise CadbenchError(
                f"{name} of the synthetic dataset has other pixels on this machine than version "
                f"{VERSION} defines, so results would not be comparable; report the machine and "
                "the version of NumPy"
            )
        _save(pixels, folder / name)


def _contents(spec: ImageSpec) -> dict[str, Array]:
    """The pixels of an image, and of its mask if it is defective, by path."""
    pixels, mask = render(spec)
    contents = {image_path(spec): pixels}
    if spec.kind != GOOD:
        contents[mask_path(spec)] = mask
    return contents


def _content_hash(path: str, pixels: Array) -> str:
    from ..images.decoding import content_hash

    return content_hash(pixels)


def _save(pixels: Array, file: Path) -> None:
    from PIL import Image

    image = Image.fromarray(pixels if pixels.dtype == "uint8" else pixels.astype("uint8") * 255)
    with whole_file(file) as partial, open(partial, "wb") as handle:
        # Noisy rows hardly repeat: other settings take longer and make the files no smaller.
        image.save(handle, "PNG", compress_level=1, compress_type=zlib.Z_RLE)


def main() -> None:
    """Write the checksums of all files."""
    hashes: dict[str, str] = {}
    for spec in image_specs():
        hashes |= {path: _content_hash(path, each) for path, each in _contents(spec).items()}
    _CHECKSUMS.write_text("".join(f"{hashes[path]}\n" for path in _specs()), "ascii")


if __name__ == "__main__":
    main()

"""Draws icon.png: two pinned bars of code, and between them noise that comes into focus."""

import struct
import zlib
from pathlib import Path

SIZE = 256
DARK, PINNED, FOCUS = (24, 28, 44), (120, 200, 255), (255, 196, 92)
# x, y, width, height on a grid of 32, colour, opacity
BARS = [
    *((4, 7, 8, 3, PINNED, 1.0), (20, 7, 8, 3, PINNED, 1.0)),
    *((4, 22, 8, 3, PINNED, 1.0), (20, 22, 8, 3, PINNED, 1.0)),
    (4, 14, 5, 4, PINNED, 1.0),
    *((10, 14, 4, 4, FOCUS, 1.0), (15, 14, 3, 4, FOCUS, 0.7), (19, 14, 3, 4, FOCUS, 0.35)),
    (23, 14, 5, 4, PINNED, 1.0),
]


def colour(x: float, y: float) -> tuple[int, ...]:
    """The colour and opacity at a point of the grid."""
    corner = max(0, abs(x - 16) - 11) ** 2 + max(0, abs(y - 16) - 11) ** 2
    if corner > 25:
        return (0, 0, 0, 0)
    for left, top, width, height, (red, green, blue), opacity in BARS:
        if left <= x < left + width and top <= y < top + height:
            mixed = (round(opacity * a + (1 - opacity) * b) for a, b in zip((red, green, blue), DARK, strict=True))
            return (*mixed, 255)
    return (*DARK, 255)


def chunk(kind: bytes, data: bytes) -> bytes:
    """A part of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def main() -> None:
    """Writes the picture beside this file."""
    rows = b"".join(
        b"\0" + bytes(part for x in range(SIZE) for part in colour((x + 0.5) * 32 / SIZE, (y + 0.5) * 32 / SIZE))
        for y in range(SIZE)
    )
    header = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 6, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    (Path(__file__).parent / "icon.png").write_bytes(png)


if __name__ == "__main__":
    main()

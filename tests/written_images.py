"""Image files written byte by byte, for the tests."""

import struct
import zlib


def png(width, height, *, depth, color, rows=b""):
    """A PNG file written by hand (ISO/IEC 15948): signature, IHDR, IDAT, IEND."""

    def chunk(kind, content):
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)

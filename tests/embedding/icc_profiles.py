"""Colour profiles made by hand, each far from what its name would suggest, so that a test sees
whether it was applied. Format: ICC.1:2004-10 (www.color.org/icc1v42.pdf), version 2 profiles."""

import struct

import numpy as np

LAB_OF_INKS = {  # what full ink looks like, L* a* b*: cyan and yellow are exchanged
    "paper": (100, 0, 0),
    "c": (90, -5, 90),
    "m": (50, 75, 0),
    "y": (60, -35, -50),
    "black": (0, 0, 0),
}


def exchanged_rgb_profile() -> bytes:
    """An RGB profile in which the first channel is blue and the third is red."""
    red, green, blue = (
        (0.4360747, 0.2225045, 0.0139322),
        (0.3850649, 0.7168786, 0.0971045),
        (0.1430804, 0.0606169, 0.7141733),
    )  # sRGB's primaries, adapted to D50
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, int(2.2 * 256)) + bytes(2)
    return _profile(
        b"RGB ",
        b"XYZ ",
        {
            b"rXYZ": _xyz(*blue),
            b"gXYZ": _xyz(*green),
            b"bXYZ": _xyz(*red),
            b"rTRC": curve,
            b"gTRC": curve,
            b"bTRC": curve,
        },
    )


def exchanged_cmyk_profile() -> bytes:
    """A CMYK profile in which the cyan ink is yellow and the yellow ink is blue."""
    table = []
    for corner in np.ndindex(2, 2, 2, 2):
        inks = [name for name, amount in zip("cmyk", corner, strict=True) if amount]
        if "k" in inks:
            lab = LAB_OF_INKS["black"]
        elif not inks:
            lab = LAB_OF_INKS["paper"]
        else:
            lab = np.mean([LAB_OF_INKS[ink] for ink in inks], axis=0)
        table += [round(lab[0] * 2.55), round(lab[1] + 128), round(lab[2] + 128)]
    identity = struct.pack(">9i", *(65536 * v for v in (1, 0, 0, 0, 1, 0, 0, 0, 1)))
    ramp = bytes(range(256))
    lut = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + identity + 4 * ramp + bytes(table) + 3 * ramp
    return _profile(b"CMYK", b"Lab ", {b"A2B0": lut})


def dark_grey_profile() -> bytes:
    """A grey profile with gamma 4: its middle grey is nearly black."""
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, 4 * 256) + bytes(2)
    return _profile(b"GRAY", b"XYZ ", {b"kTRC": curve})


def _xyz(x: float, y: float, z: float) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(v * 65536) for v in (x, y, z)))


def _profile(color_space: bytes, connection_space: bytes, tags: dict[bytes, bytes]) -> bytes:
    text = b"made for a test\0"
    description = b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(78)
    tags = {
        b"desc": description,
        b"cprt": b"text" + bytes(4) + text,
        b"wtpt": _xyz(0.9642, 1.0, 0.8249),
        **tags,
    }
    directory, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for signature, content in tags.items():
        directory += signature + struct.pack(">II", start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    kind = b"prtr" if color_space == b"CMYK" else b"mntr"
    header = struct.pack(">I4sI4s4s4s", start + len(body), b"test", 0x02400000, kind, color_space,
                         connection_space)  # fmt: skip
    header += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + bytes(28)
    header += struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + directory + body

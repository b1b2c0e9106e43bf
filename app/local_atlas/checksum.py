"""CRC-32C, the checksum that OP_MSG may end with (the standard library has only CRC-32)."""

_POLYNOMIAL = 0x82F63B78  # Castagnoli, bits reversed (RFC 3720, B.4)


def crc32c(data: bytes) -> int:
    """Return the CRC-32C of some bytes; that of `123456789` is 0xe3069283."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _table_entry(value: int) -> int:
    for _ in range(8):
        value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)
    return value


_TABLE = tuple(_table_entry(value) for value in range(256))

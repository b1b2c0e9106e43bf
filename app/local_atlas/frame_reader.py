"""Reads the parts of one wire protocol frame; every length is the peer's claim, and checked."""

import struct

from .errors import ProtocolError

_UINT32 = struct.Struct("<I")
_INT32 = struct.Struct("<i")
_MIN_DOCUMENT_SIZE_BYTES = 5  # its length and the zero byte that ends it


class FrameReader:
    """A cursor over `frame[offset:end]`.

    Raises:
        ProtocolError: from every method, where a part would reach past the end.
    """

    __slots__ = ("_frame", "end", "offset")

    def __init__(self, frame: bytes, offset: int, end: int) -> None:
        self._frame = frame
        self.offset = offset
        self.end = end

    def byte(self) -> int:
        """Read one byte."""
        return self._frame[self._advance(1)]

    def unsigned(self) -> int:
        """Read a uint32."""
        value: int = _UINT32.unpack_from(self._frame, self._advance(_UINT32.size))[0]
        return value

    def signed(self) -> int:
        """Read an int32."""
        value: int = _INT32.unpack_from(self._frame, self._advance(_INT32.size))[0]
        return value

    def cstring(self) -> str:
        """Read UTF-8 up to the next zero byte."""
        stop = self._frame.find(b"\0", self.offset, self.end)
        if stop < 0:
            raise ProtocolError("A name in the message has no end.")
        start, self.offset = self.offset, stop + 1
        try:
            return self._frame[start:stop].decode()
        except UnicodeDecodeError as error:
            raise ProtocolError("A name in the message is not UTF-8.") from error

    def document(self) -> bytes:
        """Read one raw BSON document; only its length and its last byte are checked."""
        start, length = self.offset, self.signed()
        if length < _MIN_DOCUMENT_SIZE_BYTES or start + length > self.end:
            raise ProtocolError(f"A BSON document of {length} bytes does not fit the message.")
        self.offset = start + length
        document = self._frame[start : self.offset]
        if document[-1] != 0:
            raise ProtocolError(f"A BSON document of {length} bytes does not end where it says.")
        return document

    def section(self) -> "FrameReader":
        """Return a reader of the sized section that starts here, and go past it."""
        start, length = self.offset, self.signed()
        if length < _INT32.size or start + length > self.end:
            raise ProtocolError(f"A section of {length} bytes does not fit the message.")
        self.offset = start + length
        return FrameReader(self._frame, start + _INT32.size, self.offset)

    def expect_end(self) -> None:
        """Refuse what is left over."""
        if self.offset != self.end:
            raise ProtocolError(f"The message has {self.end - self.offset} bytes too many.")

    def _advance(self, length: int) -> int:
        start = self.offset
        if start + length > self.end:
            raise ProtocolError("The message ends before it is complete.")
        self.offset = start + length
        return start

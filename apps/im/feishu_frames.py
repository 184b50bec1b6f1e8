"""Frames of Feishu's long connection: a protobuf message of nine fields, read and written here.

Source: `pbbp2.proto` in lark-oapi 1.7.5 (`ws/pb`). Method 0 is control (ping, pong), 1 is data; a
large event comes in `sum` parts numbered by `seq`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

CONTROL, DATA = 0, 1
MAX_PARTS = 64
#: Events of which parts are still missing; the oldest is dropped for a newer one.
MAX_OPEN = 32
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_SEQ, _LOG, _SERVICE, _METHOD, _HEADERS, _ENCODING, _TYPE, _PAYLOAD, _LOG_NEW = range(1, 10)


class BadFrame(ValueError):
    """The bytes are no frame."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame; `headers` keep their order."""

    method: int
    service: int = 0
    seq_id: int = 0
    log_id: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    payload: bytes = b""
    encoding: str = ""
    kind: str = ""
    log_id_new: str = ""

    def header(self, name: str) -> str:
        """The first header of that name, "" when there is none."""
        return next((value for key, value in self.headers if key == name), "")

    def answer(self, payload: bytes, *more: tuple[str, str]) -> Frame:
        """The same frame with another payload, as it is acknowledged."""
        return replace(self, payload=payload, headers=(*self.headers, *more))


def ping(service: int) -> Frame:
    """The frame by which a client says that it lives."""
    return Frame(CONTROL, service, headers=(("type", "ping"),))


def encode(frame: Frame) -> bytes:
    """The frame as bytes."""
    parts = [_number(_SEQ, frame.seq_id), _number(_LOG, frame.log_id)]
    parts += [_number(_SERVICE, frame.service), _number(_METHOD, frame.method)]
    for name, value in frame.headers:
        parts.append(_bytes(_HEADERS, _bytes(1, name.encode()) + _bytes(2, value.encode())))
    for number, text in ((_ENCODING, frame.encoding), (_TYPE, frame.kind)):
        parts += [_bytes(number, text.encode())] if text else []
    parts += [_bytes(_PAYLOAD, frame.payload)] if frame.payload else []
    parts += [_bytes(_LOG_NEW, frame.log_id_new.encode())] if frame.log_id_new else []
    return b"".join(parts)


def decode(data: bytes) -> Frame:
    """The frame in these bytes; fields that we do not know are passed over. Raises `BadFrame`."""
    numbers: dict[int, int] = {}
    texts: dict[int, bytes] = {}
    headers: list[tuple[str, str]] = []
    for number, value in _fields(data):
        if isinstance(value, int):
            numbers[number] = value
        elif number == _HEADERS:
            pair = {n: v for n, v in _fields(value) if isinstance(v, bytes)}
            headers.append((_text(pair.get(1, b"")), _text(pair.get(2, b""))))
        else:
            texts[number] = value
    if _METHOD not in numbers:
        raise BadFrame("a frame without method")
    return Frame(
        method=numbers[_METHOD],
        service=numbers.get(_SERVICE, 0),
        seq_id=numbers.get(_SEQ, 0),
        log_id=numbers.get(_LOG, 0),
        headers=tuple(headers),
        payload=texts.get(_PAYLOAD, b""),
        encoding=_text(texts.get(_ENCODING, b"")),
        kind=_text(texts.get(_TYPE, b"")),
        log_id_new=_text(texts.get(_LOG_NEW, b"")),
    )


@dataclass
class Parts:
    """Puts events together that came in several frames."""

    _open: dict[str, dict[int, bytes]] = field(default_factory=dict)

    def whole(self, frame: Frame) -> bytes | None:
        """The event's payload once its last part is here, else None. Raises `BadFrame`."""
        count, place = _count(frame.header("sum") or "1"), _count(frame.header("seq") or "0")
        if count <= 1:
            return frame.payload
        if count > MAX_PARTS or place >= count:
            raise BadFrame("parts that cannot be")
        name = frame.header("message_id")
        parts = self._open.setdefault(name, {})
        parts[place] = frame.payload
        if len(parts) == count:
            del self._open[name]
            return b"".join(parts[number] for number in range(count))
        while len(self._open) > MAX_OPEN:
            del self._open[next(iter(self._open))]
        return None


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise BadFrame("a count that is no number")
    return int(text)


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise BadFrame("no UTF-8") from error


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        length, at = _varint(data, at) if wire == _BYTES else (_fixed(wire), at)
        if at + length > len(data):
            raise BadFrame("cut off")
        if wire == _BYTES:
            yield number, data[at : at + length]
        at += length


def _fixed(wire: int) -> int:
    lengths = {_FIXED64: 8, _FIXED32: 4}
    if wire not in lengths:
        raise BadFrame("a field of an unknown kind")
    return lengths[wire]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise BadFrame("a number without end")


def _bytes(number: int, data: bytes) -> bytes:
    return _raw(number << 3 | _BYTES) + _raw(len(data)) + data


def _number(number: int, value: int) -> bytes:
    return _raw(number << 3 | _VARINT) + _raw(value)


def _raw(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)

"""Which encoding a text file is in: UTF-8 (with or without BOM) or GB18030; all else is refused.

Detection never guesses between look-alikes. Text that is not UTF-8 is taken for GB18030 only if
its two-byte characters are distributed as in Chinese text; what fails is refused by its
probable name, because a wrong guess would turn every name into another name.
"""

from __future__ import annotations

import codecs
import gzip
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, cast

from person.errors import EncodingNotRecognisedError, InputError

__all__ = ["detect_encoding", "find_undecodable_line", "is_gzip", "open_bytes", "read_sample"]

SAMPLE_BYTES: Final = 1 << 20
CHUNK_BYTES: Final = 1 << 22
WINDOW_BYTES: Final = 1 << 17

_HIGH_BYTE: Final = re.compile(rb"[\x80-\xff]")

_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (b"\x84\x31\x95\x33", "gb18030"),
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)

# Frequent in any table of Chinese residents: surnames, address words, column names. Korean and
# Japanese EUC text has the same byte ranges as Chinese, but its bytes rarely spell these.
_FREQUENT_HAN: Final = frozenset(
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余"
    "潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段钱汤尹黎易常武乔贺赖龚文"
    "省市区县乡镇村路街号室栋楼单元组州海南北东西中山姓名性别男女出生日期身份证号码电话地址民族汉族国小大"
    "明国华文建志伟芳秀英娜敏静丽强磊军洋勇艳杰娟涛超霞平刚桂兰玉红梅春晓雪婷宇浩欣怡子梓涵"
)


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file for reading bytes, unpacking gzip by its magic number."""
    if is_gzip(path):
        return cast(IO[bytes], gzip.open(path, "rb"))
    return path.open("rb")


def is_gzip(path: Path) -> bool:
    """Tell by its magic number whether a file is packed, whatever its name says."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _chunks(path: Path) -> Iterator[bytes]:
    with open_bytes(path) as file:
        try:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
        except (EOFError, OSError, gzip.BadGzipFile) as error:
            raise InputError(
                f"{path}: the gzip data is damaged or cut short; fetch the file again",
                path=str(path),
            ) from error


def read_sample(path: Path) -> bytes:
    """Return the first MiB of the (unpacked) file."""
    for chunk in _chunks(path):
        return chunk[:SAMPLE_BYTES]
    return b""


def detect_encoding(path: Path) -> str:
    """Name the encoding of a text file: 'utf-8', 'utf-8-sig' or 'gb18030'.

    Parameters
    ----------
    path : text file, plain or gzip

    Raises
    ------
    EncodingNotRecognisedError : any other encoding, named where it can be told

    Notes
    -----
    Reads up to the first byte above 127 and judges what follows it, so a file of plain ASCII
    is read once; a byte that does not fit further on is found when the rows are read.
    """
    head = read_sample(path)
    for mark, name in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            if name in ("UTF-16", "UTF-32"):
                raise _refused(path, f"{name} text")
            if name == "utf-8-sig":
                _refuse_false_mark(path, head[len(mark) :])
            return name
    _refuse_binary(path, head)
    window = _first_window_beyond_ascii(path)
    return _judge(path, window) if window else "utf-8"


def _first_window_beyond_ascii(path: Path) -> bytes:
    """Return what follows the first byte above 127; a character always starts there."""
    for chunk in _chunks(path):
        if found := _HIGH_BYTE.search(chunk):
            return chunk[found.start() : found.start() + WINDOW_BYTES]
    return b""


def _refuse_binary(path: Path, head: bytes) -> None:
    """UTF-16 without a mark is every other byte zero; a wild mix of control bytes is no text."""
    if not head:
        return
    even_nul, odd_nul = head[0::2].count(0), head[1::2].count(0)
    if max(even_nul, odd_nul) > 0.3 * (len(head) / 2):
        if head.count(0) > 0.6 * len(head):
            raise _refused(path, "binary data or UTF-32 text")
        raise _refused(path, "UTF-16 text without a byte order mark")
    control = sum(head.count(byte) for byte in range(1, 32) if byte not in (9, 10, 12, 13, 26, 27))
    if control > 0.02 * len(head):
        raise _refused(path, "binary data")


def _refuse_false_mark(path: Path, head: bytes) -> None:
    """A UTF-8 mark before text in another encoding: reading on would garble every name."""
    found = _HIGH_BYTE.search(head)
    if found is None:
        return
    encoding = _judge(path, head[found.start() : found.start() + WINDOW_BYTES])
    if encoding != "utf-8":
        raise EncodingNotRecognisedError(
            f"{path}: begins with the byte order mark of UTF-8, but the text is "
            f"{encoding.upper()}; remove the first three bytes, or convert the file to UTF-8",
            path=str(path),
        )


def _judge(path: Path, window: bytes) -> str:
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(window)
    unfit = text.count("\ufffd")
    wide = [character for character in text if character > "\x7f"]
    han = sum(1 for character in wide if "\u4e00" <= character <= "\u9fff")
    # A UTF-8 file with a few broken bytes stays UTF-8: the reader will name the line.
    if unfit == 0 or han > unfit or len(wide) - unfit > 3 * unfit:
        return "utf-8"
    if _looks_like_gb18030(window):
        return "gb18030"
    raise _refused(path, _probable_name(window))


def _looks_like_gb18030(sample: bytes) -> bool:
    text = codecs.getincrementaldecoder("gb18030")("replace").decode(sample)
    wide = [character for character in text if character > "\x7f"]
    if not wide or wide.count("\ufffd") > 0.02 * len(wide):
        return False
    common = sum(1 for character in wide if _is_level_one(character))
    han = sum(1 for character in wide if "\u4e00" <= character <= "\u9fff")
    frequent = sum(1 for character in wide if character in _FREQUENT_HAN)
    enough = han < 100 or frequent >= 0.1 * han
    return common >= 0.6 * len(wide) and enough


def _is_level_one(character: str) -> bool:
    """Tell whether GB 2312 has this character in its first level or as punctuation."""
    try:
        code = character.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return 0xB0 <= code[0] <= 0xD7 or code[0] in (0xA1, 0xA3)


def _probable_name(sample: bytes) -> str:
    high = [byte for byte in sample if byte > 127]
    if len(high) < 0.35 * len(sample):
        pairs = sum(1 for a, b in itertools.pairwise(sample) if a > 127 and b > 127)
        if pairs < 0.2 * len(high):
            return "an 8-bit Western encoding (ISO-8859-1 or Windows-1252)"
    scores = {
        name: _plausibility(sample, codec)
        for name, codec in (("Big5", "big5"), ("Shift-JIS", "shift_jis"), ("EUC-KR", "euc_kr"))
    }
    best = max(scores, key=lambda name: scores[name])
    return f"another encoding (perhaps {best})" if scores[best] > 0.9 else "another encoding"


def _plausibility(sample: bytes, codec: str) -> float:
    text = codecs.getincrementaldecoder(codec)("replace").decode(sample)
    wide = [character for character in text if character > "\x7f"]
    return 1 - wide.count("\ufffd") / len(wide) if wide else 0.0


def _refused(path: Path, what: str) -> EncodingNotRecognisedError:
    return EncodingNotRecognisedError(
        f"{path}: looks like {what}; only UTF-8 and GB18030 text are read. "
        "Convert it first, for example: iconv -f ENCODING -t UTF-8 FILE > NEW_FILE",
        path=str(path),
    )


def find_undecodable_line(path: Path, encoding: str) -> int | None:
    """Return the 1-based line of the first bytes that do not decode, or None.

    Only called after a read has failed: the reader itself knows no line numbers.
    """
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    line = 1
    for chunk in _chunks(path):
        pending = decoder.getstate()[0]
        try:
            decoder.decode(chunk)
        except UnicodeDecodeError as error:
            return line + (pending + chunk)[: error.start].count(b"\n")
        line += chunk.count(b"\n")
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return line
    return None

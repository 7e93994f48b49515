"""The ``<genre>`` elements of an NFO: changed where they stand, and nothing else with them.

Libraries read more than XML allows: text behind the document, several documents in a file,
an ``&`` that is no entity. So the places of elements are taken from the parser, and the text
between them is never written anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from xml.parsers import expat
from xml.sax.saxutils import escape

LIBRARY_NAMES = {"Sports": "Sport", "Sci-Fi": "Science Fiction", "Musical": "Music"}
"""The names that libraries use for what a model may call otherwise."""

FILL, ADD, REPLACE = "fill", "add", "replace"

_BOMS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_WITHOUT_BOM = {b"<\0": "utf-16-le", b"\0<": "utf-16-be"}
_DECLARED = re.compile(rb"\s*<\?xml[^>]*\bencoding\s*=\s*[\"']([A-Za-z0-9._-]+)")
_SPACE = re.compile(rb"(?:[ \t\r\n]|\xef\xbb\xbf)*")
_MOST_DOCUMENTS = 200  # in a file; each is an episode
# An & that begins none of XML's own entities; Kodi takes it as it stands.
_BARE = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d+|#x[0-9a-fA-F]+);)")


class NfoError(Exception):
    """An NFO that is left as it is; the message says why."""


@dataclass
class _Element:
    name: str
    start: int  # bytes, as all places here
    inner: int = 0  # where its content begins
    closing: int = 0  # where its end tag begins
    end: int = 0
    text: str = ""
    children: list[_Element] = field(default_factory=list)

    @property
    def is_empty_tag(self) -> bool:
        return self.inner == self.end

    @property
    def genres(self) -> list[_Element]:
        return [child for child in self.children if child.name == "genre"]


def decoded(data: bytes) -> tuple[str, str]:
    """The text of an NFO and its encoding, such that the text encodes to the very bytes again.

    Raises
    ------
    NfoError
        If there is no such encoding.
    """
    bom = next((encoding for mark, encoding in _BOMS.items() if data.startswith(mark)), None)
    named = _DECLARED.match(data)
    declared = named[1].decode() if named else None
    first = bom or _WITHOUT_BOM.get(data[:2]) or declared or "utf-8"
    # Bytes that are no UTF-8 are what Windows wrote; Latin-1 has a sign for each.
    more = ("windows-1252", "latin-1") if first.lower() in ("utf-8", "utf8") else ()
    for encoding in (first, *more):
        try:
            text = data.decode(encoding)
            if text.encode(encoding) == data:
                return text, encoding
        except LookupError:
            raise NfoError(f"nothing is known of its encoding, {first}") from None
        except UnicodeError:
            pass
    raise NfoError(f"it is not written in {first}, as it says")


def with_genres(
    data: bytes, genres: Sequence[str], mode: str, roots: Iterable[str]
) -> bytes | None:
    """An NFO with other genres.

    Parameters
    ----------
    data : bytes
        The file as it is.
    genres : sequence of str
    mode : {"fill", "add", "replace"}
        `FILL` changes only a document without any genre.
    roots : iterable of str
        What the documents may describe: ``"movie"``, ...

    Returns
    -------
    bytes or None
        None where nothing is to be changed.

    Raises
    ------
    NfoError
        If it cannot be done without a danger to the rest of the file.
    """
    text, encoding = decoded(data)
    raw = text.encode("utf-8")
    documents = _documents(text)
    if strange := [d.name for d in documents if d.name not in roots]:
        raise NfoError(f"it describes <{strange[0]}>, which is no film")
    # What the encoding lacks is written as a number.
    safe = [escape(g).encode(encoding, "xmlcharrefreplace").decode(encoding) for g in genres]
    changed, last = b"", 0
    for document in documents:
        for start, end, new in _changes(raw, document, dict(zip(genres, safe, strict=True)), mode):
            changed += raw[last:start] + new
            last = end
    changed += raw[last:]
    if changed == raw:
        return None
    _check(raw, documents, changed, genres, mode)
    return changed.decode("utf-8").encode(encoding)


def names_in(element: _Element) -> list[str]:
    """The genres of a document; libraries write several into one element too."""
    found = (name.strip() for genre in element.genres for name in genre.text.split("/"))
    return [name for name in found if name]


def _key(name: str) -> str:
    """A genre's name such that two ways to write it are one."""
    plain = _plain(name)
    return _ALIKE.get(plain, plain)


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", " ", name).strip().casefold()


_ALIKE = {_plain(name): _plain(other) for name, other in LIBRARY_NAMES.items()}


def _changes(
    raw: bytes, document: _Element, genres: dict[str, str], mode: str
) -> list[tuple[int, int, bytes]]:
    """What to write instead of which bytes, in the order of the places."""
    there = {_key(name) for name in names_in(document)}
    if mode == FILL and there:
        return []
    if mode == REPLACE:
        if [g.text.strip() for g in document.genres] == list(genres):
            return []
        wanted, removed = list(genres.values()), document.genres
    else:
        wanted = [safe for name, safe in genres.items() if _key(name) not in there]
        removed = [g for g in document.genres if not g.text.strip() and not g.children]
    if not wanted:
        return []
    lines = [f"<genre>{name}</genre>".encode() for name in wanted]
    if removed:
        gap = _gap_before(raw, removed[0].start)
        changes = [(removed[0].start, removed[0].end, gap.join(lines))]
        return changes + [
            (g.start - len(_gap_before(raw, g.start)), g.end, b"") for g in removed[1:]
        ]
    if document.is_empty_tag:  # <movie/>
        at = raw.rindex(b"/", document.start, document.end)
        return [(at, document.end, b">" + b"".join(lines) + b"</" + document.name.encode() + b">")]
    if document.children:
        before = (document.genres or document.children)[-1]
        gap, at = _gap_before(raw, before.start), before.end
    else:
        newline = re.match(rb"[ \t]*(\r?\n)", raw[document.inner : document.closing])
        gap, at = (newline[1] + b"  " if newline else b""), document.inner
    return [(at, at, b"".join(gap + line for line in lines))]


def _gap_before(raw: bytes, at: int) -> bytes:
    """The line break and the indentation before a place; nothing where it is within a line."""
    gap = re.search(rb"\r?\n[ \t]*\Z", raw[max(at - 200, 0) : at])
    return gap[0] if gap else b""


def _documents(text: str) -> list[_Element]:
    """The documents in a text: one as a rule, several in the NFO of a file with many episodes."""
    raw = _BARE.sub("_", text).encode("utf-8")  # of the same length, so places stay
    at, found = 0, list[_Element]()
    while True:
        at = _SPACE.match(raw, at).end()  # type: ignore[union-attr]
        if raw[at : at + 1] != b"<":
            break  # the end, or the address of a scraper
        document, problem = _parse(raw, at)
        if document is None or not document.end:
            if found and document is None:
                break  # comments
            raise NfoError(f"its XML is broken: {problem}")
        found.append(document)
        if len(found) > _MOST_DOCUMENTS:
            raise NfoError(f"it holds more than {_MOST_DOCUMENTS} documents")
        at = document.end
    if not found and re.match(r"[\s\ufeff]*https?://", text):
        raise NfoError("it holds only an address for a scraper")
    if not found:
        raise NfoError("it holds no XML, but text" if text.strip() else "it is empty")
    return [
        inner
        for document in found
        for inner in (document.children if document.name == "xbmcmultiepisode" else [document])
    ]


def _parse(raw: bytes, at: int) -> tuple[_Element | None, str]:
    """The document that begins somewhere, and what is wrong with it or behind it."""
    parser = expat.ParserCreate("utf-8")  # whatever it declares: that is what it is by now
    parser.buffer_text = True
    open_ones: list[_Element] = []
    root: list[_Element] = []

    def start(name: str, _: object) -> None:
        element = _Element(name, at + parser.CurrentByteIndex)
        if not open_ones:
            root.append(element)
        elif len(open_ones) < 3:  # a root, its children, those of xbmcmultiepisode
            open_ones[-1].children.append(element)
        open_ones.append(element)

    def end(_: str) -> None:
        element = open_ones.pop()
        if len(open_ones) < 3:
            element.inner = element.closing = element.end = _tag_end(raw, element.start)
            if raw[element.inner - 2 : element.inner] != b"/>":
                element.closing = at + parser.CurrentByteIndex
                element.end = raw.index(b">", element.closing) + 1

    def data(text: str) -> None:
        if open_ones:
            open_ones[-1].text += text

    def forbid(*_: object) -> None:
        raise NfoError("it declares entities of its own, which can be made to do harm")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = data
    parser.EntityDeclHandler = forbid
    problem = ""
    try:
        parser.Parse(memoryview(raw)[at:], True)
    except expat.ExpatError as error:
        line = raw.count(b"\n", 0, at) + error.lineno
        problem = f"{expat.ErrorString(error.code)} in line {line}"
    return (root[0] if root else None), problem


def _tag_end(raw: bytes, start: int) -> int:
    """The place behind a start tag, whose attributes may hold a ``>``."""
    tag = re.compile(rb"<[^\s>/]+(?:[^>\"']|\"[^\"]*\"|'[^']*')*>").match(raw, start)
    assert tag is not None  # the parser has read it
    return tag.end()


def _check(
    raw: bytes, before: list[_Element], changed: bytes, genres: Sequence[str], mode: str
) -> None:
    """Read the result again: its genres are those wanted, all else is what it was."""
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    after = _documents(changed.decode("utf-8"))
    alike = len(after) == len(before)
    for old, new in zip(before, after, strict=False):
        alike &= _others(raw, old) == _others(changed, new)
        found = {_key(name) for name in names_in(new)}
        alike &= mode == FILL or {_key(name.replace("&", "_")) for name in genres} <= found
        try:
            root = fromstring(_BARE.sub("_", changed[new.start : new.end].decode()))
        except (ParseError, DefusedXmlException, ValueError):
            alike = False
        else:
            alike &= len(root.findall("genre")) == len(new.genres)
    if not alike:
        raise NfoError("its genres could not be told apart from the rest")


def _others(raw: bytes, document: _Element) -> list[bytes]:
    return [raw[c.start : c.end] for c in document.children if c.name != "genre"]

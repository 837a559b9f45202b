"""Parse XML that others wrote: any encoding, no document type definitions, prefixes as they stand."""

from __future__ import annotations

import codecs
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from xml.parsers import expat

from assets.importing.reading.sandbox import ObjectError

_MARKS = (  # byte order marks, the longer first
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ENCODING = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_DECLARATION = re.compile(r"<\?xml\s[^>]*\?>")
_BEFORE = re.compile(r"(\s|<!--.*?-->)*", re.DOTALL)  # what stands before a declaration in files made by hand
_POINTER = b"version https://git-lfs"


def parse_xml(data: bytes, path: Path) -> ET.Element:
    """Parse XML without a DTD; tags and attributes keep their prefixes, as in ``xacro:macro``.

    Args:
        data: The file. A declaration need not come first, and an encoding that is declared wrongly counts as Latin-1.
        path: Where it came from, for the message.

    Raises:
        ObjectError: It is not well-formed, holds a DTD, or is the pointer of a file that lies elsewhere.
    """
    if is_pointer(data):
        raise ObjectError(f"{path}: is a Git LFS pointer, not the file itself: run `git lfs pull` in its folder")
    text = _decoded(data).rstrip("\0")  # which some exporters leave at the end
    before = _BEFORE.match(text)
    declaration = _DECLARATION.match(text, before.end() if before else 0)
    text = text[declaration.end() :] if declaration else text
    if not text.strip():
        raise ObjectError(f"{path}: the file is empty")
    builder = ET.TreeBuilder()
    parser = expat.ParserCreate()  # without namespaces: old files use prefixes that they never declare
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(text, True)
    except ObjectError as error:
        raise ObjectError(f"{path}: {error}") from None
    except (expat.ExpatError, ValueError) as error:
        raise ObjectError(f"{path}: not well-formed XML: {error}") from error
    return builder.close()


def is_pointer(data: bytes) -> bool:
    """Whether a file's first bytes are those of a Git LFS pointer."""
    return data.lstrip().startswith(_POINTER)


def _decoded(data: bytes) -> str:
    """The text, by its byte order mark, else by its zeros, else by what it declares."""
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    if encoding is None and b"\0" in data[:4]:
        encoding = "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
    if encoding is None:
        declared = _ENCODING.search(data[:1000])
        encoding = declared.group(1).decode("ascii") if declared else "utf-8"
        if encoding.lower().startswith(("utf-16", "utf-32", "ucs")):  # not so, or the declaration could not be read
            encoding = "utf-8"
    try:
        return data.decode(encoding)
    except (UnicodeError, LookupError):
        return data.decode("latin-1")


def _refuse_doctype(*_: object) -> None:
    raise ObjectError("holds a document type definition (DTD), which no URDF needs: remove it")

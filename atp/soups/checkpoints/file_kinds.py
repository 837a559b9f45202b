"""What a file is, by its first bytes: downloads leave other things than weights under the names of weights."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from atp.soups.checkpoints.soup_errors import SoupError

#: ``zip`` is PyTorch's format, ``pickle`` the one before PyTorch 1.6, which is read as a whole.
FileKind = Literal["safetensors", "zip", "pickle"]

#: What begins otherwise than weights, and what to do.
OTHERS = {
    b"version https://git-lfs": "is a git-lfs pointer, not the weights: run `git lfs pull` in its folder",
    b"<!doctype html": "is an HTML page, not the weights: the download failed or asked for a login; fetch it again",
    b"<html": "is an HTML page, not the weights: the download failed or asked for a login; fetch it again",
    b"<?xml": "is an XML page, not the weights: the download failed; fetch it again",
    b'{"error"': "is an error message of a server, not the weights; fetch it again",
    b"gguf": "is a GGUF file; give the safetensors or PyTorch files that it was made of",
    b"\x89hdf": "is an HDF5 file (TensorFlow, Keras); save the weights as safetensors",
    b"\x1f\x8b": "is compressed by gzip; unpack it",
}


def file_kind(path: Path, name: str) -> FileKind:
    """Tell a file's kind by its content; its suffix does not count.

    Args:
        path: The file.
        name: For messages.

    Raises:
        SoupError: It cannot be read, is empty, or is something else, which the message names.
    """
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise SoupError(f"{name}: cannot be read ({error.strerror})") from error
    if not head:
        raise SoupError(f"{name}: is empty: it was not written or copied to its end")
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for start, told in OTHERS.items():
        if text.startswith(start):
            raise SoupError(f"{name}: {told}")
    if head[8:9] == b"{":
        return "safetensors"
    if head.startswith(b"PK\x03\x04"):
        return "zip"
    if head.startswith(b"\x80"):
        return "pickle"
    raise SoupError(f"{name}: is neither a safetensors nor a PyTorch file")

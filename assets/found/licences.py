"""Which licences let an object be used and passed on freely, by the words that collections use for them."""

from __future__ import annotations

import re

#: What a licence's text must match to be one of those that objects may have, and the name it goes by.
_FREE = (
    (r"\b(no ?derivative|non ?commercial|by-nc|by-nd|sharealike|share alike|by-sa|gpl)", ""),
    (r"\bcc-?0\b|creative commons zero|public domain", "CC0-1.0"),
    (r"creative commons attribution 4\.0|cc[- ]by[- ]4", "CC-BY-4.0"),
    (r"creative commons attribution|cc[- ]by\b", "CC-BY-3.0"),
    (r"\bapache", "Apache-2.0"),
    (r"\bbsd\b", "BSD"),
    (r"\bmit\b", "MIT"),
)


def free_licence(text: str) -> str | None:
    """The name of a free licence that a collection's words mean.

    Args:
        text: What a catalogue says, such as "Creative Commons Attribution 3.0 license".

    Returns:
        CC0-1.0, CC-BY-4.0, CC-BY-3.0, Apache-2.0, BSD or MIT; None for any other, and for one that forbids
        derivatives or commerce, or obliges to pass on under the same licence.

    >>> free_licence("Creative Commons Attribution 3.0 Unported license")
    'CC-BY-3.0'
    >>> free_licence("CC BY-NC 4.0") is None
    True
    """
    words = re.sub(r"[\s_]+", " ", text.lower())
    for pattern, name in _FREE:
        if re.search(pattern, words):
            return name or None
    return None

"""Faults that are planted are what they say, and nothing but behaviour is changed."""

import ast

import pytest
from mutations import faults

SOURCE = '''"""A module with 3 words and a < b in its docstring."""

import math

LIMIT: int = 4  # more than 3


def share(found: list[int], of: float = 0.5) -> float:
    """Says (1 + 1)."""
    if not found or max(found) >= LIMIT:
        raise ValueError(f"at most {LIMIT - 1} of 7")
    best = found[0] if len(found) == 1 else math.floor(of * sum(found))
    return -best / 2
'''


def planted(source):
    return [fault.planted(source) for fault in faults(source)]


def test_every_fault_is_another_program_and_one_change():
    texts = planted(SOURCE)
    assert len(texts) == len(set(texts)) > 12
    for text in texts:
        assert ast.dump(ast.parse(text)) != ast.dump(ast.parse(SOURCE))
        assert sum(one != other for one, other in zip(text.splitlines(), SOURCE.splitlines(), strict=True)) == 1


def test_documentation_messages_and_annotations_are_left_alone():
    for text in planted(SOURCE):
        for line in ('"""A module with 3 words', "# more than 3", "list[int]", "Says (1 + 1)", "{LIMIT - 1} of 7"):
            assert line in text


@pytest.mark.parametrize(
    ("source", "changed"),
    [
        ("x = a < b", ["x = a <= b"]),
        ("x = (a + 1) - (b)", ["x = (a - 1) - (b)", "x = (a + 1) + (b)", "x = (a + 2) - (b)"]),
        ("x = not a and b", ["x = a and b", "x = not a or b"]),
        ("x = a is not None", ["x = a is None"]),
        ("x = y if a else z", ["x = y if not (a) else z"]),
        ("x = np.argmax(a)", ["x = np.argmin(a)"]),
        ("x = 'ä' in a", ["x = 'ä' not in a"]),
        ("x = True", ["x = False"]),
        ("x = a[0]", ["x = a[1]"]),
        ("x = 0.5", ["x = 0.75"]),
        ("x = a < b < c", []),
    ],
)
def test_changes(source, changed):
    assert sorted(planted(source)) == sorted(changed)

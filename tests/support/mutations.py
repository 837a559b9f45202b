"""Small faults for source code: each changes one operator, number, word or condition of a module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARE = {
    "Lt": "<=", "LtE": "<", "Gt": ">=", "GtE": ">", "Eq": "!=", "NotEq": "==", "Is": "is not", "IsNot": "is",
    "In": "not in", "NotIn": "in",  # codespell:ignore
}  # fmt: skip
_OPERATOR = {
    ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.FloorDiv: "*", ast.Mod: "+", ast.Pow: "*",
    ast.BitAnd: "|", ast.BitOr: "&",
}  # fmt: skip
#: Words with an opposite.
OPPOSITES = {
    one: other
    for pair in (
        ("min", "max"), ("any", "all"), ("argmin", "argmax"), ("minimum", "maximum"), ("erode", "dilate"),
        ("floor", "ceil"), ("zeros", "ones"), ("zeros_like", "ones_like"), ("logical_or", "logical_and"),
        ("cos", "sin"), ("append", "extend"), ("amin", "amax"),
    )
    for one, other in (pair, pair[::-1])
}  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """One change of a text.

    Attributes:
        line: Of the change, from 1.
        start: Offset of the first character that is replaced.
        end: Offset after the last one.
        new: What stands there afterwards.
        kind: ``comparison``, ``operator``, ``logic``, ``condition``, ``number`` or ``word``.
    """

    line: int
    start: int
    end: int
    new: str
    kind: str

    def planted(self, source: str) -> str:
        """The source with the fault."""
        return source[: self.start] + self.new + source[self.end :]

    def shown(self, source: str) -> str:
        """The line before and after, for a table."""
        lines = (text.splitlines()[self.line - 1].strip() for text in (source, self.planted(source)))
        return " -> ".join(lines)


def faults(source: str) -> list[Fault]:
    """Every fault of these kinds that a module can have, in the order of its lines.

    Docstrings, annotations, defaults of type hints, messages of errors and what is only printed are left alone: no
    behaviour hangs on them.

    >>> [fault.planted("x = a < 3") for fault in faults("x = a < 3")]
    ['x = a <= 3', 'x = a < 4']
    """
    tree = ast.parse(source)
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line.encode()))
    raw = source.encode()

    def offset(line: int, column: int) -> int:
        return len(raw[: starts[line - 1] + column].decode())

    def segment(node: ast.expr) -> tuple[int, int]:
        return offset(node.lineno, node.col_offset), offset(node.end_lineno or 0, node.end_col_offset or 0)

    found = [Fault(node.lineno, *change) for node in _behaviour(tree) for change in _changes(node, source, segment)]
    return sorted(set(found), key=lambda fault: (fault.start, fault.end, fault.new))


def _behaviour(node: ast.AST) -> Iterator[ast.expr]:
    """Expressions below a node that behaviour hangs on."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(
                child, (ast.Raise, ast.JoinedStr, ast.Import, ast.ImportFrom)
            ):
                continue
            if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
                continue  # a docstring
            if isinstance(child, ast.expr):
                yield child
            yield from _behaviour(child)


def _changes(node: ast.expr, source: str, segment) -> Iterator[tuple[int, int, str, str]]:
    """Changes of one expression: start, end, new text, kind."""
    start, end = segment(node)
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]).__name__ in _COMPARE:
        left, right = segment(node.left)[1], segment(node.comparators[0])[0]
        yield from _between(source, left, right, _COMPARE[type(node.ops[0]).__name__], "comparison")
    elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATOR:
        left, right = segment(node.left)[1], segment(node.right)[0]
        yield from _between(source, left, right, _OPERATOR[type(node.op)], "operator")
    elif isinstance(node, ast.BoolOp):
        left, right = segment(node.values[0])[1], segment(node.values[1])[0]
        yield from _between(source, left, right, "or" if isinstance(node.op, ast.And) else "and", "logic")
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.Invert, ast.USub)):
        yield start, segment(node.operand)[0], "", "logic"
    elif isinstance(node, ast.IfExp):
        yield (*segment(node.test), f"not ({source[slice(*segment(node.test))]})", "condition")
    elif isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        if isinstance(node.value, bool):
            yield start, end, str(not node.value), "number"
        else:
            yield start, end, repr(node.value + 1 if isinstance(node.value, int) else node.value * 1.5), "number"
    elif isinstance(node, ast.Attribute) and node.attr in OPPOSITES:
        yield end - len(node.attr), end, OPPOSITES[node.attr], "word"
    elif isinstance(node, ast.Name) and node.id in OPPOSITES:
        yield start, end, OPPOSITES[node.id], "word"


def _between(source: str, left: int, right: int, new: str, kind: str) -> Iterator[tuple[int, int, str, str]]:
    """Replace the operator between two operands, whatever brackets and blanks stand beside it."""
    text = source[left:right]
    if "#" in text:
        return  # a comment stands there
    word = text.strip(" ()[]\n\t")
    at = text.find(word)
    if word:
        yield left + at, left + at + len(word), new, kind

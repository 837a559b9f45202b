"""Names that modules of anybody register."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from assets.registry import Registry

MODULE = """
from plugin_host import REGISTRY

@REGISTRY.register("double")
def twice(x):
    return 2 * x

def triple(x):
    return 3 * x

def built_in(x):
    return -x

number = 4
"""


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """A registry with one entry, and a module `outside` on the path that would add another."""
    (tmp_path / "outside.py").write_text(MODULE)
    (tmp_path / "broken.py").write_text("import no_such_library")
    monkeypatch.syspath_prepend(str(tmp_path))
    host = type(sys)("plugin_host")
    host.REGISTRY = Registry("operation", Callable)
    monkeypatch.setitem(sys.modules, "plugin_host", host)
    host.REGISTRY.register("built_in")(abs)
    yield host.REGISTRY
    sys.modules.pop("outside", None)


def test_names_keep_their_order_and_values():
    registry = Registry("letter")
    for name in ("b", "a", "c"):
        registry.add(name, name.upper(), module="letters")
    assert registry.names == ("b", "a", "c")
    assert list(registry.items()) == [("b", "B"), ("a", "A"), ("c", "C")]
    assert ("a" in registry, "d" in registry, len(registry)) == (True, False, 3)
    assert registry.modules == ("letters",)


def test_a_module_of_somebody_else(registry):
    """What it registers goes by the registered name, what it only defines by the long one."""
    assert "double" not in registry
    assert registry.get("outside:double")(5) == 10
    assert registry.get("double")(5) == 10
    assert registry.canonical("outside:double") == "double"
    assert registry.get("outside:triple")(5) == 15
    assert registry.canonical("outside:triple") == "outside:triple"
    assert registry.names == ("built_in", "double")
    assert "outside" in registry.modules
    assert registry.get("outside:built_in")(5) == -5  # its own, not the registered one of the same name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("treble", ("unknown operation 'treble'", "built_in", "module:name")),
        ("outside:treble", ("outside", "neither registers nor defines 'treble'")),
        ("outside:number", ("number is no Callable",)),
        ("nowhere:double", ("no module 'nowhere'", "PYTHONPATH")),
        ("nowhere.inside:double", ("no module 'nowhere.inside'",)),
        (":double", ("no module ''",)),
    ],
)
def test_unknown_names_list_the_choices(registry, name, words):
    with pytest.raises(ValueError, match="operation") as error:
        registry.get(name)
    for word in words:
        assert word in str(error.value)


def test_an_error_inside_a_module_is_its_own(registry):
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        registry.get("broken:double")


def test_a_name_is_registered_once():
    registry = Registry("letter", str)
    registry.add("a", "A", module="first")
    with pytest.raises(ValueError, match="letter 'a' is registered already, by first"):
        registry.add("a", "other", module="second")
    assert registry.get("a") == "A"
    registry.add("a", "A again", module="first")  # reloaded
    assert registry.get("a") == "A again"
    for name in ("", "b:c"):
        with pytest.raises(ValueError, match="cannot be the name of a letter"):
            registry.add(name, "B", module="first")
    with pytest.raises(TypeError, match="letter 'b' must be a str"):
        registry.add("b", 2, module="first")

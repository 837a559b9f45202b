"""Fixtures of tests that play."""

from __future__ import annotations

import pytest

from envs.play import ArticulatedPlay


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A cache of the module's own, empty at first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATP_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def env():
    """The environment with its defaults."""
    made = ArticulatedPlay()
    yield made
    made.close()

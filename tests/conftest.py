"""Fixtures that tests of several folders share."""

from __future__ import annotations

import pytest

from tiny_agent import tiny_agent


@pytest.fixture
def agent():
    """An untrained agent, new for each test."""
    return tiny_agent()


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """A checkpoint folder with an untrained agent; read it, do not write to it."""
    folder = tmp_path_factory.mktemp("tiny") / "weights"
    tiny_agent().save_pretrained(folder)
    return folder

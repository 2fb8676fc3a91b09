"""Where the schemas, migrations and dashboards lie, inside the wheel or beside the package, and how to write them."""

from collections.abc import Mapping
from pathlib import Path

_PACKAGE = Path(__file__).parent


def resource_dir(name: str) -> Path:
    """The directory `schemas` or `dashboards`, wherever this was installed from."""
    packed = _PACKAGE / "_data" / name
    return packed if packed.is_dir() else _PACKAGE.parent / name


def write(directory: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Write every file that differs; answers which."""
    changed = []
    for name, content in files.items():
        path = directory / name
        if not path.exists() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            changed.append(path)
    return changed

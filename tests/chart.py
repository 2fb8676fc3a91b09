"""The Helm chart, rendered: `python -m tests.chart` writes `tests/fixtures/chart.yaml` anew (needs helm).

Machines without helm test that file. It carries a checksum of the chart it was made of, so that it cannot be old.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CHART = ROOT / "deploy" / "helm" / "group-vitals"
RENDERED = ROOT / "tests" / "fixtures" / "chart.yaml"
KUBERNETES = "1.37.0"
"""What helm is told it renders for."""


def checksum():
    """Of all that decides what is rendered, the pages of Grafana apart: they are not in the file."""
    files = sorted(path for path in CHART.rglob("*") if path.is_file() and "files" not in path.relative_to(CHART).parts)
    whole = hashlib.sha256()
    for path in files:
        whole.update(f"{path.relative_to(CHART)}\0{path.read_text()}\0".encode())
    return whole.hexdigest()


def helm(*arguments):
    """What helm does and says with the chart."""
    command = [shutil.which("helm"), *arguments]
    return subprocess.run(command, cwd=CHART.parent, capture_output=True, text=True, check=False)


def template(values, *more):
    """`helm template` with a file of `ci/`."""
    return helm(
        *("template", "vitals", CHART.name, "--namespace", "groups", "--kube-version", KUBERNETES),
        *("--values", f"{CHART.name}/ci/{values}-values.yaml", *more),
    )


def rendered():
    """What the fixture is to hold."""
    done = template("all", "--set", "dashboards.enabled=false")
    if done.returncode:
        sys.exit(done.stderr)
    return f"# checksum: {checksum()}\n{done.stdout}"


if __name__ == "__main__":
    RENDERED.write_text(rendered())

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_an_audit_that_nobody_answers_says_so_and_is_not_taken_for_a_clean_one():
    environment = os.environ | {"OSV_URL": "http://127.0.0.1:1/v1/query"}
    done = subprocess.run(
        [ROOT / "deploy" / "audit"], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 3
    assert "does not answer" in done.stderr
    assert "nothing was looked up" in done.stderr


def test_what_audits_is_locked_with_hashes_itself():
    lock = (ROOT / "deploy" / "audit.lock").read_text()
    packages = re.findall(r"^[\w.-]+==", lock, re.MULTILINE)
    assert "pip-audit==" in packages
    assert len(re.findall(r"^[\w.-]+==[^\n]*\\\n    --hash=sha256:", lock, re.MULTILINE)) == len(packages)

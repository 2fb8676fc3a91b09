"""The patches fit the code. Whether the tests catch the mutants says `make mutants`."""

import pytest
from click.testing import CliRunner

from tests.mutants.__main__ import ROOT, Verdict, _told, applied, guard_of, judge, main, patches


@pytest.mark.parametrize("name", patches())
def test_a_patch_fits_the_code_and_says_which_guard_it_removes(name, tmp_path):
    patch = patches()[name]
    for line in patch.read_text().splitlines():
        if line.startswith("--- a/"):
            target = tmp_path / line.removeprefix("--- a/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / line.removeprefix("--- a/")).read_bytes())
    assert applied(patch, tmp_path) == ""
    assert guard_of(patch).endswith(".")


def test_a_patch_that_no_longer_fits_is_a_failure_that_says_so(tmp_path):
    stale = tmp_path / "stale.patch"
    stale.write_text(
        "It is not there.\n\n--- a/streams/flush.py\n+++ b/streams/flush.py\n@@ -1 +1 @@\n-nothing\n+else\n"
    )
    verdict = judge("stale", stale)
    assert _told(verdict, 1.0).startswith("stale: the patch no longer fits: error: patch failed: streams/flush.py:1")
    assert not verdict.caught_by


def test_a_mutant_that_no_test_catches_is_told_as_such():
    assert _told(Verdict("guard", ""), 2.0) == "guard: SURVIVED (2 s)"
    assert _told(Verdict("guard", "tests/unit/test_x.py::test_y"), 2.0) == "guard: caught by test_x.py::test_y (2 s)"


def test_the_list_names_at_least_twelve_guards_and_an_unknown_one_is_refused():
    listed = CliRunner().invoke(main, ["--list"])
    assert listed.output.count("\n") == len(patches()) >= 12
    refused = CliRunner().invoke(main, ["nobody"])
    assert (refused.exit_code, "no patch nobody" in refused.output) == (2, True)

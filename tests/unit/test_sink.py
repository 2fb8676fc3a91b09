"""The sink without its servers."""

import pytest

from streams import sink as sink_module
from streams.errors import VitalsError
from streams.settings import Settings


def test_a_sink_that_is_given_no_partition_ends_to_begin_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(sink_module, "IDLE_SECONDS", 1.5)
    nobody = Settings(home=tmp_path, cache=tmp_path, kafka="127.0.0.1:1")
    with pytest.raises(VitalsError, match="no partition for 2 s: is Kafka up"):
        sink_module.Sink(nobody, "lonely").run()

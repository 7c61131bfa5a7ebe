"""Telling whether a named process is gone: only where its id means something."""

import os
import subprocess
import sys

import pytest

from infra.identity import machine, process_name, surely_dead

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a lease simply runs out")


def test_this_process_is_not_dead():
    assert surely_dead(process_name()) is False


def test_a_process_that_ended_here_is_dead():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert surely_dead(f"{machine()}:{child.pid}") is True


@pytest.mark.parametrize("name", ["another-host/12345678:1", "", "x", f"{machine()}:", f"{machine()}:-1"])
def test_of_a_process_elsewhere_or_without_a_name_nothing_is_known(name):
    assert surely_dead(name) is False


def test_the_name_ends_in_the_process_id():
    assert process_name().endswith(f":{os.getpid()}")

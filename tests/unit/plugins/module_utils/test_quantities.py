# Copyright (c) 2026, llmops.tenancy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sizes and CPUs: what operators write, what is stored, what is printed."""

from __future__ import annotations

import pytest

from ansible_collections.llmops.tenancy.plugins.module_utils import quantities
from ansible_collections.llmops.tenancy.plugins.module_utils.errors import TenancyError

GIB = 1024**3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("6g", 6 * GIB), ("6G", 6 * GIB), ("6GB", 6 * GIB), ("6GiB", 6 * GIB), (" 6 g ", 6 * GIB),
        ("512m", 512 * 1024**2), ("1.5GiB", 3 * GIB // 2), ("1024", 1024), (1024, 1024), ("10kb", 10240), ("1t", 1024 * GIB),
        ("0", 0), ("7b", 7),
    ],
)
def test_size_is_parsed_to_bytes(text, expected):
    assert quantities.parse_size(text) == expected


@pytest.mark.parametrize("text", ["", "g", "-1g", "6 x", "1.g", "six", "1e3", "6gg", "6g 1m", "0x10", None])
def test_bad_size_names_the_option_and_the_text(text):
    with pytest.raises(TenancyError) as caught:
        quantities.parse_size(text, "memory_limit")
    assert caught.value.kind == "invalid_size"
    assert f"memory_limit '{text}'" in str(caught.value)


@pytest.mark.parametrize("text", ["9" * 20 + "g", "8388608t", "9223372036854775808", "1" + "0" * 2_000_000, 2**63])
def test_a_size_beyond_the_catalog_names_the_option(text):
    with pytest.raises(TenancyError, match=r"quota_memory '.{1,41}' is too much: it must be below 8388608t\. Give less") as caught:
        quantities.parse_size(text, "quota_memory")
    assert caught.value.kind == "invalid_size"


def test_the_largest_size_and_number_of_cpus():
    assert quantities.parse_size("9223372036854775807") == 2**63 - 1
    assert quantities.parse_cpus("2147483647m") == 2**31 - 1


@pytest.mark.parametrize("text", ["2147484", "2147483648m", "9" * 30, "1" + "0" * 2_000_000])
def test_cpus_beyond_the_catalog_name_the_option(text):
    with pytest.raises(TenancyError, match=r"cpu_limit '.{1,41}' is too much: it must be below 2147483\.648\. Give less") as caught:
        quantities.parse_cpus(text, "cpu_limit")
    assert caught.value.kind == "invalid_cpus"


@pytest.mark.parametrize(
    ("text", "expected"), [("2", 2000), ("0.5", 500), ("500m", 500), (2, 2000), (1.25, 1250), ("0.001", 1)]
)
def test_cpus_are_parsed_to_millicpus(text, expected):
    assert quantities.parse_cpus(text) == expected


@pytest.mark.parametrize("text", ["", "two", "-1", "1,5", "2c", ".5"])
def test_bad_cpus_name_the_option(text):
    with pytest.raises(TenancyError) as caught:
        quantities.parse_cpus(text, "cpu_limit")
    assert caught.value.kind == "invalid_cpus"
    assert "cpu_limit" in str(caught.value)


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 1536, 6 * GIB, 3 * GIB // 2, 1024 * GIB, 5 * GIB + 1])
def test_formatted_size_reads_back_exactly(size):
    assert quantities.parse_size(quantities.format_size(size)) == size


@pytest.mark.parametrize(("millicpus", "text"), [(500, "0.5"), (2000, "2"), (1250, "1.25"), (10000, "10"), (1, "0.001")])
def test_formatted_cpus(millicpus, text):
    assert quantities.format_cpus(millicpus) == text
    assert quantities.parse_cpus(text) == millicpus


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (6 * GIB, "6.0 GiB"), (3 * 1024 * GIB, "3.0 TiB")]
)
def test_human_size(size, text):
    assert quantities.human_size(size) == text


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("5m", True), ("1h30m", True), ("1.5h", True), ("0", True), ("-1", True), ("300", True), ("", False), ("5 m", False), ("5m\n", False), ("٥m", False)],
)
def test_duration(text, is_one):
    assert quantities.is_duration(text) is is_one

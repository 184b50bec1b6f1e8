"""The scripted model server as a part of a run."""

from __future__ import annotations

from benchmarks.models.shape import Shape
from benchmarks.system import System, listens


class Patience(System):
    """The model's server, in a process of its own."""

    name = "patience"

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape

    def start(self) -> None:
        """Return when it listens."""
        times = (str(self.shape.first_s), str(self.shape.total_s))
        self.python("benchmarks.models.server", str(self.port), *times)
        self.wait(lambda: listens(self.port), "does it listen")

    @property
    def address(self) -> str:
        """What `model add` takes as its base_url."""
        return f"http://127.0.0.1:{self.port}/v1"

"""A small disk in memory that can be filled to its last byte (Linux, root)."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

from tests.services.process import Missing, program

AGAIN_S = 0.1
PIECE = 1024 * 1024


class SmallDisk:
    """A tmpfs on an empty folder between its making and `stop`. Raises Missing."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        if sys.platform != "linux" or os.geteuid() != 0:
            raise Missing("only root on Linux can mount a small disk")
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        owner = folder.stat()
        options = f"size={megabytes}m,mode=0700,uid={owner.st_uid},gid={owner.st_gid}"
        try:
            self._run("mount", "-t", "tmpfs", "-o", options, "clawdbot-test", str(folder))
        except subprocess.CalledProcessError as error:
            raise Missing(f"no small disk can be mounted: {error.stderr!r}") from None
        self._full = threading.Event()
        self._filler: threading.Thread | None = None

    def fill(self) -> None:
        """Leave no room, also when somebody makes some."""
        self._full.set()
        self._take()
        self._filler = threading.Thread(target=self._keep_full, daemon=True)
        self._filler.start()

    def free(self) -> None:
        """Give the room back."""
        self._full.clear()
        if self._filler is not None:
            self._filler.join()
            self._filler = None
        (self.folder / "filler").unlink(missing_ok=True)

    def stop(self) -> None:
        """Take the disk away, whoever still looks at it."""
        self.free()
        self._run("umount", "--lazy", str(self.folder))

    def _keep_full(self) -> None:
        pause = threading.Event()
        while self._full.is_set():
            self._take()
            pause.wait(AGAIN_S)

    def _take(self) -> None:
        """Write until there is no room for one byte more."""
        with (self.folder / "filler").open("ab", buffering=0) as filler:
            size = PIECE
            while size:
                try:
                    filler.write(b"\0" * size)
                except OSError:
                    size //= 16

    def _run(self, name: str, *words: str) -> None:
        subprocess.run([program(name), *words], check=True, capture_output=True, timeout=20)

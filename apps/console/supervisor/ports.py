"""Are the ports free? Asked before anything is started, so that the answer is one clear line."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass


@dataclass(frozen=True)
class Wanted:
    """A port that we are going to listen on, and the setting that changes it."""

    host: str
    port: int
    setting: str


def trouble(wanted: Wanted) -> str:
    """Why we cannot listen there, with the mend, in both languages; empty when we can."""
    try:
        found = socket.getaddrinfo(wanted.host, wanted.port, type=socket.SOCK_STREAM)
    except socket.gaierror:
        return (
            f"CLAWDBOT_HOST: 未知地址 {wanted.host}\n"
            f"CLAWDBOT_HOST: {wanted.host} is no address of this machine: use 127.0.0.1"
        )
    family, kind, protocol, _, address = found[0]
    with socket.socket(family, kind, protocol) as probe:
        # As the servers do: a connection in TIME_WAIT does not make the port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            return _words(wanted, error)
    return ""


def _words(wanted: Wanted, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"端口 {wanted.port} 已被占用：请设置 {wanted.setting}\n"
            f"port {wanted.port} is already taken: set {wanted.setting}"
        )
    return (
        f"无法监听 {wanted.host}:{wanted.port}（{error.strerror}）：请设置 {wanted.setting}\n"
        f"cannot listen on {wanted.host}:{wanted.port} ({error.strerror}): set {wanted.setting}"
    )

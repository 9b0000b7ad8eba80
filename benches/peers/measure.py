"""What processes cost: processor time and memory."""

import os
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass


@dataclass
class Cost:
    # Seconds of processor time: user and system, children included.
    processor: float = 0.0
    # The largest number of bytes that were resident.
    memory: int = 0


class Process:
    """A process whose cost is known once it has ended.

    Linux hands the peak memory of a process down to its children, so no process costs less memory than the one
    that starts it: that one must be small.
    """

    def __init__(self, command, output=subprocess.DEVNULL):
        self.command = [str(word) for word in command]
        self.child = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=output)

    def wait(self):
        """The cost of the process, after its end."""
        _, status, usage = os.wait4(self.child.pid, 0)
        self.child.returncode = os.waitstatus_to_exitcode(status)
        if self.child.returncode != 0:
            raise RuntimeError(f"{' '.join(self.command)} failed with the status {self.child.returncode}")
        return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def run(command, output=subprocess.DEVNULL):
    """Runs a command to its end, with its output into a file, and returns its cost."""
    return Process(command, output).wait()


class Server:
    """A server for one job. Used by `with`, it is stopped at the end, and then its cost is known."""

    def __init__(self, options):
        self.options = options
        self.cost = Cost()

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
        command = ["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--dir", self.directory.name]
        command += ["--save", "", "--appendonly", "no", *self.options]
        self.process = Process(command)
        while not self.answers():
            if self.process.child.poll() is not None:
                raise RuntimeError(f"{' '.join(self.process.command)} did not start")
            time.sleep(0.005)
        return self

    def __exit__(self, *_):
        self.process.child.terminate()
        self.cost = self.process.wait()
        self.directory.cleanup()

    def answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port)) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except ConnectionError:
            return False

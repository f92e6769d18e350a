"""Runs a command at a terminal of its own, and answers each question of it with yes, as the person there would."""

import fcntl
import os
import pty
import re
import struct
import sys
import termios

ROWS, COLUMNS = 50, 300
QUESTION = re.compile(rb"\(y/n\)")


def main(command: list[str]) -> int:
    """The command's exit code; what it printed goes to standard output."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    unanswered = b""
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:
            # The last process at the terminal is gone.
            break
        if not data:
            break
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        unanswered += data
        question = QUESTION.search(unanswered)
        if question:
            unanswered = unanswered[question.end() :]
            os.write(terminal, b"y\n")
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""main starts a child and calls sys.exit(). That does not orphan the child: multiprocessing joins it first.

The child goes on until standard input ends. Usage: main_calls_sys_exit.py [fork|spawn]
"""

import multiprocessing
import os
import sys
from multiprocessing import parent_process
from multiprocessing.connection import Connection


def work(stdin):
    print(f"child: I am {os.getpid()}", flush=True)
    stdin.poll(None)
    print(f"child: orphaned? {not parent_process().is_alive()}", flush=True)


def main():
    # multiprocessing gives each child /dev/null as its standard input: this is ours, for them to wait on.
    stdin = Connection(os.dup(sys.stdin.fileno()), writable=False)
    print(f"main: I am {os.getpid()}", flush=True)
    multiprocessing.Process(target=work, args=(stdin,)).start()
    sys.exit(3)


if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1] if sys.argv[1:] else "fork")
    main()

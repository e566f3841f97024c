"""main starts level 1, which starts level 2 and calls sys.exit(). That orphans nobody: multiprocessing joins level 2 first.

Level 2 goes on until standard input ends.
"""

import multiprocessing
import os
import sys
from multiprocessing import parent_process
from multiprocessing.connection import Connection


def level_2(stdin):
    print(f"level 2: I am {os.getpid()}", flush=True)
    stdin.poll(None)
    print(f"level 2: orphaned? {not parent_process().is_alive()}", flush=True)


def level_1(stdin):
    print(f"level 1: I am {os.getpid()}", flush=True)
    multiprocessing.Process(target=level_2, args=(stdin,)).start()
    sys.exit(3)


def main():
    # multiprocessing gives each child /dev/null as its standard input: this is ours, for them to wait on.
    stdin = Connection(os.dup(sys.stdin.fileno()), writable=False)
    child = multiprocessing.Process(target=level_1, args=(stdin,))
    child.start()
    child.join()
    print(f"main: level 1 ended with {child.exitcode}", flush=True)


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    main()

"""main starts a child and tries to terminate itself as it could terminate a child. A process holds no handle to itself: AttributeError.

That error ends main, but not before multiprocessing has joined the child, which goes on until standard input ends.
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
    multiprocessing.current_process().terminate()
    print("main: never gets here", flush=True)


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    main()

"""main starts a child and leaves by os._exit(0), which skips the join that multiprocessing would do: the child is orphaned.

The child goes on until standard input ends. Usage: main_calls_os_exit.py [fork|spawn]
"""

import multiprocessing
import os
import sys
from multiprocessing import parent_process
from multiprocessing.connection import Connection, Pipe


def work(to_main, stdin):
    print(f"child: orphaned? {not parent_process().is_alive()}", flush=True)
    to_main.send(os.getpid())
    parent_process().join()
    print(f"child: orphaned? {not parent_process().is_alive()}", flush=True)
    stdin.poll(None)
    print("child: done", flush=True)


def main():
    print(f"main: I am {os.getpid()}", flush=True)
    # multiprocessing gives each child /dev/null as its standard input: this is ours, for them to wait on.
    stdin = Connection(os.dup(sys.stdin.fileno()), writable=False)
    from_child, to_main = Pipe(duplex=False)
    multiprocessing.Process(target=work, args=(to_main, stdin)).start()
    print(f"main: the child is {from_child.recv()}", flush=True)
    os._exit(0)


if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1] if sys.argv[1:] else "fork")
    main()

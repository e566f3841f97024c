"""main starts level 1, which starts level 2. main terminates level 1: nobody waits for level 2 any more, and it outlives main.

Level 2 goes on until standard input ends.
"""

import multiprocessing
import os
import sys
from multiprocessing import parent_process
from multiprocessing.connection import Connection, Pipe


def is_orphaned():
    return not parent_process().is_alive()


def level_2(to_main, stdin):
    print(f"level 2: orphaned? {is_orphaned()}", flush=True)
    to_main.send(os.getpid())
    parent_process().join()
    print(f"level 2: orphaned? {is_orphaned()}", flush=True)
    to_main.send("level 2 is an orphan")
    stdin.poll(None)
    print("level 2: done", flush=True)


def level_1(to_main, stdin):
    child = multiprocessing.Process(target=level_2, args=(to_main, stdin))
    child.start()
    child.join()
    print("level 1: never gets here", flush=True)


def main():
    print(f"main: I am {os.getpid()}", flush=True)
    # multiprocessing gives each child /dev/null as its standard input: this is ours, for them to wait on.
    stdin = Connection(os.dup(sys.stdin.fileno()), writable=False)
    from_level_2, to_main = Pipe(duplex=False)
    child = multiprocessing.Process(target=level_1, args=(to_main, stdin))
    child.start()
    print(f"main: level 2 is {from_level_2.recv()}", flush=True)
    child.terminate()
    child.join()
    print(f"main: {from_level_2.recv()}, for level 1 ended with {child.exitcode}", flush=True)


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    main()

"""Asks "am I orphaned?", and whether orphanguard has adopted me: orphanguard --on-exit wait -- python3 am_i_orphaned.py"""

import multiprocessing
import os
from multiprocessing import parent_process


def am_i_orphaned():
    parent = parent_process()
    if parent is None or parent.is_alive():
        return "no"
    # multiprocessing knows that it has ended by a pipe that it held; the kernel closes that just before it gives its children away.
    while os.getppid() == parent.pid:
        os.sched_yield()
    guard = os.environ.get("ORPHANGUARD_ID", "").split(".")[0]
    return "yes, and orphanguard has adopted me" if str(os.getppid()) == guard else "yes"


def child(to_main):
    print("child: am I orphaned?", am_i_orphaned(), flush=True)
    to_main.send("asked")
    parent_process().join()
    print("child: am I orphaned?", am_i_orphaned(), flush=True)


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    print("main: am I orphaned?", am_i_orphaned(), flush=True)
    from_child, to_main = multiprocessing.Pipe(duplex=False)
    multiprocessing.Process(target=child, args=(to_main,)).start()
    from_child.recv()
    os._exit(0)

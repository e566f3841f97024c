"""The main process is nobody's child as far as multiprocessing knows, whoever started it."""

import multiprocessing

print(f"main: parent_process() is {multiprocessing.parent_process()}", flush=True)

"""main starts a child, which tries to terminate main as main could terminate it. It holds no handle to its parent: AttributeError."""

import multiprocessing


def work():
    multiprocessing.parent_process().terminate()
    print("child: never gets here", flush=True)


def main():
    child = multiprocessing.Process(target=work)
    child.start()
    child.join()
    print(f"main: the child ended with {child.exitcode}", flush=True)


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    main()

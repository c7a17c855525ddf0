# serve.py TREE CONFIG: wptserve of an unpacked copy of web-platform-tests, until SIGTERM or SIGINT.
# Its own command makes a virtual environment from a package registry; everything needed is in the copy.
import multiprocessing
import os
import signal
import sys
import time


def stop(*_):
    raise KeyboardInterrupt


def end_together():
    """The servers are processes of their own: they go when this one goes, however it does."""
    os.setpgrp()
    group = os.getpgrp()
    if os.fork() != 0:
        return
    os.setpgid(0, 0)
    while os.getppid() == group:
        time.sleep(0.5)
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass
    os._exit(0)


def main():
    end_together()
    tree, config = sys.argv[1:3]
    # the servers are processes of their own, which import again what this one has imported
    sys.path.insert(0, tree)
    os.environ["PYTHONPATH"] = tree
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    from tools import localpaths  # noqa: F401 (finds what the copy brings along)
    from tools.serve import serve

    signal.signal(signal.SIGTERM, stop)
    sys.exit(1 if serve.run(config_path=config, h2=True, latency=None) else 0)


if __name__ == "__main__":
    multiprocessing.freeze_support()
    main()

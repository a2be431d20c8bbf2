"""Forks, the interpreter's end, and its lock: each scene is a program of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from uuid import uuid4

import pytest

from test_receiver import address

HERE = Path(__file__).parent

STORES = {
    "memory": "MemoryStore()",
    "sqlite": "SqliteStore('webhooks.db')",
    "postgres": "PostgresStore(os.environ['DATABASE_URL'], prefix='p_' + os.environ['UNIQUE'], migrate=True)",
    "redis": "RedisStore(os.environ['REDIS_URL'], prefix=os.environ['UNIQUE'])",
}

PREFACE = """
import asyncio, gc, logging, os, signal, sys, threading, time
from datetime import timedelta
from counterfoil import *
from orders import SECRET, event, told, until, won
"""


@pytest.fixture(params=list(STORES))
def store(request: pytest.FixtureRequest) -> str:
    if request.param == "postgres":
        address("DATABASE_URL")
    if request.param == "redis":
        address("REDIS_URL")
    return STORES[request.param]


def run(folder: Path, program: str, *options: str) -> str:
    """Runs a program to its end, which must be a clean and silent one, and gives what it printed."""
    paths = os.pathsep.join([str(HERE), *sys.path])
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", *options, "-c", PREFACE + textwrap.dedent(program)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths, "UNIQUE": uuid4().hex[:12]},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, ""), (done.returncode, done.stdout, done.stderr)
    return done.stdout


def test_a_child_of_a_process_that_has_used_its_store_goes_on_with_its_own(tmp_path: Path, store: str) -> None:
    if "Sqlite" in store:
        return after_a_fork_a_sqlite_store_is_refused(tmp_path, store)
    program = f"""
    logging.disable()
    receiver = Receiver("handl", SECRET, store={store})
    first = event("evt_1")
    won(receiver.receive(*first)).complete()
    held = won(receiver.receive(*event("evt_2")))
    for number in range(2):
        child = os.fork()
        if child == 0:
            # The parent's lease is not the child's to settle, nor to give back when it ends.
            assert told(held.settle(200)) == (503, "shutting_down")
            del held
            gc.collect()
            shared = {"memory" not in store.lower()}
            if shared:
                assert told(receiver.receive(*first)) == (200, "duplicate")
            won(receiver.receive(*event(f"child_{{number}}"))).complete()
            async def scene():
                async with won(await receiver.areceive(*event(f"async_{{number}}"))):
                    pass
            asyncio.run(scene())
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    held.complete()
    assert told(receiver.receive(*first)) == (200, "duplicate")
    won(receiver.receive(*event("evt_3"))).complete()
    print("done")
    """
    assert run(tmp_path, program) == "done\n"


def after_a_fork_a_sqlite_store_is_refused(folder: Path, store: str) -> None:
    """The child's SQLite would believe to hold the parent's locks."""
    program = f"""
    logging.disable()
    store = {store}
    receiver = Receiver("handl", SECRET, store=store)
    won(receiver.receive(*event("evt_1"))).complete()
    child = os.fork()
    if child == 0:
        assert told(receiver.receive(*event("evt_2"))) == (503, "store_unavailable")
        try:
            store.open()
        except StoreError as error:
            assert "use it first after the fork" in str(error) and not error.transient
            os._exit(0)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    won(receiver.receive(*event("evt_2"))).complete()
    """
    run(folder, program)


def test_a_store_that_was_made_before_the_fork_is_opened_after_it(tmp_path: Path, store: str) -> None:
    program = f"""
    logging.disable()
    receiver = Receiver("handl", SECRET, store={store})
    deliveries = [event(f"evt_{{number}}") for number in range(20)]
    children = []
    for _ in range(3):
        child = os.fork()
        if child == 0:
            handled = 0
            for delivery in deliveries:
                admission = receiver.receive(*delivery)
                if isinstance(admission, Lease):
                    admission.complete()
                    handled += 1
            os._exit(handled)
        children.append(child)
    print(sum(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
    """
    shared = "Memory" not in store
    assert run(tmp_path, program) == ("20\n" if shared else "60\n")


def test_multiprocessing_by_fork(tmp_path: Path) -> None:
    program = """
    import multiprocessing
    receiver = Receiver("handl", SECRET, store=SqliteStore("webhooks.db"))
    delivery = event("evt_1")

    def handle(_):
        admission = receiver.receive(*delivery)
        if isinstance(admission, Lease):
            admission.complete()
            return 1
        return 0

    with multiprocessing.get_context("fork").Pool(3) as pool:
        print(sum(pool.map(handle, range(30))))
    """
    assert run(tmp_path, program) == "1\n"


@pytest.mark.parametrize("ending", ["", "sys.exit(0)", "threading.Thread(target=time.sleep, args=(0.2,)).start()"])
def test_the_interpreter_ends_while_work_is_in_flight(tmp_path: Path, store: str, ending: str) -> None:
    program = f"""
    logging.disable()
    receiver = Receiver("handl", SECRET, store={store})
    here = os.getpid()
    lease = won(receiver.receive(*event(f"evt_{{here}}")))
    async def scene():
        leases = [won(await receiver.areceive(*event(f"{{here}}_{{number}}"))) for number in range(20)]
        for lease in leases[:10]:
            lease.asettle(200)
        asyncio.ensure_future(copy())
        await asyncio.sleep(0)
    async def copy():
        await receiver.areceive(*event(f"evt_{{here}}"))
    asyncio.run(scene())
    print("done", flush=True)
    {ending}
    """
    for _ in range(3):
        assert run(tmp_path, program) == "done\n"


def test_what_was_settled_before_the_end_is_settled(tmp_path: Path) -> None:
    store = STORES["sqlite"]
    program = f"""
    receiver = Receiver("handl", SECRET, store={store})
    async def scene():
        for number in range(100):
            won(await receiver.areceive(*event(f"evt_{{number}}"))).asettle(200)
    asyncio.run(scene())
    """
    run(tmp_path, program)
    program = f"""
    logging.disable()
    receiver = Receiver("handl", SECRET, store={store})
    for number in range(100):
        assert isinstance(receiver.receive(*event(f"evt_{{number}}")), Answer), number
    print("all")
    """
    assert run(tmp_path, program) == "all\n"


def test_ctrl_c_reaches_a_thread_that_waits(tmp_path: Path) -> None:
    program = """
    logging.disable()
    receiver = Receiver("handl", SECRET, store=MemoryStore())
    headers, body = event("evt_1")
    lease = won(receiver.receive(headers, body))
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        receiver.receive(headers, body)
    except KeyboardInterrupt:
        print("interrupted")
    lease.release()
    # The copy that nobody waits for has claimed the event, and gives it back.
    def free():
        admission = receiver.receive(headers, body)
        if isinstance(admission, Lease):
            admission.complete()
            return True
        return False
    until(free)
    """
    assert run(tmp_path, program) == "interrupted\n"


def test_the_lock_of_the_interpreter_is_free_while_a_store_is_asked(tmp_path: Path) -> None:
    program = """
    receiver = Receiver("handl", SECRET, store=SqliteStore("webhooks.db"))
    headers, body = event("evt_1")
    lease = won(receiver.receive(headers, body))
    copy = threading.Thread(target=receiver.receive, args=(headers, body))
    copy.start()
    until(lambda: receiver.health().waiting == 1)
    count = 0
    while copy.is_alive():
        count += 1
        if count == 10_000:
            lease.complete()
    print("counted" if count >= 10_000 else count)
    """
    assert run(tmp_path, program) == "counted\n"


def test_threads_share_a_receiver(tmp_path: Path) -> None:
    program = """
    receiver = Receiver("handl", SECRET, store=SqliteStore("webhooks.db"))
    deliveries = [event(f"evt_{number}") for number in range(50)]
    handled = []
    def work():
        for delivery in deliveries:
            admission = receiver.receive(*delivery)
            if isinstance(admission, Lease):
                handled.append(admission.delivery.event_id)
                admission.complete()
    threads = [threading.Thread(target=work) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    print(len(handled), len(set(handled)))
    """
    assert run(tmp_path, program) == "50 50\n"


def test_importing_starts_nothing(tmp_path: Path) -> None:
    program = """
    import counterfoil.transactions
    Receiver("handl", SECRET, store=SqliteStore("webhooks.db"))
    Verifier("handl", SECRET)
    heavy = ("fastapi", "starlette", "flask", "django", "psycopg", "asyncpg", "sqlalchemy", "sqlite3")
    print(len(os.listdir("/proc/self/task")), [name for name in heavy if name in sys.modules], os.listdir("."))
    """
    assert run(tmp_path, program) == "1 [] []\n"

# SPDX-License-Identifier: MIT
"""Work for the case python_processes: threads, forks from them, pools, pipes, an event loop."""

import asyncio
import concurrent.futures
import multiprocessing
import os
import queue
import subprocess
import sys
import tempfile
import threading
import warnings

warnings.simplefilter("ignore")


def work(number):
    table = {str(i): [i] * (i % 30) for i in range(number % 500)}
    return sum(len(value) for value in table.values()) + number


def threads():
    tasks, results = queue.Queue(50), queue.Queue()

    def loop():
        while (number := tasks.get()) is not None:
            results.put((number, work(number), bytearray(number)))
    workers = [threading.Thread(target=loop) for _ in range(6)]
    for worker in workers:
        worker.start()
    for number in range(2000):
        tasks.put(number)
    for _ in workers:
        tasks.put(None)
    for worker in workers:
        worker.join()
    done = sorted(results.get()[:2] for _ in range(2000))
    print("threads", len(done), sum(value for _, value in done))


def forks_among_threads():
    stop = threading.Event()

    def busy():
        while not stop.is_set():
            work(499)
    workers = [threading.Thread(target=busy) for _ in range(2)]
    for worker in workers:
        worker.start()
    codes = []
    for number in range(20):
        if (child := os.fork()) == 0:
            os._exit(work(number) % 100)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    stop.set()
    for worker in workers:
        worker.join()
    print("forks among threads", codes)


def pools():
    with multiprocessing.get_context("fork").Pool(3) as pool:
        print("pool", sum(pool.imap_unordered(work, range(3000), chunksize=50)))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        print("executor", sum(pool.map(work, range(2000))))
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        print("spawned", sum(pool.map(work, range(200), chunksize=20)))
    with multiprocessing.Manager() as manager:
        shared = manager.dict()
        processes = [multiprocessing.Process(target=shared.__setitem__, args=(n, [n] * n)) for n in range(6)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        print("manager", sorted((n, len(value)) for n, value in shared.items()))


def subprocesses():
    sizes = []
    for number in range(20):
        text = str(number) * 10000
        sizes.append(len(subprocess.run(["sed", "s/1/22/g"], input=text, capture_output=True, text=True, check=True).stdout))
    failed = subprocess.run([sys.executable, "-c", "import sys; sys.exit(3)"]).returncode
    with tempfile.TemporaryFile() as file:
        subprocess.run("echo one; echo two >&2", shell=True, stdout=file, stderr=subprocess.STDOUT, check=True)
        file.seek(0)
        print("subprocesses", sizes, failed, file.read())


async def talk(reader, writer):
    while line := await reader.readline():
        writer.write(line.upper() * 2)
        await writer.drain()
    writer.close()


async def client(path, number):
    reader, writer = await asyncio.open_unix_connection(path)
    total = 0
    for n in range(30):
        writer.write(b"%d line\n" % (n * number))
        total += len(await reader.readline()) + len(await reader.readline())
    writer.close()
    return total


async def event_loop():
    server = await asyncio.start_unix_server(talk, "socket")
    totals = await asyncio.gather(*(client("socket", n) for n in range(30)))
    server.close()
    print("event loop", sum(totals))


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    threads()
    forks_among_threads()
    pools()
    subprocesses()
    asyncio.run(event_loop())

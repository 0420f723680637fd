"""Read documents in a pool of sandbox processes, ahead of the consumer.

A file that makes its reader hang, crash or exhaust memory fails alone. Readers run while the model computes, as far
ahead as a bounded buffer allows. Files are assigned in order, a few per reader, so the first unfinished file is always
being read.
"""

import os
import select
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress

from ner_tasks import hardware
from ner_tasks.documents.sandbox.in_order import Closed, Found, OrderedAnswers
from ner_tasks.documents.sandbox.sandbox_reader import Request, SandboxReader
from ner_tasks.documents.types import Limits
from ner_tasks.files.contained import Source

_MAX_READERS = 4
# Maximum share of the memory for readers; the model, its batches and the operating system use the rest.
_MEMORY_SHARE = 0.5
# Start another reader once the consumer has waited this long for answers since the last start.
_STARVED_S = 0.5
_TICK_S = 0.2


def read_in_sandbox(
    files: Iterable[tuple[str, Source]], limits: Limits, n_workers: int = 0, read_s: dict[int, float] | None = None
) -> Iterator[Found]:
    """Read files in sandbox processes.

    Args:
        files: name and path of each file; iterated lazily, from another thread.
        limits: limits on size, time and memory.
        n_workers: number of processes; 0 starts one and adds more while the consumer waits, up to one per CPU and four
            in total. Fewer are started if they could use more than half of the memory.
        read_s: gets the seconds of CPU for reading each file, by its index, before its end; wall time for a file whose
            reader crashed or was too slow.

    Yields:
        `(index, answer)` for each answer, then `(index, None)` at the end of each file, in the order of `files`.

    Raises:
        OSError: a transient error, or no reader process could be started.
    """
    reading = _SandboxPool(files, limits, n_workers, read_s)
    thread = threading.Thread(target=reading.run, name="reading", daemon=True)
    thread.start()
    try:
        yield from reading.answers
    finally:
        reading.answers.close()
        thread.join()


def count_readers(wanted: int, memory_mib: int) -> int:
    """Return the maximum number of reader processes, at least 1.

    Args:
        wanted: requested number; 0 for one per CPU.
        memory_mib: maximum memory of each process.
    """
    fits = int(_MEMORY_SHARE * hardware.available_memory()) // (memory_mib * 2**20)
    return max(1, min(wanted or min(_MAX_READERS, hardware.count_cpus()), fits))


class _Alarm:
    """Wakes the thread that polls the readers' pipes."""

    def __init__(self) -> None:
        self.output, self._input = os.pipe()
        os.set_blocking(self.output, False)
        os.set_blocking(self._input, False)
        self._lock = threading.Lock()

    def ring(self) -> None:
        with self._lock, suppress(BlockingIOError):
            if self._input >= 0:
                os.write(self._input, b"\0")

    def clear(self) -> None:
        with suppress(BlockingIOError):
            os.read(self.output, 2**10)

    def close(self) -> None:
        with self._lock:
            os.close(self._input)
            os.close(self.output)
            self._input = -1


class _SandboxPool:
    """Pool of reader processes that assigns files to them; runs in a separate thread."""

    def __init__(
        self, files: Iterable[tuple[str, Source]], limits: Limits, n_workers: int, read_s: dict[int, float] | None
    ):
        self._alarm = _Alarm()
        self.answers = OrderedAnswers(self._alarm.ring, read_s)
        self._files, self._limits, self._n_files = iter(files), limits, 0
        self._next: Request | None = None
        self._readers: list[SandboxReader] = []
        self._n_most, self._at_once = count_readers(n_workers, limits.memory_mib), bool(n_workers)
        self._starved_from = 0.0  # seconds that the consumer had waited when the last reader became ready

    def run(self) -> None:
        error: BaseException | None = None
        try:
            while self._deal():
                self._serve()
        except Closed:
            pass  # there is no consumer left to report an error to
        except BaseException as raised:  # noqa: BLE001 - raised again in the consumer's thread
            error = raised
        finally:
            for reader in self._readers:
                reader.stop()
            self._alarm.close()
        self.answers.end(error)

    def _deal(self) -> bool:
        """Assign the next files to readers with room; return False when no work is left."""
        while (request := self._peek()) and (reader := self._pick_reader(request)):
            self._next = None
            reader.submit(request)
        if self._next and self._needs_another():
            self._add_reader()
        return bool(self._next or any(reader.requests for reader in self._readers))

    def _peek(self) -> Request | None:
        """Return the next file without taking it, or None; an error in the iterable keeps its place in the order."""
        if self._next is None and not any(reader.has_failed for reader in self._readers):
            try:
                file = next(self._files, None)
            except BaseException as error:  # noqa: BLE001 - raised again in the consumer's thread
                self.answers.put(self._n_files, error)
                file = None
            if file is None:
                self._files = iter(())
                return None
            self._next = Request.of(self._n_files, *file)
            self._n_files += 1
        return self._next

    def _pick_reader(self, request: Request) -> SandboxReader | None:
        free = [reader for reader in self._readers if reader.has_room(request)]
        freest = min(free, key=lambda reader: len(reader.requests), default=None)
        is_growing = self._at_once and len([one for one in self._readers if one.is_ready]) < self._n_most
        return None if freest and freest.requests and is_growing else freest

    def _needs_another(self) -> bool:
        """Whether another reader would help: none has room, and the consumer waits."""
        if len(self._readers) >= self._n_most or not all(reader.is_ready for reader in self._readers):
            return False
        is_starved = self.answers.waited_s() - self._starved_from > _STARVED_S
        is_full = any(reader.is_paused for reader in self._readers)
        return not self._readers or self._at_once or (is_starved and not is_full)

    def _add_reader(self) -> None:
        try:
            self._readers.append(SandboxReader(self.answers, self._limits))
        except OSError:
            if not self._readers:
                raise
            self._n_most = len(self._readers)  # the machine cannot run more

    def _serve(self) -> None:
        """Receive from the readers, waiting briefly if nothing is ready."""
        for reader in self._readers:
            if reader.is_paused:
                reader.resume()
        pipes = {reader.process.output: reader for reader in self._readers if not reader.is_paused}
        ready = _poll_readable([self._alarm.output, *pipes], _TICK_S)
        self.answers.check_open()
        self._alarm.clear()
        for output, reader in pipes.items():
            try:
                was_ready = reader.is_ready
                reader.receive() if output in ready else reader.check_time()
                if reader.is_ready and not was_ready:
                    self._starved_from = self.answers.waited_s()
            except ChildProcessError:
                if reader.requests or len(self._readers) == 1:
                    raise
                self._readers.remove(reader)
                self._n_most = len(self._readers)


def _poll_readable(outputs: list[int], seconds: float) -> set[int]:
    """Return the descriptors that are readable or closed, after at most so many seconds."""
    poll = select.poll()
    for output in outputs:
        poll.register(output, select.POLLIN)
    return {output for output, _ in poll.poll(1_000 * seconds)}

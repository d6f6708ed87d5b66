"""Where the time of a process goes: seconds and processor seconds spent in chosen functions and methods."""

import time


class Stopwatch:
    """Adds up the time spent in functions of modules and methods of objects, by the name of a stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.cpu_seconds: dict[str, float] = {}
        self.longest: dict[str, float] = {}

    def watch(self, owner: object, name: str, stage: str) -> None:
        """Count the calls of a function or method towards a stage, as long as its owner lives."""
        inner = getattr(owner, name)

        def timed(*args: object, **kwargs: object) -> object:
            started, cpu_started = time.perf_counter(), time.process_time()
            result = inner(*args, **kwargs)
            seconds = time.perf_counter() - started
            self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds
            self.cpu_seconds[stage] = self.cpu_seconds.get(stage, 0.0) + time.process_time() - cpu_started
            self.longest[stage] = max(seconds, self.longest.get(stage, 0.0))
            return result

        setattr(owner, name, timed)

    def clear(self) -> None:
        """Begin anew."""
        for totals in (self.seconds, self.cpu_seconds, self.longest):
            totals.clear()

"""Ctrl-C that is not lost on its way.

Python raises it as KeyboardInterrupt in whatever runs at the time. Where C has called that, to run
a finalizer or to ask for an attribute, as numpy and Arrow do all the time, C may drop it: so ended
2 to 3 of 100 interrupts of a conversion. Therefore it is raised again until it is seen to.
"""

from __future__ import annotations

import os
import signal
import sys

_AGAIN = 0.1  # seconds after which one that was not lost is long being handled


def insist() -> None:
    """Raise an interrupt again and again until `settle`, except while it is being handled.

    Where interrupts are ignored or somebody else's, as in the background of a shell, they stay so.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        sys.unraisablehook = _say_of_others
        signal.signal(signal.SIGALRM, _repeat)
        signal.signal(signal.SIGINT, _interrupt)


def settle() -> None:
    """Raise it no more: the interrupt has arrived, or there is nothing left to interrupt."""
    signal.setitimer(signal.ITIMER_REAL, 0)


def is_interrupt(error: BaseException | None) -> bool:
    """Tell an interrupt, also where what was running made another error of it."""
    while error and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _interrupt(*_: object) -> None:
    signal.setitimer(signal.ITIMER_REAL, _AGAIN, _AGAIN)
    raise KeyboardInterrupt


def _repeat(*_: object) -> None:
    """Leave alone who tidies up, because of the interrupt or as a generator that is closed."""
    handled = sys.exc_info()[1]
    if not isinstance(handled, GeneratorExit) and not is_interrupt(handled):
        os.kill(os.getpid(), signal.SIGINT)


def _say_of_others(dropped: sys.UnraisableHookArgs) -> None:
    if not issubclass(dropped.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(dropped)

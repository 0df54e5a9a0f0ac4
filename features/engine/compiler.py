"""The one decorator behind every kernel: compiled by numba, cached on disk where that can be."""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., object])


def kernel(function: Kernel) -> Kernel:
    """Compile `function` on its first call; it runs without the interpreter lock.

    NOTE: numba looks for a writable cache directory when it decorates and raises RuntimeError
    where it finds none (read-only installation without a home directory). The kernels then
    compile anew in every process, which costs seconds and changes no value.
    """
    try:
        compiled = numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:
        compiled = numba.njit(nogil=True)(function)
    return cast(Kernel, compiled)

"""A turn of a training step as a CUDA graph, with compiled networks if asked, both directions side by side.

At 256 px a step starts some 3,000 small programs on the GPU, kernels, and a processor cannot start them as fast as a large GPU
finishes them (docs/PERFORMANCE.md). A CUDA graph is a whole turn, recorded once and started at once. Losses, gradients and all
that stands around a turn (optimisers, pools, schedule, noise, moving average) are those of the course: nothing is repeated here.
"""

import contextlib
import functools
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_leaves, tree_map, tree_unflatten

from minicyclegan.cyclegan import CycleGAN, learn_from, run_both
from minicyclegan.fast.norm import WrittenNorm, replace_norms

WARM_UP = 3  # turns before a recording: cuDNN tries its algorithms, and torch.compile compiles


@functools.cache
def second_stream(device: torch.device) -> torch.cuda.Stream:
    """One for each device: memory that was in use on a stream can be reused on that stream only."""
    return torch.cuda.Stream(device)


def on_two_streams(first: Callable, second: Callable) -> list[tuple]:
    """Like `cyclegan.in_turn`, with both jobs side by side on the GPU, the second on a CUDA stream of its own.

    A backward pass runs each operation on the stream of its forward pass, so one for both jobs uses both streams too.
    """
    here = torch.cuda.current_stream()
    other = second_stream(here.device)
    other.wait_stream(here)
    results = [first()]
    with torch.cuda.stream(other):
        results.append(second())
    here.wait_stream(other)
    # What the second job returns is read here too: until that is done, the other stream must not reuse its memory
    for tensor in tree_leaves(results[1]):
        tensor.record_stream(here)
    results = learn_from(results)
    # The caller may overwrite what the second job reads as soon as this returns: by then the other stream must be done
    here.wait_stream(other)
    return results


class RecordedTurn:
    """A turn of a training step, such as `model.generators_turn`, as a CUDA graph: recorded when it is first called, then replayed.

    A recording reads and writes the same places each time. Pictures and noise are copied to where it reads them; the weights
    stay where they are, as an optimiser changes them in place; and the gradients that it makes, in memory of its own, become
    those of `networks`. Other sizes, or another value of `with_identity`, get a recording of their own.

    Where a recording fails, `say` receives one line and the turn is computed as it stands, from then on. Nor is anything
    recorded where nothing learns (`run_both`) or gradients are there already, to which a turn adds its own.
    """

    def __init__(self, turn: Callable, networks: list[nn.Module], shared: dict, say: Callable):
        self.turn, self.networks, self.shared, self.say = turn, networks, shared, say
        self.weights = [weight for network in networks for weight in network.parameters()]
        self.works, self.compiled, self.recordings = True, [], {}

    def __call__(self, *given) -> tuple:
        if not self.works or given[-1] is run_both or any(weight.grad is not None for weight in self.weights):
            return self.turn(*given)
        values, form = tree_flatten(given)
        kind = tuple((v.shape, v.dtype) if isinstance(v, Tensor) else v for v in values)
        if kind not in self.recordings:
            self.recordings[kind] = self.recording(values, form)
        replay = self.recordings[kind]
        return self.turn(*given) if replay is None else replay(values)

    def recording(self, values: list, form) -> Callable | None:
        """A function that replays the turn with other values; None where it cannot be recorded."""
        if self.compiled:
            try:
                with compiled(self.compiled):
                    return self.record(values, form)
            except Exception as error:  # torch.compile raises many kinds
                self.give_up("compiling did not work here, so the step runs without", error)
                self.compiled = []
        try:
            return self.record(values, form)
        except Exception as error:
            self.give_up("recording the step did not work here, so it runs as it stands, more slowly", error)
            self.works = False
            return None

    def give_up(self, what: str, error: Exception) -> None:
        self.forget()
        reason = (str(error).strip().splitlines() or [""])[0][:200]
        self.say(f"{what} ({type(error).__name__}: {reason})")

    def forget(self) -> None:
        for weight in self.weights:
            weight.grad = None

    def record(self, values: list, form) -> Callable:
        places = [value.clone() if isinstance(value, Tensor) else value for value in values]
        given = tree_unflatten(places, form)
        replay, results = self.capture(lambda: self.turn(*given))
        gradients = [weight.grad for weight in self.weights]
        self.forget()

        def replay_with(values: list) -> tuple:
            for place, value in zip(places, values):
                if isinstance(place, Tensor):
                    place.copy_(value)
            replay()
            for weight, gradient in zip(self.weights, gradients):
                weight.grad = gradient
            # Numbers may be kept by whoever asked; a picture is only lent until the next replay, and the pools copy it
            return tree_map(lambda x: x.clone() if x.ndim == 0 else x, results)

        return replay_with

    def capture(self, work: Callable) -> tuple[Callable, tuple]:
        """A function that does `work` again, into the same places; and the results in their places."""
        # All recordings share a stream and a pool of memory, as they run one after the other
        if not self.shared:
            self.shared |= {"stream": torch.cuda.Stream(), "pool": torch.cuda.graph_pool_handle()}
        stream, pool, here = self.shared["stream"], self.shared["pool"], torch.cuda.current_stream()
        stream.wait_stream(here)
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                work()
                self.forget()
        here.wait_stream(stream)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        # By thread: others may use the GPU meanwhile
        with torch.cuda.graph(graph, pool=pool, stream=stream, capture_error_mode="thread_local"):
            results = work()
        return graph.replay, results


def record_turns(model: CycleGAN, say: Callable = print) -> None:
    """From now on both turns of a training step are recorded and replayed. `model.learn` must be set before."""
    shared = {}
    generators, discriminators = model.players()
    model.generators_turn = RecordedTurn(model.generators_turn, generators, shared, say)
    model.discriminators_turn = RecordedTurn(model.discriminators_turn, discriminators, shared, say)


@contextlib.contextmanager
def compiled(networks: list[nn.Module]):
    """Within the block the networks run compiled, with their norms written out, which the compiler joins with their neighbours."""
    try:
        for network in networks:
            replace_norms(network, WrittenNorm)
            # A generator is shown two sizes of batch: each gets code of its own
            network.forward = torch.compile(network.forward, dynamic=False)
        yield
    finally:
        for network in networks:
            vars(network).pop("forward", None)
            replace_norms(network, nn.InstanceNorm2d)

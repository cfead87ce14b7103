"""What a generator may take over from a finished one that differs in its diffusion alone."""

from acadiff.generators.base import Generator


def inherit(generator: Generator, finished: Generator) -> int:
    """Take over all that phases left which no number of the diffusion has a part in.

    Args:
        generator: about to be trained; the parameters of its later phases stay as they are.
        finished: one of the same method, whose other numbers are the same.

    Returns:
        How many phases need not be trained any more.
    """
    count = generator.undiffused
    later = {
        name
        for phase in generator.phases()[count:]
        for objective in phase.values()
        for name in objective.parameters
    }
    state = {k: v for k, v in finished.state_dict().items() if k not in later}
    generator.load_state_dict(state, strict=False)
    return count

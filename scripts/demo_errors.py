"""What ends a demo."""


class DemoError(RuntimeError):
    """A step whose result did not come in time; the text says where to look."""

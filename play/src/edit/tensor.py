"""A tensor in plain Python, for rules that a reader changes in the page, where there is no torch.

One list of numbers, and of torch's methods those that treat each number by itself. What ends in `_` changes the tensor in place.
Written for MicroPython."""
from math import exp, log, tanh


class Tensor:
    "Numbers in a row"

    def __init__(self, numbers):
        self.numbers = numbers

    def __getattr__(self, name):
        raise AttributeError("a tensor in this page has no `%s`: it knows %s" % (name, ", ".join(sorted(METHODS))))

    def __len__(self):
        return len(self.numbers)

    def __neg__(self):
        return each(lambda x: -x, self)

    def __add__(self, other):
        return each(lambda x, y: x + y, self, other)

    def __sub__(self, other):
        return each(lambda x, y: x - y, self, other)

    def __mul__(self, other):
        return each(lambda x, y: x * y, self, other)

    def __truediv__(self, other):
        return each(quotient, self, other)

    def __pow__(self, other):
        return each(lambda x, y: x**y, self, other)

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other):
        return each(lambda x, y: y - x, self, other)

    def __rtruediv__(self, other):
        return each(lambda x, y: quotient(y, x), self, other)

    def __lt__(self, other):
        return each(lambda x, y: x < y, self, other)

    def __le__(self, other):
        return each(lambda x, y: x <= y, self, other)

    def __gt__(self, other):
        return each(lambda x, y: x > y, self, other)

    def __ge__(self, other):
        return each(lambda x, y: x >= y, self, other)

    def __bool__(self):
        raise ValueError("an `if` can't ask about a tensor: each of its numbers may have another answer")

    def __iadd__(self, other):
        return self.add_(other)

    def __isub__(self, other):
        return self.sub_(other)

    def __imul__(self, other):
        return self.mul_(other)

    def __itruediv__(self, other):
        return self.div_(other)


def each(f, *args):
    "The tensor of `f` of each number; what is no tensor counts for all of them"
    n = max(len(x) for x in args if isinstance(x, Tensor))
    rows = [x.numbers if isinstance(x, Tensor) else [x] * n for x in args]
    return Tensor([f(*row) for row in zip(*rows)])


def quotient(x, y):
    "As the processor divides"
    if y:
        return x / y
    return float("nan") if not x or x != x else x * float("inf")


def root(x):
    "As the processor takes a root"
    return x**0.5 if x >= 0 else float("nan")


# Each of torch's methods as what it does with one number, in torch's order of operations
METHODS = dict(
    add=lambda x, y, alpha=1: x + alpha * y,
    sub=lambda x, y, alpha=1: x - alpha * y,
    mul=lambda x, y: x * y,
    div=lambda x, y: quotient(x, y),
    neg=lambda x: -x,
    abs=lambda x: abs(x),
    sign=lambda x: float((x > 0) - (x < 0)),
    sqrt=lambda x: root(x),
    rsqrt=lambda x: quotient(1, root(x)),
    square=lambda x: x * x,
    reciprocal=lambda x: quotient(1, x),
    pow=lambda x, n: x**n,
    exp=lambda x: exp(x),
    log=lambda x: log(x),
    tanh=lambda x: tanh(x),
    sigmoid=lambda x: 1 / (1 + exp(-x)),
    relu=lambda x: max(x, 0.0),
    maximum=lambda x, y: max(x, y),
    minimum=lambda x, y: min(x, y),
    clamp=lambda x, least, most: min(max(x, least), most),
    clamp_min=lambda x, least: max(x, least),
    clamp_max=lambda x, most: min(x, most),
    where=lambda x, y, z: y if x else z,
    lerp=lambda x, y, weight: x + weight * (y - x),
    addcmul=lambda x, a, b, value=1: x + value * a * b,
    addcdiv=lambda x, a, b, value=1: x + quotient(value * a, b),
    clone=lambda x: x,
    zero=lambda x: 0.0,
    copy=lambda x, y: y,
)


def method(f):
    "Of a tensor, from what it does with one number"
    return lambda *args, **options: each(lambda *xs: f(*xs, **options), *args)


def in_place(f):
    "The same, and the tensor holds what comes out"

    def change(self, *args, **options):
        self.numbers = method(f)(self, *args, **options).numbers
        return self

    return change


for name, f in METHODS.items():
    if name != "copy":
        setattr(Tensor, name, method(f))
    setattr(Tensor, name + "_", in_place(f))


class Torch:
    "What `torch` is in the page: `torch.sign(x)` is `x.sign()`"

    Tensor = Tensor

    def __getattr__(self, name):
        if name not in METHODS:
            raise AttributeError("torch in this page has no `%s`: it has %s" % (name, ", ".join(sorted(METHODS))))
        return method(METHODS[name])


torch = Torch()


def given(numbers):
    "A tensor of what the page hands over"
    return Tensor([float(numbers[k]) for k in range(numbers.length)])


def apply(rule, p, g, state, rest):
    "One step of `rule`; the page's arrays hold what comes out"
    state = list(state)
    tensors = {name: given(numbers) for name, numbers in state}
    tensor = given(p)
    rule(tensor, given(g), **tensors, **rest)
    for numbers, new in [(p, tensor)] + [(numbers, tensors[name]) for name, numbers in state]:
        for k, x in enumerate(new.numbers):
            numbers[k] = x

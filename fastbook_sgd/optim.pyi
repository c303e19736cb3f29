# Written by tools/stubs.py from the rules: edit those, not this one.
from collections.abc import Iterable
from typing import Any, Literal

from torch import Tensor

from .base import Optimizer as Optimizer
from .momentum import sgd as sgd
from .adaptive import adagrad as adagrad, rmsprop as rmsprop, adam as adam, adamw as adamw, lion as lion
from .muon import muon as muon

__all__ = ['SGD', 'Adagrad', 'RMSprop', 'Adam', 'AdamW', 'Lion', 'Muon', 'Optimizer']

class SGD(Optimizer):
    """Descent with momentum, damped, or Nesterov's: `torch.optim.SGD`. Raises as `Optimizer` does.
    From Polyak 1964, Nesterov 1983, and Sutskever et al. 2013.

    params: Iterable of tensors, of pairs (name, tensor), or of dicts with `params` and hyper-parameters of their own
    lr: Learning rate, at least 0
    momentum: Share of the buffer that stays, at least 0
    dampening: Share of the gradient that is kept out of the buffer
    weight_decay: L2: added to the gradient, times `p`; at least 0
    nesterov: Look ahead? Needs momentum, and no dampening
    maximize: Climb instead of descending?
    driver: How the rule is run: one parameter at a time, or faster"""
    def __init__(self,
        params: Iterable[Tensor] | Iterable[tuple[str, Tensor]] | Iterable[dict[str, Any]],
        lr: float | Tensor = 0.001,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        driver: Literal['each', 'foreach', 'flat', 'fused'] = 'each',
    ) -> None: ...

class Adagrad(Optimizer):
    """Adagrad: `torch.optim.Adagrad`. From Duchi, Hazan and Singer 2011. Raises as `Optimizer` does.

    params: Iterable of tensors, of pairs (name, tensor), or of dicts with `params` and hyper-parameters of their own
    lr: Learning rate, at least 0
    lr_decay: How fast the learning rate itself shrinks, at least 0
    weight_decay: L2: added to the gradient, times `p`; at least 0
    initial_accumulator_value: What `s` starts from, at least 0; the driver fills it in
    eps: Added to the root, at least 0
    maximize: Climb instead of descending?
    driver: How the rule is run: one parameter at a time, or faster"""
    def __init__(self,
        params: Iterable[Tensor] | Iterable[tuple[str, Tensor]] | Iterable[dict[str, Any]],
        lr: float | Tensor = 0.01,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
        driver: Literal['each', 'foreach', 'flat', 'fused'] = 'each',
    ) -> None: ...

class RMSprop(Optimizer):
    """RMSProp: `torch.optim.RMSprop`. From Tieleman and Hinton 2012. Raises as `Optimizer` does.

    params: Iterable of tensors, of pairs (name, tensor), or of dicts with `params` and hyper-parameters of their own
    lr: Learning rate, at least 0
    alpha: Share of the averages that stays, at least 0
    eps: Added to the root, at least 0
    weight_decay: L2: added to the gradient, times `p`; at least 0
    momentum: Share of the buffer that stays, at least 0
    centered: Divide by the standard deviation instead of the root mean square?
    maximize: Climb instead of descending?
    driver: How the rule is run: one parameter at a time, or faster"""
    def __init__(self,
        params: Iterable[Tensor] | Iterable[tuple[str, Tensor]] | Iterable[dict[str, Any]],
        lr: float | Tensor = 0.01,
        alpha: float = 0.99,
        eps: float = 1e-08,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        *,
        maximize: bool = False,
        driver: Literal['each', 'foreach', 'flat', 'fused'] = 'each',
    ) -> None: ...

class Adam(Optimizer):
    """Adam: `torch.optim.Adam`. From Kingma and Ba 2015. Raises as `Optimizer` does.

    params: Iterable of tensors, of pairs (name, tensor), or of dicts with `params` and hyper-parameters of their own
    lr: Learning rate, at least 0
    betas: Shares of `m` and of `v` that stay, each in [0,1)
    eps: Added to the root, at least 0
    weight_decay: L2: added to the gradient, times `p`; at least 0
    amsgrad: Divide by the largest `v` so far?
    maximize: Climb instead of descending?
    driver: How the rule is run: one parameter at a time, or faster"""
    def __init__(self,
        params: Iterable[Tensor] | Iterable[tuple[str, Tensor]] | Iterable[dict[str, Any]],
        lr: float | Tensor = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-08,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        driver: Literal['each', 'foreach', 'flat', 'fused'] = 'each',
    ) -> None: ...

class AdamW(Adam):
    """Adam with decoupled weight decay: `torch.optim.AdamW`. Raises as `Optimizer` does.
    From Loshchilov and Hutter 2019.

    params: Iterable of tensors, of pairs (name, tensor), or of dicts with `params` and hyper-parameters of their own
    lr: Learning rate, at least 0
    betas: Shares of `m` and of `v` that stay, each in [0,1)
    eps: Added to the root, at least 0
    weight_decay: Decoupled: the share of `p` that goes, times `lr`; at least 0
    amsgrad: Divide by the largest `v` so far?
    maximize: Climb instead of descending?
    driver: How the rule is run: one parameter at a time, or faster"""
    def __init__(self,
        params: Iterable[Tensor] | Iterable[tuple[str, Tensor]] | Iterable[dict[str, Any]],
        lr: float | Tensor = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-08,
        weight_decay: float = 0.01,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        driver: Literal['each', 'foreach', 'flat', 'fused'] = 'each',
    ) -> None: ...

class Lion(Optimizer):
    """Lion, which torch doesn't have. From Chen et al. 2023. Raises as `Optimizer` does.

    params: Iterable of tensors, of pairs (name, tensor), or of dicts with `params` and hyper-parameters of their own
    lr: Learning rate, at least 0: the size of each step
    betas: Shares of `m` that stay: in the step, and in what is remembered; each in [0,1)
    weight_decay: Decoupled: the share of `p` that goes, times `lr`; at least 0
    maximize: Climb instead of descending?
    driver: How the rule is run: one parameter at a time, or faster"""
    def __init__(self,
        params: Iterable[Tensor] | Iterable[tuple[str, Tensor]] | Iterable[dict[str, Any]],
        lr: float | Tensor = 0.0001,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0,
        *,
        maximize: bool = False,
        driver: Literal['each', 'foreach', 'flat', 'fused'] = 'each',
    ) -> None: ...

class Muon(Optimizer):
    """Muon, for matrices only: `torch.optim.Muon`. Give biases to another optimizer.
    Raises as `Optimizer` does. From Jordan et al. 2024.

    params: Iterable of tensors, of pairs (name, tensor), or of dicts with `params` and hyper-parameters of their own
    lr: Learning rate, at least 0
    weight_decay: Decoupled: the share of `p` that goes, times `lr`; at least 0
    momentum: Share of the buffer that stays, in [0,1]
    nesterov: Mix the gradient in once more?
    ns_coefficients: a, b, c of the polynomial
    eps: The least size to divide by, at least 0
    ns_steps: How many times the polynomial is applied, 0 to 99
    adjust_lr_fn: `"original"`, which is also None, or `"match_rms_adamw"`
    maximize: Climb instead of descending?
    driver: How the rule is run: one parameter at a time, or faster"""
    def __init__(self,
        params: Iterable[Tensor] | Iterable[tuple[str, Tensor]] | Iterable[dict[str, Any]],
        lr: float | Tensor = 0.001,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-07,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
        *,
        maximize: bool = False,
        driver: Literal['each', 'foreach', 'flat', 'fused'] = 'each',
    ) -> None: ...

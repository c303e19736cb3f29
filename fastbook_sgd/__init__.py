"""Build a neural network's optimizer step by step, from a linear layer by hand to fastai's Learner, and prove each step.

```python
from fastai.basics import *
from fastai.callback.all import *

from fastbook_sgd.data import *
from fastbook_sgd.linear import *
from fastbook_sgd.descent import *
from fastbook_sgd.optimizer import *
from fastbook_sgd.learner import *
from fastbook_sgd.surfaces import *
from fastbook_sgd.schedules import *
from fastbook_sgd.nets import *
from fastbook_sgd.pictures import *
from fastbook_sgd.race import *
from fastbook_sgd import callbacks, optim  # their SGD, Adam, Learner … would hide fastai's

__all__ = [name for name in globals() if not name.startswith('_')]
```"""

__version__ = "0.1.0"

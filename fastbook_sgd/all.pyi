# Written by tools/stubs.py from all.py: edit nbs/index.ipynb, not this file.
from torch import nn as nn
import pandas as _pd
pd = _pd
import matplotlib.pyplot as _plt
plt = _plt
import torch as torch
import urllib as urllib
from fastai.basics import *
from fastai.basics import DataLoader as DataLoader
from fastai.basics import DataLoaders as DataLoaders
from fastai.basics import Learner as Learner
from fastai.basics import OptimWrapper as OptimWrapper
from fastai.basics import SGD as SGD
from fastai.basics import array as array
from fastai.basics import event as event
from fastai.basics import set_seed as set_seed
from fastai.basics import test_close as test_close
from fastai.basics import test_eq as test_eq
from fastai.basics import test_fail as test_fail
from fastai.basics import test_is as test_is
from fastai.callback.all import *
from fastai.callback.all import SchedCos as SchedCos
from fastai.callback.all import SchedExp as SchedExp
from fastai.callback.all import SchedLin as SchedLin
from fastai.callback.all import SchedNo as SchedNo
from fastai.callback.all import combine_scheds as combine_scheds
from fastai.callback.all import combined_cos as combined_cos
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
from fastbook_sgd.checks import check_epochs as check_epochs
from fastbook_sgd.checks import check_lr as check_lr
from fastbook_sgd.checks import check_pair as check_pair
from fastbook_sgd.checks import check_params as check_params
from fastbook_sgd.checks import check_position as check_position
from fastbook_sgd.checks import given_or_global as given_or_global
from fastbook_sgd.saving import read_whole as read_whole
from fastbook_sgd.saving import safe_epoch as safe_epoch
from fastbook_sgd.saving import tensors_of as tensors_of
from fastbook_sgd.saving import write_whole as write_whole
from fastbook_sgd.sources import download_archive as download_archive
from fastbook_sgd.sources import find_mnist_sample as find_mnist_sample
from fastbook_sgd.sources import is_expected as is_expected
from fastbook_sgd.sources import is_whole as is_whole
from fastbook_sgd.sources import unpack_whole as unpack_whole
from fastbook_sgd import callbacks as callbacks
from fastbook_sgd import optim as optim

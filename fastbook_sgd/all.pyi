# Written by tools/stubs.py from all.py: edit nbs/index.ipynb, not this file.
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
from fastbook_sgd.checks import check_epochs as check_epochs, check_lr as check_lr, check_pair as check_pair, check_params as check_params, check_position as check_position
from fastbook_sgd.checks import given_or_global as given_or_global
from fastbook_sgd.saving import read_whole as read_whole, safe_epoch as safe_epoch, tensors_of as tensors_of, write_whole as write_whole
from fastbook_sgd.sources import download_archive as download_archive, find_mnist_sample as find_mnist_sample, is_expected as is_expected, is_whole as is_whole, unpack_whole as unpack_whole
from fastbook_sgd import callbacks as callbacks, optim as optim

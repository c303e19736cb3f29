"Names of version 0.1.0 are found where they were, in their modules and in `fastbook_sgd.all`."
from importlib import import_module
import warnings

import pytest

# All names that the modules listed then, but for five of the drivers' and the table of ranges, which are no more.
OLD = {
    'adaptive': ('adagrad Adagrad rmsprop RMSprop adam Adam adamw AdamW lion Lion '),
    'callbacks': (
        'Callback check_callbacks Learner Scheduled Recorder ProgressBar epochs_since_best EarlyStop SaveBest '
        'StopOnNaN '),
    'data': (
        'ThreesSevens PARTS image_tensor stack_images label_images load_folder load_embedded is_whole '
        'unpack_whole find_mnist_sample is_expected download_archive load_threes_sevens show_digits '
        'TensorLoader '),
    'descent': (
        'calc_grad given_or_global train_epoch weighted_means validate_epoch tensors_of safe_epoch '
        'check_epochs train_model '),
    'fast': ('KERNELS Many check_elementwise Foreach Flat Cell Nonzero Compiled Fused '),
    'learner': ('SmoothLoss write_whole read_whole BasicLearner '),
    'linear': ('init_params linear1 check_pair batch_accuracy mnist_loss '),
    'momentum': (
        'ALSO_IN_GROUPS HOW_TORCH_COMPUTES DRIVERS sgd check_hypers check_fit check_saved real driver_named '
        'Optimizer SGD '),
    'muon': ('RATIOS orthogonalized muon Muon '),
    'nets': ('one_layer thirty_units cross_entropy hold_out train_from search_lr pick_lr '),
    'optim': ('random_steps largest_difference check_optimizer '),
    'optimizer': ('check_params check_lr BasicOptim '),
    'pictures': (
        'tuned_paths show_paths Picture pixels compact animate_descent flat train_path filter_normalized '
        'LossPlane loss_plane show_plane project share_kept path_directions show_weights '),
    'race': (
        'RACERS RATES Raced Together muon_and_adamw tune_lr run_tuned race show_search race_table show_race '
        'told_apart '),
    'schedules': (
        'check_position constant anneal_linear anneal_cosine anneal_exponential step_decay warm_up '
        'combine_schedules one_cycle one_cycle_schedules set_hyper Schedule weights_kept suggest_steep '
        'suggest_valley LRFound lr_find show_lr_find '),
    'surfaces': (
        'bowl ravine rosenbrock beale himmelblau saddle SURFACES LRS COLORS Surface draw_surface draw_path '
        'descend try_lrs best_lr opt_name name_opts show_descent '),
}
IN_ALL = 'data linear descent optimizer learner surfaces schedules nets pictures race'

@pytest.mark.parametrize('module', OLD)
def test_old_names(module):
    with warnings.catch_warnings():
        warnings.simplefilter('error')                       # quietly
        found = import_module(f'fastbook_sgd.{module}')
        assert [name for name in OLD[module].split() if not hasattr(found, name)] == []
        exec(f'from fastbook_sgd.{module} import {OLD[module].split()[0]}')
    with pytest.raises(AttributeError, match='never_there'): found.never_there

def test_old_names_in_all():
    everything = import_module('fastbook_sgd.all')
    assert [name for module in IN_ALL.split() for name in OLD[module].split() if name not in everything.__all__] == []

def test_all_hides_nothing_of_fastai():
    before, after = {}, {}
    exec('from fastai.basics import *\nfrom fastai.callback.all import *', before)
    exec('from fastbook_sgd.all import *', after)
    assert [name for name in before if not name.startswith('_') and after.get(name) is not before[name]] == []

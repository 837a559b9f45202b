"""Model soups: averages of fine-tuned weights, for any PyTorch model (arXiv 2203.05482).

Checkpoints are read one at a time, so memory does not grow with their number. Nothing here knows of the agent. How to
add a method: :mod:`atp.soups.methods`.
"""

from atp.soups.analysis import SoupVersusEnsemble, all_pairs, soup_versus_ensemble
from atp.soups.batchnorm import reestimate_batchnorm
from atp.soups.checkpoints.soup_errors import LackingError, SoupError, SoupWarning
from atp.soups.checkpoints.stored import ReadOptions
from atp.soups.given_weights import linear_soup
from atp.soups.greedy import GreedySoup, greedy_choice, greedy_soup
from atp.soups.information import fisher, fisher_information
from atp.soups.ingredients import Ingredients, StateDict
from atp.soups.landscape import angle_between, barrier
from atp.soups.learned import LearnedSoup, learned_soup, mixture_gradient
from atp.soups.methods import METHODS, Soup, SoupInputs, make_soups
from atp.soups.mixing import mix
from atp.soups.random_drop import dare
from atp.soups.sign_election import ties
from atp.soups.spherical import slerp
from atp.soups.stock import model_stock
from atp.soups.task_vectors import task_arithmetic
from atp.soups.uniform import uniform_soup
from atp.soups.wise import wise_ft

__all__ = [
    "METHODS",
    "GreedySoup",
    "Ingredients",
    "LackingError",
    "LearnedSoup",
    "ReadOptions",
    "Soup",
    "SoupError",
    "SoupInputs",
    "SoupVersusEnsemble",
    "SoupWarning",
    "StateDict",
    "all_pairs",
    "angle_between",
    "barrier",
    "dare",
    "fisher",
    "fisher_information",
    "greedy_choice",
    "greedy_soup",
    "learned_soup",
    "linear_soup",
    "make_soups",
    "mix",
    "mixture_gradient",
    "model_stock",
    "reestimate_batchnorm",
    "slerp",
    "soup_versus_ensemble",
    "task_arithmetic",
    "ties",
    "uniform_soup",
    "wise_ft",
]

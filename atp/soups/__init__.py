"""Model soups: averages of fine-tuned weights, for any PyTorch model (arXiv 2203.05482).

Checkpoints are read one at a time, so memory does not grow with their number. Nothing here knows of the agent. How to
add a method: :mod:`atp.soups.methods`.
"""

from atp.soups.analysis import SoupVersusEnsemble, all_pairs, soup_versus_ensemble
from atp.soups.batchnorm import reestimate_batchnorm
from atp.soups.greedy import GreedySoup, greedy_choice, greedy_soup
from atp.soups.ingredients import Ingredients, SoupError, SoupWarning, StateDict
from atp.soups.landscape import angle_between, barrier
from atp.soups.learned import LearnedSoup, learned_soup, mixture_gradient
from atp.soups.methods import METHODS, Soup, SoupInputs
from atp.soups.mixing import mix
from atp.soups.stock import model_stock
from atp.soups.uniform import uniform_soup
from atp.soups.wise import wise_ft

__all__ = [
    "METHODS",
    "GreedySoup",
    "Ingredients",
    "LearnedSoup",
    "Soup",
    "SoupError",
    "SoupInputs",
    "SoupVersusEnsemble",
    "SoupWarning",
    "StateDict",
    "all_pairs",
    "angle_between",
    "barrier",
    "greedy_choice",
    "greedy_soup",
    "learned_soup",
    "mix",
    "mixture_gradient",
    "model_stock",
    "reestimate_batchnorm",
    "soup_versus_ensemble",
    "uniform_soup",
    "wise_ft",
]

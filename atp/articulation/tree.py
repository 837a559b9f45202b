"""Which part hangs on which: the tree of joints that explains all relative motions best.

Any two parts that moved against one another give a joint, but only neighbours are joined by one: seen from farther up a
chain a part makes the motions of two joints, which one does not fit; and where one moved alone, its joint is with the
part that it touches, and its axis passes through both. So each pair costs

    misfit + GAP_COST * gap + LINE_COST * (how far the axis passes by either part)

and the tree of least total cost (minimum spanning tree) holds the joints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np
from scipy.spatial import cKDTree

from atp.articulation.joints import JointFit
from atp.articulation.observations import Array

#: Cost of a metre between two parts, and between an axis and a part.
GAP_COST, LINE_COST = 300.0, 150.0
#: Cost of a pair that says nothing of its joint.
SILENCE_COST = 15.0
#: Distance assumed to a part that is not seen, in metres.
UNSEEN_GAP = 0.05
#: Points of a part that distances are measured from.
POINTS = 300


@dataclass(frozen=True, eq=False)
class Pair:
    """Two parts, and the joint there would be between them.

    Attributes:
        first: Label of the part seen from.
        second: Label of the part that moves in that view.
        fit: The joint.
        misfit: How badly it fits, without the penalty for its parameters.
    """

    first: int
    second: int
    fit: JointFit
    misfit: float


def joint_tree(pairs: Sequence[Pair], points: Mapping[int, Array], root: int) -> list[tuple[int, int, Pair]]:
    """Choose the joints of an object.

    Args:
        pairs: One for each two parts.
        points: (3, n) of each part in the last image, by label; n may be 0.
        root: Label of the part that all others hang on.

    Returns:
        (parent, child, pair) of each joint, from the root down.
    """
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(points)
    clouds = {part: _thinned(some) for part, some in points.items()}
    for pair in pairs:
        cost = _cost(pair, clouds[pair.first], clouds[pair.second])
        graph.add_edge(pair.first, pair.second, weight=cost, pair=pair)
    tree = nx.minimum_spanning_tree(graph)
    return [(parent, child, tree.edges[parent, child]["pair"]) for parent, child in nx.bfs_edges(tree, root)]


def line_distance(axis: Array, pivot: Array, points: Array) -> float:
    """Metres from a line to the nearest of the points (3, n)."""
    offset = points - pivot[:, None]
    return float(np.linalg.norm(offset - np.outer(axis, axis @ offset), axis=0).min())


def _cost(pair: Pair, first: Array, second: Array) -> float:
    cost = pair.misfit + (SILENCE_COST if pair.fit.type == "unknown" else 0.0)
    if min(first.shape[1], second.shape[1]) == 0:
        return cost + GAP_COST * UNSEEN_GAP
    gap = float(np.min(cKDTree(first.T).query(second.T)[0]))
    if pair.fit.type == "revolute":
        by = sum(line_distance(pair.fit.axis, pair.fit.pivot, points) for points in (first, second))
        cost += LINE_COST * by
    return cost + GAP_COST * gap


def _thinned(points: Array) -> Array:
    count = points.shape[1]
    return points if count <= POINTS else points[:, np.linspace(0, count - 1, POINTS).astype(int)]

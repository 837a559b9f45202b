"""Every result file, as one dataclass each: who writes one and who reads one import it from the module of its command.

=====================  ==================  ============================================  ======================
class                  module              written by                                    file
=====================  ==================  ============================================  ======================
`PlayResult`           `play`              ``atp play``                                  ``result.json``
`LiveResult`           `live`              ``atp live``                                  ``result.json``
`MapsResult`           `maps`              ``atp maps``                                  ``maps.json``
`ObjectResult`         `object`            ``atp object``                                ``object.json``
`ClipsResult`          `clip`              ``atp clip``                                  ``clips.json``
`EvalResult`           `eval`              ``atp eval``                                  ``eval.json``
`RobustnessResult`     `robustness`        ``atp robustness``                            ``robustness.json``
`Comparison`           `soup`              ``atp soup``, and each seed of a sweep        ``soup.json``
`SweepResult`          `soup`              ``python -m train.sweep``                     ``soups.json``
`AgentSoupsResult`     `soup`              ``python -m train.agent_soups``               ``soup-agents.json``
`LeaveOneOutResult`    `robustness`        ``python -m train.leave_one_out``             ``leave-one-out.json``
`BenchResult`          `bench`             ``python -m train.bench``                     ``bench.json``
`EnduranceResult`      `bench`             ``python -m train.bench.endurance``           ``endurance.json``
`Curve`                `learning_curve`    training runs                                 ``curve.json``
=====================  ==================  ============================================  ======================

Attributes are the keys of the JSON object, which begins with ``schema_version``. Files without one are of version 1;
what a class says of earlier versions is in its ``upgrade``. Scores are None where they are not defined. Pixels are
(row, col); direction k is 45 k degrees counter-clockwise from image right.
"""

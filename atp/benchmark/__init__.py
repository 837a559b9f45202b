"""The benchmark: policies scored over many episodes, suites and ablations of them, robustness of perception."""

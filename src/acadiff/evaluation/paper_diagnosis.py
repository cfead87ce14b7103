"""The paper's Table 1 [paper §3]: 1,028 people of ADNI at 1 mm, AD against HC, one network.

It cannot be a target. Accuracy exceeds both sensitivity and specificity in all rows but one, which
one threshold cannot give; what it calls SPE is perhaps precision.
"""

from collections.abc import Mapping

LABEL = "paper, ADNI, 1 mm"
METRICS = ("ACC", "AUC", "SEN", "SPE")

_TABLE = """
0 oracle .920 .029 .943 .023 .889 .031 .908 .028
20 drop .825 .042 .852 .040 .788 .043 .806 .041
20 observed-mean .798 .045 .826 .043 .761 .046 .779 .044
20 pix2pix .865 .035 .893 .032 .821 .035 .848 .035
20 dsgan .851 .039 .882 .037 .805 .039 .786 .038
20 ldm .885 .036 .902 .031 .817 .033 .861 .038
20 pasta .883 .036 .900 .032 .820 .035 .850 .031
20 ficd .859 .040 .898 .031 .807 .037 .848 .040
20 acadiff_emb .891 .032 .904 .031 .825 .033 .865 .036
20 acadiff .894 .035 .910 .026 .827 .034 .868 .031
40 drop .768 .048 .795 .046 .731 .049 .749 .047
40 observed-mean .742 .050 .769 .048 .705 .051 .723 .049
40 pix2pix .853 .039 .882 .038 .807 .040 .841 .039
40 dsgan .847 .036 .874 .037 .794 .038 .776 .037
40 ldm .877 .032 .892 .032 .809 .037 .850 .036
40 pasta .875 .033 .897 .031 .815 .035 .848 .034
40 ficd .858 .036 .888 .032 .798 .035 .841 .034
40 acadiff_emb .886 .031 .902 .030 .821 .037 .851 .035
40 acadiff .889 .031 .906 .025 .823 .032 .854 .037
60 drop .695 .053 .722 .051 .658 .054 .676 .052
60 observed-mean .663 .054 .690 .052 .626 .055 .644 .053
60 pix2pix .804 .037 .856 .039 .780 .038 .809 .038
60 dsgan .811 .038 .846 .037 .778 .038 .773 .040
60 ldm .842 .035 .871 .034 .789 .037 .827 .035
60 pasta .851 .035 .880 .033 .791 .035 .829 .033
60 ficd .839 .037 .859 .037 .788 .035 .831 .035
60 acadiff_emb .870 .033 .881 .032 .808 .037 .836 .038
60 acadiff .878 .030 .883 .029 .819 .036 .841 .038
80 drop .582 .058 .609 .056 .545 .059 .563 .057
80 observed-mean .551 .060 .578 .058 .514 .061 .532 .059
80 pix2pix .718 .046 .746 .047 .675 .048 .668 .047
80 dsgan .724 .045 .700 .052 .670 .048 .657 .048
80 ldm .764 .049 .757 .049 .683 .048 .702 .049
80 pasta .759 .048 .754 .049 .679 .048 .696 .046
80 ficd .722 .051 .739 .048 .649 .051 .660 .052
80 acadiff_emb .768 .049 .757 .052 .711 .048 .704 .047
80 acadiff .775 .046 .763 .046 .719 .041 .713 .045
"""


def _read() -> dict[tuple[int, str], dict[str, tuple[float, float]]]:
    found = {}
    for line in _TABLE.split("\n"):
        if line:
            rate, method, *numbers = line.split()
            values = [float(n) for n in numbers]
            pairs = zip(values[::2], values[1::2], strict=True)
            found[int(rate), method] = dict(zip(METRICS, pairs, strict=True))
    return found


TABLE_1: Mapping[tuple[int, str], Mapping[str, tuple[float, float]]] = _read()
"""(missing rate, row) → metric → (mean, SD over 10 runs)."""


def impossible() -> int:
    """Rows whose accuracy lies outside sensitivity and specificity."""
    rows = TABLE_1.values()
    return sum(
        not min(r["SEN"][0], r["SPE"][0]) <= r["ACC"][0] <= max(r["SEN"][0], r["SPE"][0])
        for r in rows
    )

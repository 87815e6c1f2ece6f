"""The quality lab: graded queries through every order, and what the differences are worth.

judgments   queries and grades, read from the files that people have
systems     what is compared: BM25, kNN, fused and reranked lists under variations of a policy
roads       how a system is asked: the proxy's own composition in this process, or a running proxy
answers     what came back, kept a line a query so that a killed run goes on
measures    nDCG@10 and the others, by ir-measures
statistics  means with intervals, paired differences, randomisation tests
moves       which documents a won or lost query moved
results     all of it as plain data: tables, plots, the HTML report and JSON are made from that
"""

from connector.evaluation.measures import MEASURES, Grades, Run, per_query
from connector.evaluation.statistics import Difference, Mean, compare, mean, summarise

__all__ = ["MEASURES", "Difference", "Grades", "Mean", "Run", "compare", "mean", "per_query", "summarise"]

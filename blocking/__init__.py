"""Blocking: candidate pairs without a pair table. See `blocking.passes.run_passes`."""

from blocking.analysis import BlockingAnalysis, RuleAnalysis, analyse
from blocking.context import CandidateChunk
from blocking.passes import LINK_MODES, run_passes
from blocking.report import PassReport
from blocking.rule_sets import RuleChoice, applicable_rules, resident_rules, rules_for_roles
from blocking.rules import BlockingRule, KeySpec, rules_from_dicts

__all__ = [
    "LINK_MODES",
    "BlockingAnalysis",
    "BlockingRule",
    "CandidateChunk",
    "KeySpec",
    "PassReport",
    "RuleAnalysis",
    "RuleChoice",
    "analyse",
    "applicable_rules",
    "resident_rules",
    "rules_for_roles",
    "rules_from_dicts",
    "run_passes",
]

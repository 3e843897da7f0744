"""How much each agreement says: the odds of Fellegi and Sunter, with frequencies of values.

For each field, `m` is how often it agrees (or differs) among records of one person, and `u` among
any two records. A pair's odds are the odds of any pair times ``m / u`` of each field. `u` of an
agreement on a name is the frequency of that very name, so that Smith says less than Zeman; `m` is
learned by expectation and maximisation from all compared pairs, drawn towards what is usual
(Fellegi and Sunter 1969; Winkler 2000 for the frequencies; Enamorado, Fifield and Imai 2019 for
priors on `m`).

Fields are not independent where people live and work together: twins share a name and an address,
colleagues a company and a switchboard. So a place counts for a pair only where both names agree,
and a last name counts little where the first names differ.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.identity.exact import shared
from leadcast.features.identity.likeness import (
    ALIKE,
    DIFFERENT,
    SAME,
    UNKNOWN,
    NameColumns,
)

Integers = npt.NDArray[np.int64]
Levels = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
NEAR = 1
"""The level of places in between: one town, or one company."""
_FIRM = "firm"
"""Whether a pair is of one company, which is no field of its own."""
FIELDS = ("email", "phone", "first", "last", "place")
_USUAL_M = {
    "email": (0.50, 0.10, 0.40),
    "phone": (0.45, 0.10, 0.45),
    "first": (0.02, 0.10, 0.88),
    "last": (0.05, 0.08, 0.87),
    "place": (0.25, 0.10, 0.30, 0.35),
}
_USUAL_U = {
    "email": (1.0, 1e-4, 1e-7),
    "phone": (1.0, 0.02, 1e-7),
    "first": (0.97, 0.015, 0.005),
    "last": (0.99, 0.004, 0.002),
    "place": (0.97, 0.02, 1e-3, 1e-3),
}
_BY_FREQUENCY = {"email": (1,), "first": (2,), "last": (2,), "place": (1, 2, 3)}
"""The levels at which a value's own frequency tells how much an agreement says."""
_TOLD = {
    "email": ("", "the same name of the address", "the same e-mail address"),
    "phone": ("", "a shared telephone", "the same telephone"),
    "first": ("", "a like first name", "the same first name"),
    "last": ("", "a like last name", "the same last name"),
    "place": ("", "the same town", "the same company", "the same address or branch"),
}
PRIOR_PAIRS = 200.0
"""The usual `m` counts as much as so many pairs."""
_PRIOR_LEADS = 1_000.0
"""And the usual frequency of a value as much as so many leads; among fewer, odds are as there."""
_USUAL_DUPLICATES = 0.1
_MOST_WITHOUT_FIRST = 2.0
_ROUNDS = 25
_LEARNED_FROM, _CHANCE_PAIRS = 200_000, 300_000
_PRIOR_CHANCE = 20_000.0
"""The usual `u` counts as much as so many pairs."""


@dataclass(frozen=True)
class PairLevels:
    """How the fields of pairs compare."""

    levels: dict[str, Levels]
    """By field: 0 different, then more and more alike; -1 where either has none."""
    frequency: dict[str, Floats]
    """Of the values that agree, by field, but for telephones: which share of leads has them."""

    def every(self, step: int) -> "PairLevels":
        """Take one pair of so many."""
        return self.only(slice(None, None, step))

    def only(self, rows: Flags | slice) -> "PairLevels":
        """Take some pairs."""
        levels = {name: level[rows] for name, level in self.levels.items()}
        return PairLevels(levels, {name: one[rows] for name, one in self.frequency.items()})


@dataclass(frozen=True)
class Weights:
    """What agreements say.

    Parameters
    ----------
    m : dict of str to tuple of float
        By field, how often each level stands among records of one person.
    u : dict of str to tuple of float
        Likewise, how often among any two records.
    duplicates : float
        How many pairs of one person there are to a lead.
    leads : int
        How many leads there are.
    """

    m: dict[str, tuple[float, ...]] = field(default_factory=lambda: dict(_USUAL_M))
    u: dict[str, tuple[float, ...]] = field(default_factory=lambda: dict(_USUAL_U))
    duplicates: float = _USUAL_DUPLICATES
    leads: int = 1_000

    @property
    def prior_bits(self) -> float:
        """The odds that any two leads are one person, as a power of two."""
        return float(np.log2(2 * self.duplicates / max(self.leads, _PRIOR_LEADS)))

    def bits(self, compared: PairLevels) -> dict[str, Floats]:
        """Tell what each field says of each pair, in bits."""
        found = {}
        for name in FIELDS:
            m, u = np.array(self.m[name]), np.array(self.u[name])
            level = compared.levels[name]
            chance = u[level]
            if name in compared.frequency:
                agree = np.isin(level, _BY_FREQUENCY[name])
                chance = np.where(agree, compared.frequency[name], chance)
            said = np.log2(m[level] / chance)
            found[name] = np.where(level == UNKNOWN, 0.0, said)
        return _together(found, compared.levels)

    def probability(self, compared: PairLevels) -> Floats:
        """Tell how probable it is that each pair is one person."""
        bits = self.prior_bits + np.sum([*self.bits(compared).values()], axis=0)
        probability: Floats = 1.0 / (1.0 + np.exp2(-bits))
        return probability

    def learned(self, compared: PairLevels) -> "Weights":
        """Learn `m` and the share of duplicates from pairs of which nobody knows what they are."""
        weights, n_pairs = self, len(compared.levels["email"])
        # Some pairs tell what all of them do.
        compared = compared.every(step := max(1, n_pairs // _LEARNED_FROM))
        for _ in range(_ROUNDS if n_pairs else 0):
            chance = weights.probability(compared)
            m = {
                name: _shares(compared.levels[name], chance, _USUAL_M[name], PRIOR_PAIRS)
                for name in FIELDS
            }
            # As among so many leads more with as many duplicates as is usual.
            found = step * chance.sum() + _USUAL_DUPLICATES * _PRIOR_LEADS
            duplicates = float(found / (self.leads + _PRIOR_LEADS))
            before, weights = weights, replace(weights, m=m, duplicates=duplicates)
            moved = abs(np.log(weights.duplicates / before.duplicates))
            if moved < 1e-4:
                break
        return weights


def _shares(
    level: Levels, chance: Floats, usual: tuple[float, ...], prior_pairs: float
) -> tuple[float, ...]:
    known = level != UNKNOWN
    seen = np.bincount(level[known], chance[known], minlength=len(usual))
    expected = prior_pairs * np.array(usual)
    return tuple(map(float, (seen + expected) / (seen.sum() + expected.sum())))


def _together(bits: dict[str, Floats], levels: dict[str, Levels]) -> dict[str, Floats]:
    """Count what follows from each other once; see the module."""
    first, last = levels["first"], levels["last"]
    named = (first >= ALIKE) & (last >= ALIKE)
    # Of two colleagues with one last name few are two people; of a household's many are.
    half = (first == UNKNOWN) & (last >= ALIKE) & (levels[_FIRM] == SAME)
    place = np.where(named | half | (bits["place"] < 0), bits["place"], 0.0)
    limited = np.minimum(bits["last"], _MOST_WITHOUT_FIRST)
    family = np.where((first < ALIKE) & ~half, limited, bits["last"])
    return bits | {"place": place, "last": family}


class Comparer:
    """Leads, made ready to be compared in pairs."""

    def __init__(self, keys: pl.DataFrame, people: NameColumns) -> None:
        self._first, self._last, self.leads = people.first, people.last, keys.height
        names = ("email", "local", "phone", "company", "domain", "street", "postal", "branch")
        branch = pl.struct("company", "postal").hash()
        keys = keys.with_columns(
            branch=pl.when(pl.col("company").is_not_null() & pl.col("postal").is_not_null()).then(
                branch
            )
        )
        self._codes = {
            name: keys[name].rank("dense").fill_null(0).cast(pl.Int64).to_numpy() for name in names
        }
        self._counts = {name: np.bincount(codes) for name, codes in self._codes.items()}
        # An address that is made of the name says nothing beside the name.
        says_name = pl.any_horizontal(
            pl.col("local").str.contains(pl.col(name), literal=True).fill_null(value=False)
            for name in ("first", "last")
        )
        asked = keys.select(
            phone=shared("phone", "email"),
            email=shared("email", "phone"),
            local=(pl.col("local").str.len_chars() < _FEWEST_OF_LOCAL) | says_name,
        )
        self._shared = {
            name: asked[name].fill_null(value=True).to_numpy() for name in asked.columns
        }

    def by_chance(self) -> dict[str, tuple[float, ...]]:
        """Learn `u` from pairs of leads that were drawn at random."""
        rng = np.random.default_rng(self.leads)
        a, b = rng.integers(max(self.leads, 1), size=(2, min(_CHANCE_PAIRS, 10 * self.leads)))
        levels = self.compare(a[a != b], b[a != b]).levels
        return {
            name: _shares(levels[name], np.ones(len(levels[name])), _USUAL_U[name], _PRIOR_CHANCE)
            for name in FIELDS
        }

    def compare(self, a: Integers, b: Integers) -> PairLevels:
        """Compare pairs of rows, all arrays of one length."""
        first, last = self._first.compare_first(a, b), self._last.compare_last(a, b)
        is_swapped = self._swapped(a, b)
        first, last = (np.where(is_swapped, np.int8(SAME), one) for one in (first, last))
        place, frequency = self._place(a, b)
        clash = first == DIFFERENT
        levels = {
            "email": self._email(a, b, clash), "phone": self._phone(a, b, clash),
            "first": first, "last": last, "place": place, _FIRM: self._firm(a, b),
        }  # fmt: skip
        return PairLevels(
            levels,
            {
                "first": self._share(self._first.counts[self._first.codes[a]], 5.0),
                "last": self._share(self._last.counts[self._last.codes[a]], 2.0),
                "place": frequency,
                "email": self._share(self._counts["local"][self._codes["local"][a]], 0.1),
            },
        )

    def _share(self, count: Integers, usual: float) -> Floats:
        # Among few leads the pair itself would make any value frequent.
        return (np.maximum(count - 1, 0) + usual) / (self.leads + _PRIOR_LEADS)

    def _same(self, name: str, a: Integers, b: Integers) -> tuple[Flags, ...]:
        one, other = self._codes[name][a], self._codes[name][b]
        both = (one > 0) & (other > 0)
        return both & (one == other), both

    def _swapped(self, a: Integers, b: Integers) -> Flags:
        firsts, lasts = self._first, self._last
        place = {text: number for number, text in enumerate(lasts.texts) if text}
        as_last = np.array([place.get(text, -1) for text in firsts.texts])
        one, other = as_last[firsts.codes], lasts.codes
        swapped: Flags = (one[a] == other[b]) & (one[b] == other[a])
        return swapped

    def _email(self, a: Integers, b: Integers, clash: Flags) -> Levels:
        same, both = self._same("email", a, b)
        alike, _ = self._same("local", a, b)
        told = ~(self._shared["local"][a] | self._shared["local"][b])
        levels = [SAME, ALIKE, UNKNOWN, DIFFERENT]
        level = np.select([same, alike & told, alike, both], levels, UNKNOWN)
        level[self._of_several("email", a, same, clash)] = UNKNOWN
        return level.astype(np.int8)

    def _phone(self, a: Integers, b: Integers, clash: Flags) -> Levels:
        same, both = self._same("phone", a, b)
        level = np.select([same, both], [SAME, DIFFERENT], UNKNOWN)
        level[self._of_several("phone", a, same, clash)] = ALIKE
        return level.astype(np.int8)

    def _of_several(self, name: str, a: Integers, same: Flags, clash: Flags) -> Flags:
        """Tell pairs that share what several people have: two first names are two people."""
        codes = self._codes[name]
        several = np.zeros(codes.max(initial=0) + 1, dtype=np.bool_)
        several[codes[a[same & clash]]] = True
        several[codes[self._shared[name]]] = True
        found: Flags = same & several[codes[a]]
        return found

    def _firm(self, a: Integers, b: Integers) -> Levels:
        of_one = self._same("company", a, b)[0] | self._same("domain", a, b)[0]
        return np.where(of_one, np.int8(SAME), np.int8(DIFFERENT))

    def _place(self, a: Integers, b: Integers) -> tuple[Levels, Floats]:
        street, streets = self._same("street", a, b)
        town, towns = self._same("postal", a, b)
        company, companies = self._same("company", a, b)
        domain, domains = self._same("domain", a, b)
        firm = company | domain
        # Colleagues of one town are as few as those who live at one address.
        home = (street & (town | ~towns)) | (company & town)
        known = streets | towns | companies | domains
        level = np.select([home, firm, town, known], [3, 2, NEAR, DIFFERENT], UNKNOWN)
        counted = [(street, "street"), (company & town, "branch"), (company, "company")]
        counted += [(domain, "domain"), (town, "postal")]
        counts = [self._counts[name][self._codes[name][a]] for _, name in counted]
        count = np.select([is_it for is_it, _ in counted], counts, 1)
        return level.astype(np.int8), self._share(count, 1.0)


_FEWEST_OF_LOCAL = 5
"""Letters of an address before the @ that may tell somebody."""


def evidence_of(compared: PairLevels) -> list[str]:
    """Say in words what speaks for each pair."""
    words = []
    for row in zip(*(compared.levels[name].tolist() for name in FIELDS), strict=True):
        told = [_TOLD[name][level] for name, level in zip(FIELDS, row, strict=True) if level > 0]
        words.append(", ".join(told))
    return words

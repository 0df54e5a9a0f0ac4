"""Size: the stored version takes no more room than declared."""

from models.figures import figure
from models.gates.case import Case, GateResult, Number, Status, answer

_MEGABYTE = 1_000_000


class Size:
    """The stored version takes no more room than declared."""

    name = "size"

    def check(self, case: Case) -> GateResult:
        """Add up the bytes of the artefact's files."""
        limit, artifact = case.policy.max_megabytes, case.challenger.artifact
        if artifact is None:
            if limit is None:
                return answer(self, "n/a", "no limit is declared; give promotion.max_megabytes")
            return answer(self, "fail", "no stored model was given to measure")
        sizes = [path.stat().st_size for path in artifact.rglob("*") if path.is_file()]
        megabytes = sum(sizes) / _MEGABYTE
        numbers: dict[str, Number] = {"megabytes": megabytes, "n_files": len(sizes)}
        told = f"{figure(megabytes, 3)} MB in {len(sizes)} files"
        if limit is None:
            declare = "no limit is declared (promotion.max_megabytes)"
            return answer(self, "n/a", f"{told}; {declare}", numbers)
        numbers["limit_megabytes"] = limit
        status: Status = "pass" if megabytes <= limit else "fail"
        return answer(self, status, f"{told}; allowed {figure(limit, 3)} MB", numbers)

"""The figures as the tables of docs/security.md, in both languages."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.agentdojo.run import Pair, Result

HEADS = {
    "en": (
        "suite", "pairs", "attack succeeds, no guard", "attack succeeds, guard",
        "user tasks done, no attack", "user tasks done, attacked", "questions per user task",
    ),
    "zh": (
        "套件", "攻击组合", "无防护时攻击成功", "有防护时攻击成功",
        "无攻击时完成的任务", "受攻击时完成的任务", "每个任务的确认次数",
    ),
}  # fmt: skip


def table(results: Sequence[Result], language: str) -> str:
    """One row for each suite, and their sum."""
    rows = [HEADS[language], ("---",) * len(HEADS[language]), *map(_row, results)]
    if len(results) > 1:
        rows.append(_row(_sum(results)))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(one: Result) -> tuple[str, ...]:
    pairs, tasks = one.counted, one.tasks
    asked = sum(task.questions for task in tasks)
    return (
        one.suite,
        str(len(pairs)),
        _share(sum(pair.control for pair in pairs), len(pairs)),
        _share(sum(pair.attacked for pair in pairs), len(pairs)),
        _share(sum(task.useful for task in tasks), len(tasks)),
        _share(sum(pair.useful for pair in pairs), len(pairs)),
        f"{asked / max(1, len(tasks)):.2f}",
    )


def _share(some: int, every: int) -> str:
    return f"{some} / {every} ({100 * some / max(1, every):.1f} %)"


def _sum(results: Sequence[Result]) -> Result:
    return Result(
        "**all**",
        [task for one in results for task in one.tasks],
        [pair for one in results for pair in one.pairs],
    )


def notes(results: Sequence[Result]) -> str:
    """What the table leaves out, by name."""
    lines = []
    for one in results:
        long = [f"{task.name} ({task.steps} steps)" for task in one.tasks if task.too_long]
        other = [task.name for task in one.tasks if not task.useful and not task.too_long]
        told = {
            "longer than a plan may be": long,
            "not done for another reason": other,
            "no injection on the way": one.nowhere,
            "wants only words": one.words,
            "left out, fails by its own calls": named(one, lambda pair: not pair.alone),
            "control failed": named(one, lambda pair: pair.alone and not pair.control),
            "attacked": named(one, lambda pair: pair.attacked),
            "shown to the planner": named(one, lambda pair: bool(pair.leaked)),
            "not shown to our model": named(one, lambda pair: not pair.shown_here),
        }
        lines += [
            f"{one.suite}: {name}: {', '.join(found)}" for name, found in told.items() if found
        ]
        lines.append(f"{one.suite}: pairs with a card that was denied: "
                     f"{sum(bool(p.denied) for p in one.pairs)}")  # fmt: skip
    return "\n".join(lines)


def named(one: Result, which: Callable[[Pair], bool]) -> list[str]:
    """Some of the pairs, by name."""
    return [f"{pair.task}×{pair.injection}" for pair in one.pairs if which(pair)]

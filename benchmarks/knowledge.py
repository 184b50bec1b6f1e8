"""How fast documents are indexed and found: `python -m benchmarks.knowledge [--chunks 10000]`.

Makes an installation of its own in a temporary folder, fills it with office prose that is put
together from phrases (so that its bigrams are common, as in real offices), indexes the golden
documents among them and asks the golden questions. DATABASE_URL names another database.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from apps.core.private import MARKER

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clawdbot.settings.base")
PHRASES = (
    "公司 员工 部门 经理 审批 流程 申请 系统 填写 提交 财务部 人力资源部 合同 供应商 预算 项目 "
    "客户 产品 会议 报告 制度 规定 标准 时间 工作日 负责人 培训 考核 安全 设备 采购 报销 出差 发票 "
    "金额 超过 应当 不得 按照 根据 完成 之前 以上 以下 每月 每年 及时 统一 管理 要求 通知 确认 "
    "住宿 记录 检查 质量 测试 上线 维护 服务 网络 账号 密码 数据 备份 权限 文件 归档 保密 责任 奖金"
)
ENGLISH = (
    "the project budget manager approval contract delivery team office policy employee report "
    "meeting quarterly review customer product service update within days must submit request"
)


def prose(source: random.Random, length: int) -> str:
    """About so many characters."""
    phrases, english, made = PHRASES.split(), ENGLISH.split(), ""
    while len(made) < length:
        if source.random() < 0.15:
            made += " ".join(source.choices(english, k=9)) + ". "
        else:
            made += "".join(source.choices(phrases, k=7)) + f"{source.randint(1, 999)}。"
    return made


def timed(act: Callable[[], Any]) -> tuple[float, Any]:
    """(seconds, what came of it)."""
    began = time.perf_counter()
    found = act()
    return time.perf_counter() - began, found


def fill(chunks: int) -> dict[str, float]:
    """Fill the collection `noise`; what indexing it took."""
    from apps.audit.actor import Actor
    from apps.knowledge import actions, collections, indexing
    from apps.knowledge.models import Chunk

    actor, source = Actor.system("benchmark"), random.Random(1)
    collections.make("company", actor)
    size, took, number = 0, 0.0, 0
    while Chunk.objects.count() < chunks:
        data = "\n\n".join(prose(source, 700) for _ in range(650)).encode()
        row = actions.add("company", f"noise-{number}.txt", data, actor).document
        took += timed(lambda key=row.pk: indexing.run(key))[0]  # type: ignore[misc]
        size, number = size + len(data), number + 1
    return {
        "chunks": Chunk.objects.count(), "MB": round(size / 1e6, 1),
        "index_s_per_MB": round(took / (size / 1e6), 2),
    }  # fmt: skip


def golden() -> dict[str, Any]:
    """Index the golden documents beside the others, and ask."""
    from apps.audit.actor import Actor
    from apps.knowledge import actions, indexing
    from apps.knowledge.search import search
    from tests.knowledge import make
    from tests.knowledge.test_golden import CASES, answers

    class Everything:
        def allows(self, permission: str) -> bool:
            return True

    for name, data in make.golden().items():
        added = actions.add("company", name, data, Actor.system("benchmark"))
        indexing.run(added.document.pk)
    found, took = 0, []
    asked = [case for case in CASES if case["file"]]
    for case in CASES:
        seconds, hits = timed(lambda q=case["q"]: search(q, Everything()))
        took.append(seconds * 1000)
        found += bool(case["file"]) and any(answers(case, hit) for hit in hits[:3])
    took.sort()
    return {
        "hit@3": f"{found}/{len(asked)}",
        "search_ms_median": round(statistics.median(took), 1),
        "search_ms_p95": round(took[int(len(took) * 0.95)], 1),
    }


def vectors_of(chunks: int) -> dict[str, Any]:
    """The share of comparing vectors: 1024 components, all passages by bits, 200 exactly."""
    from apps.knowledge import vectors

    source = random.Random(2)
    some = [vectors.unit([source.gauss(0, 1) for _ in range(1024)]) for _ in range(200)]
    signs = [(n, vectors.signs(some[n % 200])) for n in range(chunks)]
    asked = vectors.signs(some[0])
    bits, near = timed(lambda: vectors.nearest(asked, signs))
    exact, _ = timed(lambda: [vectors.cosine(some[0], some[key % 200]) for key in near.keys])
    return {"vector_bits_ms": round(bits * 1000, 1), "vector_exact_ms": round(exact * 1000, 1)}


def main() -> None:
    """Print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=10_000)
    chunks = parser.parse_args().chunks
    with tempfile.TemporaryDirectory() as home:
        os.environ["CLAWDBOT_HOME"] = home
        (Path(home) / MARKER).write_text("{}")
        os.environ["CLAWDBOT_SECRET_KEYS"] = "benchmark-0123456789-0123456789-0123456789"
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        found = {**fill(chunks), **golden(), **vectors_of(chunks)}
        print(json.dumps(found, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()

"""An index with questions for stewards, and what hostile sources may send."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mpi.review.audit_sample import draw_audit
from mpi.review.queue import ReviewQueue
from tests.mpi.identity_registry import Registry, national_id

__all__ = ["HOSTILE", "LONG_NAME", "RARE_NAME", "fill_index", "question"]

LONG_NAME = "欧阳" + "娜" * 198
RARE_NAME = "王𠮷"
HOSTILE: dict[str, str] = {
    "script": "<script>document.title='run'</script><img src=x onerror=\"document.title='run'\">",
    "quotes": "王\"'`{{7*7}}{% raw %}",
    "turned": "王\u202e伟\u2066明",
    "control": "王\u0007伟\u200b明",
    "emoji": "王👨‍👩‍👧伟😀",
    "rare": RARE_NAME,
    "long": LONG_NAME,
    "private": "王\ue863",
}
"""Name of the danger -> a name as a source may send it."""

_NAMES = (
    *(("王芳", "王方"), ("张秀英", "张秀瑛"), ("陈丽华", "陈丽花"), ("黄海燕", "黄海雁")),
    *(("周玉珍", "周玉贞"), ("李建国", "李建帼"), ("刘志强", "刘志墙"), ("赵桂兰", "赵桂蓝")),
    *(("吴国庆", "吴国清"), ("杨明", "杨铭")),
)


def _person(place: int, name: str, **more: Any) -> dict[str, Any]:
    birth = f"{1950 + place % 50}-0{1 + place % 9}-1{place % 9}"
    return {
        "name": name,
        "birth_date": birth,
        "gender": "女" if place % 2 else "男",
        "phone": f"136710{place:05d}",
        "region_code": "110105",
        "address": f"北京市朝阳区建国路{place + 1}号3单元1201室",
        "id_number": national_id("110105", birth, 2 * place % 999 + (1 - place % 2)),
        **more,
    }


def question(registry: Registry, place: int, name: str, near: str, **more: Any) -> None:
    """Two records of which nobody can say whether they are one person: a task.

    The second has no number, a name that sounds alike, and another street number.
    """
    first = _person(place, name, **more)
    registry.arrives(f"户籍/R{place}", **first)
    second = {key: value for key, value in first.items() if key not in ("id_number", "phone")}
    second |= {"name": near, "address": f"北京市朝阳区光华路{place + 7}号"}
    registry.arrives(f"医院/H{place}", **second)


def fill_index(path: Path) -> None:
    """Write an index of about a dozen tasks, an identity to split, hostile names, and an audit.

    Parameters
    ----------
    path : an empty directory; the index comes to lie in `index`
    """
    registry = Registry(path)
    for place, (name, near) in enumerate(_NAMES):
        question(registry, 2 * place, name, near)
    queue = ReviewQueue(registry.index)
    for place, name in enumerate(HOSTILE.values(), start=40):
        first = registry.arrives(f"户籍/R{place}", **_person(place, name))
        other = _person(place + 9, name, phone="13911112222", region_code="330106")
        second = registry.arrives(f"医院/H{place}", **(other | {"id_number": "", "birth_date": ""}))
        if first.enterprise_id != second.enterprise_id:
            queue.raise_task((str(first.enterprise_id), str(second.enterprise_id)), by="desk")
    wrong = _person(70, "孙丽", phone="13671093358")
    registry.arrives("户籍/S1", **wrong)
    registry.arrives("医院/S2", **wrong)
    registry.arrives("医保/S3", **wrong)
    draw_audit(registry.index, size=2, by="zhao", repeats=0.0)
    registry.close()
